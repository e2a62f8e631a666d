"""EventBridge's events of jobs, as its documentation writes them; what is none is left alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_sm_pipelines.step_types import STEP_TYPES
from airflow_sm_pipelines.step_types.job_events import LABELS, JobEvent, label_of, read_event


def event(label: str = "TrainingJob", status: Any = "Completed", **members: Any) -> dict[str, Any]:
    """An event in the form of https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html."""
    return {
        "version": "0",
        "id": "844e2571-85d4-695f-b930-0153b71dcb42",
        "detail-type": next(words for words, known in LABELS.items() if known == label),
        "source": "aws.sagemaker",
        "account": "123456789012",
        "time": "2018-10-06T12:26:13Z",
        "region": "us-east-1",
        "resources": ["arn:aws:sagemaker:us-east-1:123456789012:training-job/kmeans-1"],
        "detail": {f"{label}Name": "kmeans-1", f"{label}Status": status, "CreationTime": "1583831889050", "Tags": {}},
        **members,
    }


@pytest.mark.parametrize("label", sorted(LABELS.values()))
@pytest.mark.parametrize(
    ("status", "has_ended"),
    [
        ("Completed", True),
        ("Failed", True),
        ("Stopped", True),
        ("InProgress", False),
        ("Stopping", False),
        (None, False),
    ],
)
def test_an_event_tells_of_which_job_it_is_and_whether_it_has_ended(label: str, status: Any, has_ended: bool) -> None:
    assert read_event(json.dumps(event(label, status))) == JobEvent(label, "kmeans-1", has_ended)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        "7",
        "[" * 100_000,
        json.dumps({"token": "abc", "status": "Success"}),
        json.dumps(event(source="my.app")),
        json.dumps({**event(), "detail-type": "SageMaker Endpoint State Change"}),
        json.dumps({**event(), "detail": "Completed"}),
    ],
)
def test_what_is_no_event_of_a_job_is_none(text: Any) -> None:
    assert read_event(text) is None


def test_the_step_types_whose_jobs_have_events() -> None:
    kinds = {name: step_type.kind for name, step_type in STEP_TYPES.items() if step_type.kind is not None}
    found = {name: label for name, kind in kinds.items() if (label := label_of(kind)) is not None}
    assert found == {
        "Training": "TrainingJob",
        "Processing": "ProcessingJob",
        "QualityCheck": "ProcessingJob",
        "ClarifyCheck": "ProcessingJob",
        "Transform": "TransformJob",
        "Tuning": "HyperParameterTuningJob",
    }
