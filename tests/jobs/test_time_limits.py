"""How long a job is waited for, by what Describe says of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_sm_pipelines.jobs.time_limits import overdue, reason_of_limit
from airflow_sm_pipelines.step_types import automl, processing, training, transform, tuning
from airflow_sm_pipelines.step_types.job_kind import JobKind

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
STARTED = CREATED + timedelta(hours=5)
SLACK = 60


def limit(seconds: int) -> dict[str, Any]:
    return {"StoppingCondition": {"MaxRuntimeInSeconds": seconds}}


def automl_limit(seconds: int) -> dict[str, Any]:
    return {"CompletionCriteria": {"MaxAutoMLJobRuntimeInSeconds": seconds}}


TRAINING = {"TrainingStartTime": STARTED}
LIMITS: dict[str, tuple[JobKind, dict[str, Any], datetime, int]] = {
    "training": (training.KIND, {**TRAINING, **limit(100)}, STARTED, 100),
    "AWS's default": (training.KIND, {**TRAINING}, STARTED, 86400),
    "spot": (
        training.KIND,
        {**TRAINING, "EnableManagedSpotTraining": True, "StoppingCondition": {"MaxWaitTimeInSeconds": 200}},
        CREATED,
        200,
    ),
    "pending": (training.KIND, {"StoppingCondition": {"MaxPendingTimeInSeconds": 300}}, CREATED, 300),
    "pending no more": (
        training.KIND,
        {**TRAINING, "StoppingCondition": {"MaxPendingTimeInSeconds": 300, "MaxRuntimeInSeconds": 100}},
        STARTED,
        100,
    ),
    "processing": (processing.KIND, {"ProcessingStartTime": STARTED, **limit(100)}, STARTED, 100),
    "tuning": (
        tuning.KIND,
        {"HyperParameterTuningJobConfig": {"ResourceLimits": {"MaxRuntimeInSeconds": 400}}},
        CREATED,
        400,
    ),
    "AutoML": (automl.KIND, {"AutoMLJobConfig": automl_limit(500)}, CREATED, 500),
    "AutoML V2": (
        automl.KIND_V2,
        {"AutoMLProblemTypeConfig": {"TabularJobConfig": automl_limit(500)}},
        CREATED,
        500,
    ),
}


@pytest.mark.parametrize("case", LIMITS)
def test_a_job_outlives_its_limit_and_the_grace(case: str) -> None:
    kind, described, since, seconds = LIMITS[case]
    described = {"CreationTime": CREATED, **described}
    end = since.timestamp() + seconds + SLACK
    assert overdue(kind, described, SLACK, end) is None
    told = overdue(kind, described, SLACK, end + 1)
    assert told is not None
    assert f"of {seconds} s, and {SLACK} s more, are over since {since.isoformat()}" in told


WITHOUT: dict[str, tuple[JobKind, dict[str, Any]]] = {
    "a wait for capacity": (training.KIND, limit(100)),
    "a wait for capacity of a processing job": (processing.KIND, limit(100)),
    "a transform job": (transform.KIND, {"ModelClientConfig": {"InvocationsTimeoutInSeconds": 1}}),
    "a tuning job without a limit": (tuning.KIND, {}),
    "an AutoML job without a limit": (automl.KIND, {"AutoMLJobConfig": {}}),
}


@pytest.mark.parametrize("case", WITHOUT)
def test_what_has_no_limit_is_never_overdue(case: str) -> None:
    kind, described = WITHOUT[case]
    later = (CREATED + timedelta(days=400)).timestamp()
    assert overdue(kind, {"CreationTime": CREATED, **described}, SLACK, later) is None


def test_why_aws_ended_a_job_that_it_gives_no_reason_for() -> None:
    exceeded = {**TRAINING, **limit(100), "SecondaryStatus": "MaxRuntimeExceeded"}
    told = "it ran for as long as its StoppingCondition.MaxRuntimeInSeconds allows (100 s), and AWS ended it"
    assert reason_of_limit(training.KIND, exceeded) == told
    # A processing job has no SecondaryStatus: there the times tell.
    stopped = {"CreationTime": CREATED, "ProcessingStartTime": STARTED, **limit(100)}
    ended = STARTED + timedelta(seconds=100)
    assert reason_of_limit(processing.KIND, {**stopped, "LastModifiedTime": ended}) == told
    earlier = ended - timedelta(seconds=1)
    assert reason_of_limit(processing.KIND, {**stopped, "LastModifiedTime": earlier}) is None
