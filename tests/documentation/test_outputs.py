"""What a page shows below a command is what the command prints."""

from __future__ import annotations

import itertools
import re
import shlex
import shutil
from pathlib import Path

import pytest

from airflow_sm_pipelines import DefinitionError, SageMakerPipelineDag
from airflow_sm_pipelines.cli.main import main
from airflow_sm_pipelines.validation.api_model import api_model
from airflow_sm_pipelines.validation.check_botocore import is_installed_older
from tests.botocores import INSTALLED
from tests.documentation.blocks import ROOT, Block, block_of, blocks, is_steps, steps_of
from tests.documentation.held import TEXTS

EXAMPLE = ROOT / "dags" / "pipelines" / "abalone.json"
# What the tests below compare, beside the consoles: pages and how their blocks begin.
COMPARED = [
    ("README.md", "$.Steps[0].Arguments.EnableNetworkIsolation"),
    ("docs/sidecars.md", "settings of the Dag, and where each comes from:"),
    ("docs/sidecars.md", "pipelines/abalone.airflow.yaml:3:3: error:"),
]


def consoles() -> list[Block]:
    """The blocks of the console that are compared here: all but those that another test holds."""
    return [
        block
        for block in blocks("console")
        if not any(block.page == page and block.text.startswith(begin) for page, begin in TEXTS)
    ]


COMPARED += [(block.page, block.begin) for block in consoles()]


def steps_with_tasks() -> list[tuple[Block, Block]]:
    """Each step or list of steps that a page shows, with the block after it: the tasks that it becomes."""
    return [(one, other) for one, other in itertools.pairwise(blocks()) if is_steps(one)]


COMPARED += [(tasks.page, tasks.begin) for _, tasks in steps_with_tasks()]


@pytest.mark.parametrize(("steps", "tasks"), steps_with_tasks(), ids=str)
def test_steps_become_the_tasks_that_the_page_says(steps: Block, tasks: Block) -> None:
    """A line for each task: its id, its operator, and which tasks it comes after."""
    dag = SageMakerPipelineDag({"Version": "2020-12-01", "Steps": steps_of(steps)}, dag_id="example")
    seen = [
        f"{task.task_id} {task.task_type} {'after ' if task.upstream_task_ids else ''}"
        f"{', '.join(sorted(task.upstream_task_ids))}".strip()
        for task in dag.tasks
    ]
    assert tasks.page == steps.page
    assert sorted(" ".join(line.split()) for line in tasks.text.splitlines()) == sorted(seen)


def test_each_section_of_a_step_type_begins_with_steps() -> None:
    sections = re.split(r"^## .*\n+", (ROOT / "docs" / "step-types.md").read_text(), flags=re.MULTILINE)[1:]
    assert [section.partition("\n")[0] for section in sections if not section.startswith("```json\n")] == []


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of docs/command-line.md, with the files that other pages show: ``<!-- file NAME -->`` names one.

    README.md is read in a clone, where the example is in ``dags/pipelines``.
    """
    monkeypatch.chdir(tmp_path)
    for pipelines in (tmp_path / "pipelines", tmp_path / "dags" / "pipelines"):
        pipelines.mkdir(parents=True)
        shutil.copy(EXAMPLE, pipelines)
    draft = block_of("docs/command-line.md", '{\n  "Version"').text
    (tmp_path / "pipelines" / "draft.json").write_text(draft)
    (tmp_path / "score.json").write_text(block_of("docs/semantics/definitions.md", '{\n  "Version"').text)
    for block in blocks("json"):
        if block.mark.startswith("file "):
            (tmp_path / block.mark.removeprefix("file ")).write_text(block.text)
    return tmp_path


@pytest.mark.parametrize("block", consoles(), ids=str)
def test_a_command_prints_what_the_page_says(
    block: Block, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a page leaves out of an output are whole lines: ``...`` stands for them."""
    command, _, expected = block.text.partition("\n")
    while found := re.match(r"\$ (AIRFLOW__\w+)=(?:'([^']*)'|(\S*)) ", command):
        monkeypatch.setenv(found[1], found[2] or found[3])
        command = f"$ {command[found.end() :]}"
    if command.startswith("$ sm-pipelines drift") and is_installed_older(api_model().botocore):
        pytest.skip("an older botocore knows less than what has been looked at")
    assert command.startswith("$ sm-pipelines ")
    main(shlex.split(command)[2:])
    said = re.sub(r"botocore \d[\d.]*\d", f"botocore {INSTALLED}", expected)
    printed = f"{capsys.readouterr().out.rstrip()}\n"
    lines = said.rstrip().splitlines()
    pattern = "".join("(?:.*\n)*?" if line == "..." else f"{re.escape(line)}\n" for line in lines)
    assert re.fullmatch(pattern, printed), printed


def test_the_findings_of_the_readme() -> None:
    """What a broken definition tells, as README.md shows it."""
    train = {
        "Name": "Train",
        "Type": "Training",
        "Arguments": {"EnableNetworkIsolation": {"Get": "Parameters.Isolted"}},
    }
    definition = {
        "Version": "2020-12-01",
        "Parameters": [{"Name": "Isolated", "Type": "Boolean", "DefaultValue": True}],
        "Steps": [train, {"Name": "Odd", "Type": "Proccessing", "Arguments": {}}],
    }
    with pytest.raises(DefinitionError) as broken:
        SageMakerPipelineDag(definition, dag_id="broken")
    told = [str(finding) for finding in broken.value.findings]
    shown = block_of("README.md", "$.Steps[0].Arguments.EnableNetworkIsolation").text.splitlines()
    assert [line for line in shown if line not in told] == []


def test_the_settings_that_docs_sidecars_md_explains(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for block in blocks("yaml"):
        if block.page == "docs/sidecars.md" and block.begin in (
            "# abalone.prod.airflow.yaml",
            "# _defaults.airflow.yaml",
        ):
            file = folder / "pipelines" / block.begin.removeprefix("# ")
            if not file.exists():
                file.write_text(block.text)
    assert main(["explain", "pipelines/abalone.json", "--pipeline", "abalone.prod"]) == 0
    said = capsys.readouterr().out
    lines = block_of("docs/sidecars.md", "settings of the Dag").text.splitlines()
    assert [line for line in lines if line.strip() != "..." and line not in said.splitlines()] == []


def test_the_finding_that_docs_sidecars_md_shows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = 'schedule: "@daily"\nparameters:\n  MseTreshold: 5.0\n'
    (folder / "pipelines" / "abalone.airflow.yaml").write_text(settings)
    main(["lint", "pipelines/abalone.json"])
    said = capsys.readouterr().out
    shown = block_of("docs/sidecars.md", "pipelines/abalone.airflow.yaml:3:3").text.splitlines()
    assert [line for line in shown if line.strip() not in said] == [], said
