"""A step type of a package outside of this one (tests/glue_step_type), known by its entry point alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.report.iam import policy_of
from airflow_sm_pipelines.step_types import STEP_TYPES
from tests.runs.adapters import lose_the_first_try
from tests.runs.glue import GlueEndpoint, glue_endpoint
from tests.runs.harness import Airflow, get, pipeline, training
from tests.runs.time_limits import time_over_in_trigger, time_over_in_worker

PACKAGE = Path(__file__).parents[1] / "glue_step_type"
NAME_ARGUMENT = "--pipelines-run-name"


def glue_job(name: str, **members: Any) -> dict[str, Any]:
    arguments = {"JobName": "etl", "Arguments": {"--day": get("Execution.PipelineName")}}
    return {"Name": name, "Type": "GlueJob", "Arguments": arguments, **members}


@pytest.fixture
def glue(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> Iterator[GlueEndpoint]:
    """The package is installed, and Glue answers."""
    monkeypatch.syspath_prepend(PACKAGE)
    STEP_TYPES.forget_entry_points()
    with glue_endpoint() as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_GLUE", endpoint.url)
        yield endpoint
    STEP_TYPES.forget_entry_points()


@pytest.mark.parametrize("deferrable", [True, False])
def test_a_run_succeeds_and_others_read_its_result(airflow: Airflow, glue: GlueEndpoint, deferrable: bool) -> None:
    after = training("After", Arguments={"HyperParameters": {"run": get("Steps.Etl.Id")}})
    definition = pipeline(glue_job("Etl"), after)
    run = airflow.run(definition, deferrable=deferrable)
    assert run.states == {"Etl": "success", "After": "success"}
    [started] = glue.made("StartJobRun")
    assert started["JobName"] == "etl"
    assert started["Arguments"]["--day"] == "pipeline"
    assert started["Arguments"][NAME_ARGUMENT].startswith("pipelines-")
    assert run.xcom("Etl")["JobRunState"] == "SUCCEEDED"
    assert run.xcom("Etl", "sagemaker")["job_arn"] == "jr_1"
    assert airflow.created("CreateTrainingJob")[0]["HyperParameters"] == {"run": "jr_1"}
    assert glue.made("BatchStopJobRun") == []
    allowed = {action for statement in policy_of(plan(definition))["Statement"] for action in statement["Action"]}
    assert {f"glue:{action}" for action, _ in glue.calls} <= allowed


def test_a_failure_tells_the_reason(airflow: Airflow, glue: GlueEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    glue.states, glue.reason = ("RUNNING", "FAILED"), "Command failed with exit code 1"
    run = airflow.run(pipeline(glue_job("Etl")))
    assert run.states == {"Etl": "failed"}
    assert len(glue.made("StartJobRun")) == 1
    told = capsys.readouterr().out
    assert "ended as FAILED: Command failed with exit code 1" in told
    assert "gluestudio/home?region=us-east-1#/job/etl/run/jr_1" in told


@pytest.mark.parametrize("deferrable", [True, False])
def test_the_end_of_its_time_stops_the_run(airflow: Airflow, glue: GlueEndpoint, deferrable: bool) -> None:
    glue.states = ("RUNNING",)
    with time_over_in_trigger() if deferrable else time_over_in_worker(lambda: glue.made("GetJobRun")) as limit:
        run = airflow.run(pipeline(glue_job("Etl")), deferrable=deferrable, default_args=limit)
    assert run.states == {"Etl": "failed"}
    assert glue.made("BatchStopJobRun") == [{"JobName": "etl", "JobRunIds": ["jr_1"]}]


def test_the_run_of_a_lost_try_is_taken_over(airflow: Airflow, glue: GlueEndpoint) -> None:
    lose_the_first_try("GlueJob")
    run = airflow.run(pipeline(glue_job("Etl")))
    assert run.states == {"Etl": "success"}
    assert len(glue.made("StartJobRun")) == 1


def test_a_run_whose_reply_was_lost_is_found_by_its_name(airflow: Airflow, glue: GlueEndpoint) -> None:
    glue.lose_replies = 1
    run = airflow.run(pipeline(glue_job("Etl")))
    assert run.states == {"Etl": "success"}
    assert len(glue.made("StartJobRun")) == 1
    assert glue.made("GetJobRuns") == [{"JobName": "etl"}]


def test_a_deferred_task_that_is_killed_stops_its_run(airflow: Airflow, glue: GlueEndpoint) -> None:
    from airflow_sm_pipelines.aws.access import AwsAccess
    from airflow_sm_pipelines.jobs.trigger import JobTrigger

    kind = STEP_TYPES["GlueJob"].kind
    assert kind is not None
    glue.answer("StartJobRun", {"JobName": "etl", "Arguments": {}})
    known = {"JobName": "etl", "RunId": "jr_1"}
    bound = kind.bound(describe_params=known, stop_params={"JobName": "etl", "JobRunIds": ["jr_1"]})
    access = AwsAccess("aws_default", "us-east-1", None, None).to_json()
    trigger = JobTrigger(bound.to_json(), "pipelines-run", access, 0.1, 0.5, None)
    _, arguments = trigger.serialize()
    again = JobTrigger(**json.loads(json.dumps(arguments)))
    asyncio.run(again.on_kill())
    assert glue.made("BatchStopJobRun") == [{"JobName": "etl", "JobRunIds": ["jr_1"]}]


def test_what_its_rules_forbid_fails_before_any_call(
    airflow: Airflow, glue: GlueEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    run = airflow.run(pipeline(glue_job("Etl", Arguments={"JobName": "etl", "JobRunId": "jr_0"})))
    assert run.states == {"Etl": "failed"}
    assert "JobRunId in its Arguments cannot be given: the service sets it" in capsys.readouterr().out
    assert glue.calls == []
