"""What a scenario, a fault, the clock or a request's body may not be."""

from __future__ import annotations

import http.client
import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.local.client import EndpointClient
from airflow_sm_pipelines.local.clock import Clock
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.json_text import JsonTextError, read_json
from airflow_sm_pipelines.local.limits import LATEST_TIME, MAX_BODY_BYTES, MAX_DEPTH
from airflow_sm_pipelines.local.reader import ScenarioError
from airflow_sm_pipelines.local.scenario import load_scenario, read_scenario

NAN, INFINITY = float("nan"), float("inf")


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def fault(**members: Any) -> dict[str, Any]:
    return {"faults": [{"error": {"code": "Oops"}, **members}]}


def rule(**members: Any) -> dict[str, Any]:
    return {"jobs": [members]}


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        ({"defaults": {"duration": NAN}}, "$.defaults.duration: NaN is no number"),
        ({"defaults": {"duration": INFINITY}}, "$.defaults.duration: must be at most 31622400, got Infinity"),
        ({"defaults": {"queued": -1e308}}, "$.defaults.queued: must be at least 0, got -1e+308"),
        (rule(duration=1e308), "$.jobs[0].duration: must be at most 31622400, got 1e+308"),
        (rule(stopping=10**400), "$.jobs[0].stopping: must be at most 31622400, got a whole number of 1329 bits"),
        (rule(times=10**5000), "$.jobs[0].times: must be at most 1000000000, got a whole number of"),
        (rule(times=1e308), "$.jobs[0].times: must be at most 1000000000, got 1e+308"),
        (rule(metrics={"m": NAN}), "$.jobs[0].metrics.m: NaN is no number"),
        (rule(metrics={"m": [1, 1e308]}), "$.jobs[0].metrics.m[1]: must be at most 3.40282346639e+38, got 1e+308"),
        (rule(name="x" * 2000), "$.jobs[0].name: has 2000 characters, at most 1024 are allowed"),
        (rule(name="a\0b"), "$.jobs[0].name: a name cannot have the character U+0000"),
        (rule(failure_reason="x" * 2**21), "$.jobs[0].failure_reason: has 2097152 characters"),
        (rule(failure_reason="\ud800"), "$.jobs[0].failure_reason: has half of a surrogate pair"),
        (rule(logs=["x"] * 10_001), "$.jobs[0].logs: has 10001 items, at most 10000 are allowed"),
        (rule(logs=deep(5000)), "$.jobs[0].logs[0]: expected a string, got an array of 1"),
        (rule(result=deep(201)), "$.jobs[0].result: more than 200 levels deep"),
        (rule(result={"a": [NAN]}), "$.jobs[0].result.a[0]: expected a finite number, got NaN"),
        (rule(describe={"a": deep(5000)}), "$.jobs[0].describe: more than 200 levels deep"),
        (rule(outputs={"o": {"f": {"x": deep(5000)}}}), "$.jobs[0].outputs.o.f: more than 200 levels deep"),
        (rule(outputs={"o" * 2000: {}}), "$.jobs[0].outputs: has 2000 characters, at most 1024 are allowed"),
        ({"jobs": [{}] * 10_001}, "$.jobs: has 10001 items, at most 10000 are allowed"),
        ({"s3": {"bucket": {"\ud800": 1}}}, "$.s3.bucket: has half of a surrogate pair"),
        ({"existing": {"model": ["x" * 2000]}}, "$.existing.model[0]: has 2000 characters"),
        (fault(delay=1e308), "$.faults[0].delay: must be at most 86400, got 1e+308"),
        (fault(delay=-1), "$.faults[0].delay: must be at least 0, got -1"),
        (fault(skip=NAN), "$.faults[0].skip: NaN is no number"),
        (fault(action="*" * 5000), "$.faults[0].action: has 5000 characters"),
        ({"faults": [{"error": {"code": "A", "status": 1000}}]}, "$.faults[0].error.status: must be at most 599"),
        ({"x" * 10_000: 1}, "$: has 10000 characters, at most 1024 are allowed"),
    ],
)
def test_a_value_that_no_scenario_has(scenario: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read_scenario(scenario)
    assert str(caught.value).startswith(message)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[NaN]", "not JSON: NaN is not a JSON number"),
        ("-Infinity", "not JSON: -Infinity is not a JSON number"),
        ("1e999", "not JSON: 1e999 is too large a number"),
        ("9" * 5000, "not JSON: Exceeds the limit"),
        ("[" * 100_000, "more than 200 levels deep"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "more than 200 levels deep"),
        (b'"\xff"', "not JSON: 'utf-8' codec can't decode"),
    ],
)
def test_text_that_is_not_json_or_too_deep(text: str | bytes, message: str) -> None:
    with pytest.raises(JsonTextError, match="^" + re.escape(message)):
        read_json(text)


