"""The Python of the pages: it compiles, what it imports is there, and what is marked is a dags file that loads.

``<!-- run -->`` above a block marks it: it is run as a file of a dags folder with the example and copies of it, and no
Dag that comes of it is one of an error.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.sdk import DAG

from airflow_sm_pipelines import unregister_step_type
from dev.public_api import LATER, MODULES, OTHERS
from tests.documentation.blocks import ROOT, Block, block_of, blocks

EXAMPLE = ROOT / "dags" / "pipelines" / "abalone.json"
GLUE = ROOT / "tests" / "glue_step_type"
FILES = ("abalone.json", "one.json", "pipelines/abalone.json", "pipelines/sales.json", "training/train.json")


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_it_compiles_and_its_imports_are_there(block: Block) -> None:
    missing = []
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.Import):
            missing += [alias.name for alias in node.names if importlib.util.find_spec(alias.name) is None]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.module.startswith("sagemaker"):
            if node.module == "glue_steps":
                continue
            module = importlib.import_module(node.module)
            missing += [each.name for each in node.names if not hasattr(module, each.name)]
    assert missing == []


@pytest.mark.parametrize("block", blocks("python", run=True), ids=str)
def test_marked_blocks_load(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(GLUE))
    for name in (*FILES, "deployment/deploy.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(EXAMPLE, tmp_path / name)
    names = loaded(tmp_path / "block.py", block.text)
    if "SageMakerPipeline" in block.text or "load_dags(" in block.text:
        assert [each for each in names.values() if isinstance(each, DAG)]


def loaded(file: Path, text: str) -> dict[str, object]:
    """The names that a dags file has in the end; none of its Dags is one that tells of an error."""
    file.write_text(text)
    try:
        names = runpy.run_path(str(file))
    finally:
        unregister_own_types()
    dags = [each for each in names.values() if isinstance(each, DAG)]
    assert [(dag.dag_id, dag.doc_md) for dag in dags if "definition-error" in dag.tags] == []
    return names


def unregister_own_types() -> None:
    with contextlib.suppress(ValueError):
        unregister_step_type("GlueJob")


def test_the_page_of_own_step_types_shows_the_file_that_it_names() -> None:
    """The page leaves some arguments out; what it shows is what the file has."""
    there = runpy.run_path(str(GLUE / "glue_steps.py"))
    kind, adapter, step_type = ast.parse(block_of("docs/extending.md", "KIND = JobKind(").text).body
    assert isinstance(adapter, ast.ClassDef)
    assert there[ast.unparse(adapter.bases[0])] in there[adapter.name].__bases__
    for name, shown in (("KIND", kind), ("STEP_TYPE", step_type)):
        assert isinstance(shown, ast.Assign)
        call = shown.value
        assert isinstance(call, ast.Call)
        assert type(there[name]) is there[ast.unparse(call.func)]
        for argument in call.keywords:
            value = eval(ast.unparse(argument.value), dict(there))  # the page's own code
            assert value == getattr(there[name], str(argument.arg)), argument.arg


def test_the_dags_of_docs_git_folders_md(tmp_path: Path) -> None:
    paths: list[str] = []
    for line in block_of("docs/git-folders.md", "dags/").text.splitlines():
        depth, name = (len(line) - len(line.lstrip())) // 2, line.strip()
        paths[depth:] = [name]
        file = tmp_path.joinpath(*paths)
        if name.endswith("/"):
            file.mkdir()
        elif name.endswith(".json"):
            file.parent.mkdir(exist_ok=True, parents=True)
            shutil.copy(EXAMPLE, file)
        elif name.endswith(".yaml"):
            file.parent.mkdir(exist_ok=True, parents=True)
            file.write_text('schedule: "@daily"\n')
    names = loaded(tmp_path / "dags" / "loader.py", block_of("docs/git-folders.md", "# dags/loader.py").text)
    made = {name for name, each in names.items() if isinstance(each, DAG)}
    [said] = re.findall(r"^makes the Dags (.*?)\.", (ROOT / "docs" / "git-folders.md").read_text(), re.MULTILINE)
    assert made == set(re.findall(r"`(\w+)`", said))
    assert getattr(names["forecasting__daily"], "schedule", None) == "@daily"


def test_the_script_of_docs_local_tutorial_md_measures(tmp_path: Path) -> None:
    (tmp_path / "measure.py").write_text(block_of("docs/local-tutorial.md", "# measure.py").text)
    scenario = json.loads(block_of("docs/local-tutorial.md", '{\n  "runner"').text)
    [table] = scenario["s3"]["my-bucket"].values()
    (tmp_path / "input").mkdir()
    (tmp_path / "input" / "values.csv").write_text(table["text"])
    command = [sys.executable, "measure.py", "--base", str(tmp_path)]
    said = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert said == "3 values, their mean is 3.0\n"
    assert json.loads((tmp_path / "report" / "report.json").read_text()) == {"mean": 3.0}


def imported(text: str) -> set[str]:
    """What a file takes of this package, as dotted paths."""
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    return {
        f"{node.module}.{each.name}"
        for node in found
        for each in node.names
        if (node.module or "").split(".")[0] == "airflow_sm_pipelines"
    }


def test_what_pages_import_or_name_to_airflow_is_public() -> None:
    """What is on no page of the Python API may change without a word (docs/versioning.md)."""
    public = {f"{module}.{name}" for module, names in MODULES.items() for name in names} | {*OTHERS, *LATER}
    taken = {path for block in blocks("python") for path in imported(block.text)}
    taken |= {path for block in blocks("ini") for path in re.findall(r"airflow_sm_pipelines(?:\.\w+)+", block.text)}
    taken |= imported((GLUE / "glue_steps.py").read_text())
    assert taken - public == set()
