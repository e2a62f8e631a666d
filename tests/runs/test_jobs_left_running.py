"""A step that fails for good while its job may run: the job is looked at, and stopped, by the sweep."""

from __future__ import annotations

import pytest

from tests.runs.harness import ROLE, Airflow, Run, pipeline, training
from tests.runs.records import records, sweep_a_minute_later
from tests.runs.statsd import StatsD
from tests.runs.test_endpoints import serve
from tests.runs.test_inference_components import component
from tests.runs.time_limits import time_over

LONG = {"defaults": {"duration": 600, "stopping": 10}}
DENIED = {"code": "AccessDeniedException", "message": "not now", "status": 400}
NEVER = {"ExceptionType": ["Step.SERVICE_FAULT", "Step.THROTTLING"], "MaxAttempts": 0}


@pytest.fixture(params=[True, False], ids=["deferrable", "synchronous"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def states(airflow: Airflow) -> list[str]:
    return [job.status for job in airflow.endpoint.jobs("training")]


def check_swept(airflow: Airflow, run: Run) -> None:
    """The step has failed, its job runs; the sweep stops it, and is done with it when it has ended."""
    assert run.states == {"Train": "failed"}
    assert states(airflow) == ["InProgress"]
    record = records()[-1]
    assert (record["phase"], record["given_up"], record["open_try"]) == ("intended", True, None)
    sweep_a_minute_later(run.run_id)
    assert states(airflow) == ["Stopping"]
    airflow.endpoint.advance(10)
    sweep_a_minute_later(run.run_id)
    assert (states(airflow), records()[-1]["phase"]) == (["Stopped"], "delivered")


def test_the_reply_to_create_was_lost_and_the_job_cannot_be_looked_for(airflow: Airflow) -> None:
    denied = {"action": "DescribeTrainingJob", "error": DENIED}
    airflow.endpoint.reset({**LONG, "faults": [{"action": "CreateTrainingJob", "drop": "after"}, denied]})
    check_swept(airflow, airflow.run(pipeline(training("Train", RetryPolicies=[NEVER]))))


def test_nothing_came_of_the_call(airflow: Airflow) -> None:
    denied = {"action": "DescribeTrainingJob", "error": DENIED}
    airflow.endpoint.reset({**LONG, "faults": [{"action": "CreateTrainingJob", "drop": "before"}, denied]})
    run = airflow.run(pipeline(training("Train", RetryPolicies=[NEVER])))
    assert (run.states, states(airflow)) == ({"Train": "failed"}, [])
    assert records()[-1]["phase"] == "intended"
    sweep_a_minute_later(run.run_id)
    assert records()[-1]["phase"] == "delivered"
    assert airflow.endpoint.requests("sagemaker", "StopTrainingJob") == ()


def test_the_job_can_no_longer_be_looked_at(airflow: Airflow, statsd: StatsD, deferrable: bool) -> None:
    # The triggerer looks, and then the worker.
    denied = {"action": "DescribeTrainingJob", "error": DENIED, "times": 2 if deferrable else 1}
    airflow.endpoint.reset({**LONG, "faults": [denied]})
    check_swept(airflow, airflow.run(pipeline(training("Train")), deferrable=deferrable))
    assert statsd.ends() == {"unreadable": 1}


def test_a_job_that_the_triggerer_cannot_look_at_is_waited_for_where_the_worker_can(
    airflow: Airflow, statsd: StatsD
) -> None:
    denied = {"action": "DescribeTrainingJob", "error": DENIED}
    airflow.endpoint.reset({"defaults": {"duration": 3}, "faults": [denied]})
    run = airflow.run(pipeline(training("Train")), deferrable=True)
    assert (run.states, states(airflow)) == ({"Train": "success"}, ["Completed"])
    assert statsd.ends() == {"succeeded": 1}


def test_the_job_could_not_be_stopped_when_its_time_was_over(airflow: Airflow, deferrable: bool) -> None:
    airflow.endpoint.reset({**LONG, "faults": [{"action": "StopTrainingJob", "error": DENIED}]})
    with time_over(airflow, deferrable=deferrable) as limit:
        run = airflow.run(pipeline(training("Train")), deferrable=deferrable, default_args=limit)
    check_swept(airflow, run)


def test_the_job_outlived_its_limit_and_could_not_be_stopped(
    airflow: Airflow, deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__MAX_RUNTIME_GRACE", "1")
    jobs = [{"duration": 600, "stopping": 10, "describe": {"StoppingCondition": {"MaxRuntimeInSeconds": 1}}}]
    airflow.endpoint.reset({"jobs": jobs, "faults": [{"action": "StopTrainingJob", "error": DENIED}]})
    check_swept(airflow, airflow.run(pipeline(training("Train")), deferrable=deferrable))


def test_a_job_that_is_known_to_have_ended_is_not_looked_at_again(airflow: Airflow) -> None:
    airflow.endpoint.reset({"jobs": [{"kind": "training", "outcome": "Failed"}]})
    run = airflow.run(pipeline(training("Train")))
    record = records()[-1]
    assert (run.states, record["phase"], record["given_up"]) == ({"Train": "failed"}, "failed", True)
    before = len(airflow.endpoint.requests())
    sweep_a_minute_later(run.run_id)
    assert len(airflow.endpoint.requests()) == before


def test_a_resource_that_was_there_before_is_never_taken_for_the_steps_own(airflow: Airflow) -> None:
    """Its name goes on record with the intent to create or update it, and not with the failure."""
    airflow.endpoint.reset({"defaults": {"duration": 0.1}})
    sagemaker = airflow.endpoint.client("sagemaker")
    sagemaker.create_model(ModelName="model", ExecutionRoleArn=ROLE)
    serve(sagemaker, "old")
    there = component("Part")
    sagemaker.create_inference_component(**there["Arguments"])
    moved = component("Part", Arguments={"EndpointName": "elsewhere"})
    assert airflow.run(pipeline(moved)).states == {"Part": "failed"}
    assert records()[-1]["job_name"] == ""
