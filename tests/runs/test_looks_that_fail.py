"""Errors of looking at a job are no failures of the step: they pass, or the try is lost; no policy is asked."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.jobs import job_run
from tests.runs.adapters import lose_the_first_try
from tests.runs.harness import Airflow, pipeline, training
from tests.runs.statsd import StatsD
from tests.runs.test_tuning_and_automl import tuning

THROTTLED = {"code": "ThrottlingException", "message": "Rate exceeded", "status": 400}
EXPIRED = {"code": "ExpiredTokenException", "message": "The security token is expired", "status": 400}
NEVER = {"ExceptionType": ["Step.SERVICE_FAULT", "Step.THROTTLING"], "MaxAttempts": 0}


@pytest.fixture(autouse=True)
def one_call_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__AWS_MAX_ATTEMPTS", "1")


@pytest.fixture(params=[True, False], ids=["deferrable", "synchronous"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def check(airflow: Airflow, deferrable: bool, faults: list[dict[str, Any]]) -> None:
    """The job ends well, though what looks at it meets the faults."""
    rules = [{"action": "DescribeTrainingJob", **fault} for fault in faults]
    airflow.endpoint.reset({"defaults": {"duration": 0}, "faults": rules})
    run = airflow.run(pipeline(training("Train", RetryPolicies=[NEVER])), deferrable=deferrable)
    assert run.state == "success"
    [job] = airflow.endpoint.jobs("training")
    assert run.xcom("Train", "sagemaker")["attempt"] == 1
    assert run.xcom("Train")["TrainingJobName"] == job.name


def test_the_look_for_the_result_is_made_again(airflow: Airflow, deferrable: bool) -> None:
    # The first look is that of the waiting.
    check(airflow, deferrable, [{"error": THROTTLED, "skip": 1, "times": 3}, {"error": EXPIRED, "skip": 1}])


def test_the_look_of_a_try_that_adopts_the_job_is_made_again(
    airflow: Airflow, statsd: StatsD, deferrable: bool
) -> None:
    lose_the_first_try()
    check(airflow, deferrable, [{"drop": "before", "times": 2}, {"error": EXPIRED, "times": 1}])
    sent = statsd.received()
    assert sent["sm_pipelines.jobs.adopted,step_type=Training"] == 1
    assert sent["sm_pipelines.retries,exception_type=lost"] == 1


def test_what_does_not_pass_in_time_is_left_to_a_later_try(
    airflow: Airflow, deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_run, "DESCRIBE_RETRY_SECONDS", 0)
    check(airflow, deferrable, [{"error": THROTTLED, "skip": 1, "times": 2}])


def test_the_list_of_a_tuning_jobs_best_is_asked_for_again(airflow: Airflow) -> None:
    faults = [{"action": "ListTrainingJobsForHyperParameterTuningJob", "error": THROTTLED, "times": 2}]
    airflow.endpoint.reset({"defaults": {"duration": 0.1}, "faults": faults})
    run = airflow.run(pipeline(tuning("Tune", RetryPolicies=[NEVER])))
    assert run.state == "success"
    assert run.xcom("Tune", "sagemaker")["attempt"] == 1
    assert len(run.xcom("Tune")["TrainingJobSummaries"]) == 3
