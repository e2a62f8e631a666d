"""The List calls that show of many jobs at once which have changed."""

from __future__ import annotations

from msgspec import Struct

from airflow_sm_pipelines.step_types.job_kind import JobKind

LABELS = {
    "DescribeTrainingJob": "TrainingJob",
    "DescribeProcessingJob": "ProcessingJob",
    "DescribeTransformJob": "TransformJob",
    "DescribeHyperParameterTuningJob": "HyperParameterTuningJob",
    "DescribeAutoMLJob": "AutoMLJob",
    "DescribeAutoMLJobV2": "AutoMLJob",
}
"""What the List call of a kind of job is about, by its Describe call. Of other kinds no List call takes
LastModifiedTimeAfter alone, or jobs of them are too few to be listed."""


class ListCall(Struct, frozen=True):
    """A List operation, the member of its response with the summaries, and their members with name and status."""

    operation: str
    summaries: str
    name_field: str
    status_field: str


def list_call_of(kind: JobKind) -> ListCall | None:
    """The List call that lists jobs of a kind, or None where there is none."""
    label = LABELS.get(kind.describe) if kind.service == "sagemaker" else None
    if label is None:
        return None
    return ListCall(f"List{label}s", f"{label}Summaries", f"{label}Name", f"{label}Status")
