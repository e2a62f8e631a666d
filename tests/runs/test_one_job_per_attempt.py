"""One job per attempt, whatever happens between a step and AWS; and what is retried."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.runs.harness import Airflow, pipeline, training
from tests.runs.statsd import StatsD
from tests.runs.time_limits import time_over

THROTTLED = {"code": "ThrottlingException", "message": "Rate exceeded", "status": 400}
LOST_REPLY = {"service": "sagemaker", "action": "CreateTrainingJob", "drop": "after"}


@pytest.fixture(params=[True, False], ids=["deferrable", "synchronous"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def jobs(airflow: Airflow) -> list[str]:
    return [job.name for job in airflow.endpoint.jobs("training")]


def test_a_call_without_an_answer_is_looked_for_and_made_again_under_its_name(
    airflow: Airflow, deferrable: bool
) -> None:
    """No policy counts that: none grants a retry here."""
    never = [{"ExceptionType": ["Step.SERVICE_FAULT"], "MaxAttempts": 0}]
    faults = [{**LOST_REPLY, "drop": "before", "times": 2}, {**LOST_REPLY, "times": 1}]
    airflow.endpoint.reset({"faults": faults})
    run = airflow.run(pipeline(training("Train", RetryPolicies=never)), deferrable=deferrable)
    assert run.state == "success"
    assert jobs(airflow) == [run.xcom("Train")["TrainingJobName"]]
    assert run.xcom("Train", "sagemaker")["attempt"] == 1
    names = [r.parameters["TrainingJobName"] for r in airflow.endpoint.requests("sagemaker", "CreateTrainingJob")]
    assert names == jobs(airflow) * 3


def test_endless_throttling_makes_as_many_calls_as_the_policies_grant(airflow: Airflow) -> None:
    """The service's default policy takes half a minute: tests/faults has it."""
    airflow.endpoint.reset({"faults": [{"action": "Create*", "error": THROTTLED, "times": 1000}]})
    twice, never = (
        [{"ExceptionType": ["Step.THROTTLING"], "IntervalSeconds": 1, "BackoffRate": 2.0, "MaxAttempts": attempts}]
        for attempts in (2, 0)
    )
    run = airflow.run(pipeline(training("Twice", RetryPolicies=twice), training("Never", RetryPolicies=never)))
    assert run.states == {"Twice": "failed", "Never": "failed"}
    calls: dict[str, list[float]] = {"Twice": [], "Never": []}
    for request in airflow.endpoint.requests("sagemaker", "CreateTrainingJob"):
        calls[request.parameters["TrainingJobName"].split("-")[2]].append(request.time)
    delays = [after - before for before, after in pairwise(calls["Twice"])]
    assert all(seen >= least for seen, least in zip(delays, (1, 2), strict=True))
    assert len(calls["Never"]) == 1


def failing(reason: str, times: int) -> dict[str, Any]:
    return {"jobs": [{"kind": "training", "outcome": "Failed", "failure_reason": reason, "times": times}]}


INTERNAL = "InternalServerError: We encountered an internal error.  Please try again."


def test_a_policy_that_names_the_failure_gives_a_new_attempt_under_a_new_name(
    airflow: Airflow, deferrable: bool
) -> None:
    airflow.endpoint.reset(failing(INTERNAL, 2))
    policies = [{"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "IntervalSeconds": 1, "MaxAttempts": 3}]
    run = airflow.run(pipeline(training("Train", RetryPolicies=policies)), deferrable=deferrable)
    assert run.state == "success"
    names = [request["TrainingJobName"] for request in airflow.created("CreateTrainingJob")]
    assert len(set(names)) == 3
    assert [name[-2:] for name in names[1:]] == ["-1", "-2"]
    assert run.xcom("Train", "sagemaker")["attempt"] == 3


def test_a_policy_ends_with_its_attempts(airflow: Airflow) -> None:
    airflow.endpoint.reset(failing(INTERNAL, 9))
    policies = [{"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    run = airflow.run(pipeline(training("Train", RetryPolicies=policies)))
    assert run.states == {"Train": "failed"}
    assert len(jobs(airflow)) == 2


@pytest.mark.parametrize("reason", ["AlgorithmError: , exit code: 1", INTERNAL])
def test_what_no_policy_names_fails_at_once(airflow: Airflow, reason: str) -> None:
    airflow.endpoint.reset(failing(reason, 9))
    run = airflow.run(pipeline(training("Train")))
    assert run.states == {"Train": "failed"}
    assert len(jobs(airflow)) == 1


def test_errors_while_looking_at_a_job_do_not_fail_the_step(airflow: Airflow, deferrable: bool) -> None:
    error = {"code": "ThrottlingException", "message": "Rate exceeded", "status": 400}
    expired = {"code": "ExpiredTokenException", "message": "The security token is expired", "status": 400}
    faults = [
        {"action": "DescribeTrainingJob", "error": error, "times": 6},
        {"action": "DescribeTrainingJob", "drop": "before", "times": 6},
        {"action": "DescribeTrainingJob", "error": expired, "times": 2},
    ]
    airflow.endpoint.reset({"faults": faults, "jobs": [{"kind": "training", "duration": 1.0}]})
    run = airflow.run(pipeline(training("Train")), deferrable=deferrable)
    assert run.state == "success"
    assert len(jobs(airflow)) == 1


def test_an_execution_timeout_stops_the_job(airflow: Airflow, statsd: StatsD, deferrable: bool) -> None:
    airflow.endpoint.reset({"jobs": [{"kind": "training", "duration": 600}]})
    with time_over(airflow, deferrable=deferrable) as limit:
        run = airflow.run(pipeline(training("Train")), deferrable=deferrable, default_args=limit)
    assert run.states == {"Train": "failed"}
    assert len(airflow.endpoint.requests("sagemaker", "StopTrainingJob")) == 1
    assert len(jobs(airflow)) == 1
    assert statsd.ends() == {"timed_out": 1}
