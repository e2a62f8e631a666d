from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.faults import FaultBook, read_fault
from airflow_sm_pipelines.local.reader import Node, ScenarioError
from airflow_sm_pipelines.local.scenario import load_scenario, read_scenario
from airflow_sm_pipelines.local.timeline import Phase, Timeline

FAULT = {"service": "sagemaker", "action": "Describe*", "error": {"code": "ThrottlingException"}}


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        ({"job": []}, "$.job: unknown key (did you mean 'jobs'?)"),
        ({"jobs": {}}, "$.jobs: expected an array, got {}"),
        ({"jobs": [{}, {"duration": "1s"}]}, '$.jobs[1].duration: expected a number, got "1s"'),
        ({"jobs": [{"duration": True}]}, "$.jobs[0].duration: expected a number, got true"),
        ({"jobs": [{"duration": -1}]}, "$.jobs[0].duration: must be at least 0, got -1"),
        ({"jobs": [{"times": 1.5}]}, "$.jobs[0].times: expected a whole number, got 1.5"),
        ({"jobs": [{"times": 0}]}, "$.jobs[0].times: must be at least 1, got 0"),
        ({"jobs": [{"outcome": "Complete"}]}, "(did you mean 'Completed'?)"),
        ({"jobs": [{"kind": "cooking"}]}, "$.jobs[0].kind: 'cooking' is none of automl, "),
        ({"jobs": [{"outputs": {"o": [1]}}]}, "$.jobs[0].outputs.o: expected an object, got [1]"),
        ({"jobs": [{"outputs": {"o": {"f": {"text": 1}}}}]}, "$.jobs[0].outputs.o.f.text: expected a string"),
        ({"jobs": [{"metrics": {"m": "x"}}]}, "$.jobs[0].metrics.m: expected a number"),
        ({"jobs": [{"describe": 1}]}, "$.jobs[0].describe: expected an object"),
        ({"defaults": {"length": 1}}, "$.defaults.length: unknown key (known: duration, queued, stopping)"),
        ({"s3": {"bucket": 1}}, "$.s3.bucket: expected an object"),
        ({"faults": [{"service": "s3"}]}, "$.faults[0]: does nothing: give one of error, delay, drop, pause"),
        ({"faults": [{"drop": "during"}]}, "$.faults[0].drop: 'during' is none of after, before"),
        ({"faults": [{"error": {}}]}, "$.faults[0].error: an error needs a code"),
        ({"faults": [{"drop": "after", **FAULT}]}, "$.faults[0]: error and drop exclude each other"),
    ],
)
def test_errors_name_the_place(scenario: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read_scenario(scenario)
    assert message in str(caught.value)


def test_files(tmp_path: Path) -> None:
    good = tmp_path / "good.json"
    good.write_text('{"defaults": {"duration": 3}}')
    assert read_scenario(load_scenario(good)).defaults.duration == 3
    for text, message in (("{", "not JSON"), ("[]", "a scenario is a JSON object")):
        good.write_text(text)
        with pytest.raises(ScenarioError, match=message):
            load_scenario(good)
    with pytest.raises(ScenarioError, match="no such scenario file"):
        load_scenario(tmp_path / "none.json")


def test_a_wrong_scenario_is_refused_before_the_start() -> None:
    with pytest.raises(ScenarioError, match=r"\$\.jobs"):
        LocalEndpoint(scenario={"jobs": 1})
    with pytest.raises(ValueError, match="time_scale"):
        LocalEndpoint(time_scale=0)


def test_contents() -> None:
    files = {"a": {"x": 1}, "b": {"text": "plain"}, "c": {"text": "plain", "y": 2}, "d": None}
    found = read_scenario({"s3": {"bucket": files}}).s3["bucket"]
    assert found == {"a": b'{"x": 1}', "b": b"plain", "c": b'{"text": "plain", "y": 2}', "d": b"null"}


def test_fault_book_skips_and_counts() -> None:
    book = FaultBook()
    book.add(read_fault(Node({**FAULT, "skip": 1, "times": 2})))
    hits = [book.meet("sagemaker", "DescribeTrainingJob", {}) is not None for _ in range(5)]
    assert hits == [False, True, True, False, False]
    assert book.meet("s3", "DescribeTrainingJob", {}) is None


def test_fault_matches_any_name_of_the_request() -> None:
    fault = read_fault(Node({**FAULT, "action": "*", "name": "job-*"}))
    assert fault.matches("sagemaker", "StopTrainingJob", {"TrainingJobName": "job-1"})
    assert not fault.matches("sagemaker", "StopTrainingJob", {"TrainingJobName": "x", "Note": "job-1"})
    assert not fault.matches("sagemaker", "ListTrainingJobs", {})


def test_timeline_is_a_function_of_time() -> None:
    line = Timeline((Phase(1, "a"), Phase(2, "b"), Phase(3, "c")))
    assert [line.current(t).status for t in (0, 1, 1.9, 2, 3, 99)] == ["a", "a", "a", "b", "c", "c"]
    assert [line.ended(t) for t in (2.9, 3)] == [False, True]
    stopped = line.then(2.5, Phase(2.5, "stopping"), Phase(4, "stopped"))
    assert [phase.status for phase in stopped.phases] == ["a", "b", "stopping", "stopped"]
