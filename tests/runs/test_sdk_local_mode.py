"""What needs the SageMaker SDK itself, version 2: ``@step`` functions, and its own local mode beside ours.

``make test-sdk`` makes an environment that has it; elsewhere these tests are skipped.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.cli.test_airflow_commands import parse
from tests.documentation.blocks import ROOT, block_of
from tests.local_mode.uploads import SDK, upload
from tests.runs.harness import BUCKET, DAG_FILE, Airflow, Run

PYTHON = ROOT / ".sdk" / "2" / "bin" / "python"
pytestmark = [
    pytest.mark.skipif(not PYTHON.exists(), reason="needs the SageMaker SDK: make test-sdk"),
    pytest.mark.timeout(900),
]
STATES = {"Succeeded": "success", "Failed": "failed"}


def really_run(airflow: Airflow, definition: Path, **conf: Any) -> Run:
    """Run it. The jobs' code makes calls of its own, so what is called is not compared with the policy."""
    (airflow.folder / "pipeline_dag.py").write_text(
        DAG_FILE.format(path=str(definition), arguments={"dag_id": "pipeline"})
    )
    return airflow.test("pipeline", conf)


def sdk(*arguments: str | Path, **environment: str) -> str:
    answer = subprocess.run(
        [PYTHON, *arguments], env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True, check=True
    )
    return answer.stdout


def test_step_functions_run(airflow: Airflow, tmp_path: Path) -> None:
    sdk(SDK / "write_functions.py", tmp_path)
    rule = {"run": "process", "python": str(PYTHON), "network": True}
    airflow.endpoint.reset({"runner": [rule]})
    upload(airflow.endpoint, tmp_path / "functions_2.json")
    run = really_run(airflow, tmp_path / "functions_2.json", Count=6)
    assert run.states == {"Numbers": "success", "Total": "success", "Enough": "success", "TooFew": "skipped"}
    # 0 + 1 + 2 + 3 is too few
    few = really_run(airflow, tmp_path / "functions_2.json", Count=4)
    assert few.states == {"Numbers": "success", "Total": "success", "Enough": "success", "TooFew": "failed"}


@pytest.mark.parametrize("limit", [10.0, 0.0], ids=["if", "else"])
def test_the_sdks_local_executor_comes_to_the_same(
    airflow: Airflow, local_endpoint: LocalEndpoint, tmp_path: Path, limit: float
) -> None:
    local_endpoint.reset({"runner": [{"run": "process"}]})
    local_endpoint.client("s3").create_bucket(Bucket=BUCKET)
    said = sdk(
        SDK / "compared.py",
        *("execute", local_endpoint.url, str(limit)),
        PATH=os.pathsep.join([str(SDK / "stub"), str(PYTHON.parent), os.environ["PATH"]]),
        AWS_ENDPOINT_URL=local_endpoint.url,
    )
    theirs = json.loads(said.splitlines()[-1])
    report = local_endpoint.client("s3").get_object(Bucket=BUCKET, Key="compared/report/report.json")["Body"].read()

    sdk(SDK / "compared.py", "define", tmp_path)
    local_endpoint.reset({"runner": [{"run": "process"}]})
    upload(local_endpoint, tmp_path / "compared.json")
    ours = really_run(airflow, tmp_path / "compared.json", Limit=limit)

    assert ours.state == STATES[theirs["status"]]
    ended = {name: STATES[state] for name, state in theirs["states"].items()}
    # What the SDK does not run, it does not tell of.
    assert {name: state for name, state in ours.states.items() if state != "skipped"} == ended
    assert ours.xcom("Check")["Outcome"] is (theirs["outcome"] in (True, "True", "true"))
    measured = local_endpoint.client("s3").get_object(Bucket=BUCKET, Key="compared/report/report.json")["Body"].read()
    assert json.loads(measured) == json.loads(report)

    sent = {name: _of_step(airflow, name) for name in theirs["requests"]}
    assert sent == {name: _without_names(request) for name, request in theirs["requests"].items()}


def test_docs_local_tutorial_md(
    local_endpoint: LocalEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = "docs/local-tutorial.md"
    monkeypatch.chdir(tmp_path)
    for name in ("measure.py", "pipeline.py"):
        Path(name).write_text(block_of(page, f"# {name}").text)
    local_endpoint.reset(json.loads(block_of(page, '{\n  "runner"').text))
    sdk("pipeline.py", AWS_ENDPOINT_URL=local_endpoint.url)

    assert run_of("mine.json", "--endpoint", local_endpoint.url) == 0
    told = re.escape(block_of(page, "success  Measure").text).replace("…", ".*").replace(r"\ ", " +")
    told = re.sub(r"(?: \+)+", " +", told)
    assert re.search(told, capsys.readouterr().out)
    assert run_of("mine.json", "--endpoint", local_endpoint.url, "--conf", '{"Limit": 2}') == 1
    assert "the mean is too large" in capsys.readouterr().out


def run_of(*arguments: str) -> int:
    parsed = parse("run", *arguments)
    with pytest.raises(SystemExit) as ended:
        parsed.func(parsed)
    return int(str(ended.value.code))


@pytest.mark.parametrize("name", ["abalone", "diabetes"])
def test_an_example_is_what_its_script_authors(name: str) -> None:
    assert "is up to date" in sdk(ROOT / "examples" / f"{name}_authoring.py", "--check")


def _of_step(airflow: Airflow, name: str) -> Any:
    [request] = [
        request
        for request in airflow.created()
        if f"-{name}-" in str(request.get("ProcessingJobName") or request.get("TrainingJobName"))
    ]
    return _without_names(request)


def _without_names(value: Any) -> Any:
    """A request without the name of its job, and with one name for the job whose model it reads."""
    if isinstance(value, Mapping):
        kept = {key: each for key, each in value.items() if key not in ("ProcessingJobName", "TrainingJobName")}
        return {key: _without_names(each) for key, each in kept.items()}
    if isinstance(value, list):
        return [_without_names(each) for each in value]
    if isinstance(value, str) and value.endswith("/output/model.tar.gz"):
        return value.rsplit("/", 3)[0] + "/JOB/output/model.tar.gz"
    return value