def test_as_deep_as_allowed() -> None:
    assert read_json("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert read_scenario(rule(result=deep(MAX_DEPTH))).jobs[0].result == deep(MAX_DEPTH)


def test_a_scenario_file_that_is_too_large(tmp_path: Path) -> None:
    file = tmp_path / "large.json"
    with file.open("wb") as opened:
        opened.truncate(MAX_BODY_BYTES + 1)
    with pytest.raises(ScenarioError, match="a scenario has at most 16777216 bytes"):
        load_scenario(file)
    with pytest.raises(ScenarioError, match="cannot be read: Is a directory"):
        load_scenario(tmp_path)


@pytest.mark.parametrize("scale", [0, -1, NAN, INFINITY, 1e308, 1e-9])
def test_a_clock_that_cannot_be(scale: float) -> None:
    with pytest.raises(ValueError, match=r"time_scale must be between 0\.01 and 1e"):
        LocalEndpoint(time_scale=scale)


def test_the_clock_stops_in_the_year_3000() -> None:
    clock = Clock(1_000_000)
    for _ in range(2000):
        clock.advance(366 * 86_400)
    assert clock.now() == LATEST_TIME


@pytest.mark.parametrize("seconds", ["NaN", "Infinity", "1e308", "-1", "9" * 5000, '"1"', "[" * 100_000, "true"])
def test_the_clock_is_not_moved_by_what_is_no_time(endpoint: LocalEndpoint, seconds: str) -> None:
    before = EndpointClient(endpoint.url).health()["time"]
    status, answer = post(endpoint, "/_local/advance", f'{{"seconds": {seconds}}}')
    assert (status, bool(json.loads(answer)["error"])) == (400, True)
    assert EndpointClient(endpoint.url).health()["time"] < before + 1000


@pytest.mark.parametrize("seconds", [NAN, INFINITY, -1, 1e308])
def test_the_clock_in_process_neither(endpoint: LocalEndpoint, seconds: float) -> None:
    with pytest.raises(ScenarioError, match=r"\$\.seconds"):
        endpoint.advance(seconds)


@pytest.mark.parametrize("body", ["[" * 100_000, '{"TrainingJobName": NaN}', '{"x": 1e999}', "{", "[]", "\xff"])
def test_a_call_whose_body_cannot_be_read(endpoint: LocalEndpoint, body: str) -> None:
    headers = {
        "X-Amz-Target": "SageMaker.StopTrainingJob",
        "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sagemaker/aws4_request, Signature=0",
    }
    status, answer = post(endpoint, "/", body, headers)
    assert (status, json.loads(answer)["__type"]) == (400, "SerializationException")
    assert endpoint.requests("sagemaker", "StopTrainingJob")[0].error_code == "SerializationException"


@pytest.mark.parametrize(("path", "chunked"), [("/_local/scenario", False), ("/_local/scenario", True), ("/", False)])
def test_a_body_that_is_too_large(
    endpoint: LocalEndpoint, path: str, chunked: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    headers = {"X-Amz-Target": "SageMaker.ListModels"} if path == "/" else {}
    body = b" " * (MAX_BODY_BYTES + 1)
    status, answer = post(endpoint, path, iter([body]) if chunked else body, headers)
    assert status == 413
    assert b"more than 16777216 bytes" in answer
    assert len(caplog.messages) == 1


def post(endpoint: LocalEndpoint, path: str, body: Any, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(endpoint.url.removeprefix("http://"), timeout=30)
    try:
        data = body.encode("latin-1") if isinstance(body, str) else body
        connection.request("POST", path, data, headers or {}, encode_chunked=not isinstance(data, bytes))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
