"""``sm-pipelines pull``, against a SageMaker over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_sm_pipelines.cli.main import main
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.store.pulled_folder import MANIFEST
from tests.cli.test_airflow_commands import parse
from tests.documentation.blocks import block_of
from tests.store.registering import BROKEN, DEFINITION, change, register, unregister


@pytest.fixture
def endpoint(local_endpoint: LocalEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalEndpoint:
    monkeypatch.chdir(tmp_path)
    return local_endpoint


def pulled(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    status = main(["pull", *arguments])
    return status, capsys.readouterr().out.splitlines()


def names() -> list[str]:
    return sorted(path.name for path in Path("pipelines").iterdir() if path.name != MANIFEST)


def test_the_example_of_docs_from_aws_md(endpoint: LocalEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    command, *expected = block_of("docs/from-aws.md", "$ sm-pipelines pull").text.splitlines()
    assert command == "$ sm-pipelines pull --all --prune"
    for name in ("churn", "fraud", "old"):
        register(endpoint, name)
    pulled(capsys, "--all")
    change(endpoint, "churn", PipelineDescription="Who leaves")
    unregister(endpoint, "old")
    register(endpoint, "abalone")
    assert pulled(capsys, "--all", "--prune") == (0, expected)


def test_all_pipelines_come_and_go(endpoint: LocalEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("abalone", "churn", "fraud"):
        register(endpoint, name)
    assert pulled(capsys, "--all") == (
        0,
        [
            "new        abalone.json",
            "new        churn.json",
            "new        fraud.json",
            "3 pipelines pulled into pipelines: 3 new",
        ],
    )
    assert json.loads(Path("pipelines/churn.json").read_text())["PipelineDefinition"] == DEFINITION
    Path("pipelines/mine.json").write_text("{}")
    change(endpoint, "churn", PipelineDescription="Who leaves")
    unregister(endpoint, "fraud")
    assert pulled(capsys, "--all", "--prune", "--dry-run") == (
        0,
        [
            "unchanged  abalone.json",
            "changed    churn.json",
            "removed    fraud.json",
            "2 pipelines would be pulled into pipelines: 1 changed, 1 unchanged, 1 removed",
        ],
    )
    assert names() == ["abalone.json", "churn.json", "fraud.json", "mine.json"]
    assert pulled(capsys, "--all", "--prune")[0] == 0
    assert names() == ["abalone.json", "churn.json", "mine.json"]


def test_by_name_and_by_tag(endpoint: LocalEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    register(endpoint, "abalone", tags={"team": "sea"})
    register(endpoint, "churn")
    assert pulled(capsys, "abalone", "nobody") == (
        1,
        [
            "new        abalone.json",
            "failed     nobody: there is no such pipeline",
            "1 pipeline pulled into pipelines: 1 new, 1 failed",
        ],
    )
    assert endpoint.requests("sagemaker", "ListPipelines") == ()
    assert pulled(capsys, "churn", "--folder", "other")[0] == 0
    assert Path("other/churn.json").exists()
    assert pulled(capsys, "--tag", "team=sea")[1][-1] == "1 pipeline pulled into pipelines: 1 unchanged"


def test_a_broken_definition_is_pulled_and_told(endpoint: LocalEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    register(endpoint, "bad", BROKEN)
    register(endpoint, "good")
    status, lines = pulled(capsys, "--all")
    assert status == 1
    assert names() == ["bad.json", "good.json"]
    [error] = [line for line in lines if "error:" in line]
    assert error.startswith("pipelines/bad.json:")
    assert error.endswith("the parameter 'Missing' is not declared")
    assert lines[-1] == "2 pipelines pulled into pipelines: 2 new, 1 broken"
    status = main(["pull", "--all", "--format", "json"])
    told = json.loads(capsys.readouterr().out)
    assert (status, told["broken"], told["failed"]) == (1, ["bad.json"], [])
    assert told["files"] == [{"file": "bad.json", "state": "unchanged"}, {"file": "good.json", "state": "unchanged"}]
    assert [finding["code"] for finding in told["findings"]] == ["unknown-parameter"]


def test_a_file_that_was_edited_stays(endpoint: LocalEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    register(endpoint, "abalone")
    pulled(capsys, "--all")
    Path("pipelines/abalone.json").write_text("{}")
    assert pulled(capsys, "--all") == (
        1,
        [
            "kept       abalone.json: it was edited since it was pulled; --overwrite takes SageMaker's",
            "0 pipelines pulled into pipelines: 1 kept",
        ],
    )
    assert pulled(capsys, "--all", "--overwrite")[0] == 0


def test_an_outage_changes_nothing(endpoint: LocalEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        register(endpoint, name)
    pulled(capsys, "--all")
    unregister(endpoint, "a")
    change(endpoint, "b", PipelineDescription="new")
    before = {path.name: path.read_bytes() for path in Path("pipelines").iterdir()}
    endpoint.add_fault(action="ListPipelines", error="AccessDeniedException", times=100)
    assert main(["pull", "--all", "--prune"]) == 2
    assert capsys.readouterr().err == (
        "sm-pipelines pull: AWS cannot be asked: AccessDeniedException: AccessDeniedException\n"
    )
    assert {path.name: path.read_bytes() for path in Path("pipelines").iterdir()} == before


def test_an_empty_list_removes_nothing(endpoint: LocalEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    register(endpoint, "a")
    pulled(capsys, "--all")
    unregister(endpoint, "a")
    assert main(["pull", "--all", "--prune"]) == 2
    assert "is it the right account and region?" in capsys.readouterr().err
    assert names() == ["a.json"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["my_pipe"],
        ["a", "--all"],
        ["--all", "--tag", "a=b"],
        ["--tag", "a"],
        ["--tag", "=b"],
        ["--tag", "a=b", "--tag", "a=c"],
    ],
)
def test_wrong_usage(endpoint: LocalEndpoint, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main(["pull", *arguments]) == 2
    assert endpoint.requests() == ()
    assert not Path("pipelines").exists()


def test_a_folder_that_is_none(endpoint: LocalEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    Path("pipelines").write_text("")
    assert main(["pull", "--all"]) == 2
    assert capsys.readouterr().err == "sm-pipelines pull: pipelines is no folder\n"


def test_the_console_script_imports_no_airflow(endpoint: LocalEndpoint) -> None:
    register(endpoint, "a")
    program = (
        "import sys; from airflow_sm_pipelines.cli.main import main; status = main(['pull', '--all']);"
        "assert not any(m.split('.')[0] == 'airflow' for m in sys.modules); sys.exit(status)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    assert names() == ["a.json"]


def test_airflows_command_line_takes_a_connection(
    endpoint: LocalEndpoint, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    register(endpoint, "a")
    monkeypatch.setenv("AIRFLOW_CONN_ELSEWHERE", "aws://?region_name=eu-west-1")
    arguments = parse("pull", "--all", "--aws-conn-id", "elsewhere")
    with pytest.raises(SystemExit) as ended:
        arguments.func(arguments)
    # The pipeline is in us-east-1, the region of the shell.
    assert (ended.value.code, capsys.readouterr().out) == (0, "0 pipelines pulled into pipelines\n")
    arguments = parse("pull", "--all", "--aws-conn-id", "elsewhere", "--region", "us-east-1")
    with pytest.raises(SystemExit):
        arguments.func(arguments)
    assert names() == ["a.json"]
