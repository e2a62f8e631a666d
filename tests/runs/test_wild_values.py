"""Values met at run time that cannot be used: each fails its step once, and the log says which expression it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.runs.harness import BUCKET, Airflow, Run, condition, equals, pipeline
from tests.runs.test_lambda import events, function

LARGE = int("7" * 40)
DOCUMENT = f'{{"nan": NaN, "half": "x\\ud800", "nul": "a\\u0000", "large": {LARGE}, "digits": "{"9" * 5000}"}}'


def read(path: str, name: str = "values") -> dict[str, Any]:
    return {"Std:JsonGet": {"S3Uri": f"s3://{BUCKET}/{name}.json", "Path": path}}


@pytest.fixture
def files(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__MAX_JSON_FILE_SIZE", "100000")
    s3 = airflow.endpoint.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for name, body in {"values": DOCUMENT, "deep": "[" * 50_000, "huge": " " * 100_001}.items():
        s3.put_object(Bucket=BUCKET, Key=f"{name}.json", Body=body.encode())


def tries(run: Run) -> dict[str, int]:
    """How many tries each task had."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        rows = session.execute(
            select(TaskInstance.task_id, TaskInstance.try_number).where(TaskInstance.run_id == run.run_id)
        )
        return {row.task_id: row.try_number for row in rows}


def told_by(capfd: pytest.CaptureFixture[str]) -> str:
    """The log, in which nothing is told of Python's own errors."""
    log = "".join(capfd.readouterr())
    for error in ("RecursionError", "OverflowError", "ValueError", "UnicodeEncodeError", "JSONDecodeError"):
        assert error not in log
    return log


@pytest.mark.usefixtures("files")
def test_values_of_files(airflow: Airflow, capfd: pytest.CaptureFixture[str]) -> None:
    airflow.endpoint.put_function("compute", lambda _: {})
    wild = {"nan": read("nan"), "half": read("half"), "nul": read("nul")}
    wild |= {"deep": read("a", "deep"), "huge": read("a", "huge")}
    steps = [function(name, Arguments={"v": value}) for name, value in wild.items()]
    compared = condition("digits", [equals(read("digits"), 1)], [function("If")], [])
    exact = condition("exact", [equals(read("large"), LARGE)], [function("large", Arguments={"v": read("large")})], [])
    run = airflow.run(pipeline(*steps, compared, exact))
    failed = {*wild, "digits"}
    assert run.states == {
        **dict.fromkeys(failed, "failed"),
        "If": "upstream_failed",
        "exact": "success",
        "large": "success",
    }
    assert {name: count for name, count in tries(run).items() if count > 1} == {}
    assert events(airflow) == [{"v": LARGE}]
    assert run.rendered("large")["request"]["Payload"] == {"v": str(LARGE)}
    log = told_by(capfd)
    place = f"s3://{BUCKET}"
    for message in (
        f"Step 'nan' failed: Std:JsonGet('{place}/values.json', 'nan') is nan, which is no number that JSON can write.",
        f"Step 'half' failed: Std:JsonGet('{place}/values.json', 'half') has U+D800 at character 2 of a text",
        f"Step 'nul' failed: Std:JsonGet('{place}/values.json', 'nul') has U+0000 at character 2 of a text",
        f"Step 'deep' failed: Std:JsonGet('{place}/deep.json', 'a') cannot be read: {place}/deep.json does not hold",
        "does not hold valid JSON: it is nested too deeply.",
        f"Step 'huge' failed: Std:JsonGet('{place}/huge.json', 'a') cannot be read: {place}/huge.json has 100001 bytes",
        "has 100001 bytes, and [sagemaker_pipelines] max_json_file_size allows 100000.",
        "Step 'digits' failed: A number of 5000 digits cannot be compared; 4300 are the most.",
        f"The left value is Std:JsonGet('{place}/values.json', 'digits').",
    ):
        assert message in log


def test_outputs_of_functions(airflow: Airflow, capfd: pytest.CaptureFixture[str]) -> None:
    outputs = {"nul": "a\0", "half": "\ud800", "large": LARGE, "error": None}

    def compute(event: Any) -> Any:
        if event["name"] == "error":
            raise RuntimeError("no\0 \ud800")
        return {"o": outputs[event["name"]]}

    airflow.endpoint.put_function("compute", compute)
    kinds = {"nul": "String", "half": "String", "large": "Integer", "error": "String"}
    steps = [function(name, {"o": kind}, Arguments={"name": name}) for name, kind in kinds.items()]
    run = airflow.run(pipeline(*steps))
    assert run.states == dict.fromkeys(kinds, "failed")
    assert set(tries(run).values()) == {1}
    assert len(events(airflow)) == 4
    log = told_by(capfd)
    for message in (
        "compute gave an output o with U+0000 at character 2, which cannot be stored.",
        "compute gave an output o with U+D800 at character 1, which cannot be stored.",
        f"compute gave the output o = {LARGE}, which is too large for an Integer (64 bits).",
        "ended with an error: RuntimeError: no\ufffd \ufffd",
    ):
        assert message in log
    assert json.dumps(run.xcom("nul")) == "null"
