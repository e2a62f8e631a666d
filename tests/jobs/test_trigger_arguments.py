"""What a trigger is stored with, and from when on it may fire."""

from __future__ import annotations

from airflow_sm_pipelines.jobs.trigger import JobTrigger
from airflow_sm_pipelines.step_types.training import STEP_TYPE

ACCESS = {"aws_conn_id": "aws_default", "region_name": None, "verify": None, "botocore_config": None}
LABELS = {"pipeline": "forecast", "step": "Train", "step_type": "Training", "attempt": 2}


def kind() -> dict[str, object]:
    assert STEP_TYPE.kind is not None
    return STEP_TYPE.kind.to_json()


def test_it_is_the_same_when_it_is_read_again() -> None:
    trigger = JobTrigger(kind(), "ours", ACCESS, 30.0, 300.0, None, labels=LABELS, not_before=100.0)
    path, stored = trigger.serialize()
    assert path == "airflow_sm_pipelines.jobs.trigger.JobTrigger"
    read = JobTrigger(**stored)
    assert read.serialize() == trigger.serialize()
    assert read.labels.fields() == {"pipeline": "forecast", "step": "Train", "job": "ours", "attempt": 2}


def test_one_of_the_version_before_says_whose_job_it_is_by_the_jobs_name_alone() -> None:
    read = JobTrigger(kind(), "ours", ACCESS, 30.0, 300.0, None, 60.0, None)
    assert read.labels.fields() == {"job": "ours"}
    assert read.labels.step_type == "unknown"
    assert read.not_before is None


def test_it_may_fire_one_look_after_the_deferral_and_twenty_seconds_at_the_latest() -> None:
    assert JobTrigger.settled_at(100.0, 0.5) == 100.5
    assert JobTrigger.settled_at(100.0, 30.0) == 120.0
