"""The events that EventBridge has of SageMaker's jobs: that the state of one has changed.

Their detail types are those of https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-sagemaker.html, which has
none of AutoML jobs. Their detail has the job's name and status under the names that the Describe response has them
(https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from airflow_sm_pipelines.step_types.job_kind import JobKind

SOURCE = "aws.sagemaker"
LABELS: Mapping[str, str] = MappingProxyType(
    {
        "SageMaker Training Job State Change": "TrainingJob",
        "SageMaker Processing Job State Change": "ProcessingJob",
        "SageMaker Transform Job State Change": "TransformJob",
        "SageMaker HyperParameter Tuning Job State Change": "HyperParameterTuningJob",
    }
)
"""What the names of the members of an event's detail begin with, by its detail type."""
ENDED = frozenset({"Completed", "Failed", "Stopped"})


class JobEvent(Struct, frozen=True):
    """That a job has changed; ``label`` is one of :data:`LABELS`."""

    label: str
    name: str
    has_ended: bool


def label_of(kind: JobKind) -> str | None:
    """The label of the events of a kind of job, or None where there are none."""
    label = kind.describe.removeprefix("Describe")
    return label if kind.service == "sagemaker" and label in LABELS.values() else None


def read_event(text: Any) -> JobEvent | None:
    """What a message says; None where it is no event of a job."""
    try:
        event = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or event.get("source") != SOURCE:
        return None
    label, detail = LABELS.get(str(event.get("detail-type"))), event.get("detail")
    if label is None or not isinstance(detail, dict):
        return None
    return JobEvent(label, str(detail.get(f"{label}Name")), detail.get(f"{label}Status") in ENDED)
