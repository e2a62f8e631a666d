"""The line with which a job's success ends in the log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_sm_pipelines.jobs.success_line import success_line

START, END = datetime(2026, 1, 5, 10, 0, tzinfo=UTC), datetime(2026, 1, 5, 10, 3, 33, tzinfo=UTC)
TRAINING = {
    "TrainingStartTime": START,
    "TrainingEndTime": END,
    "TrainingTimeInSeconds": 213,
    "BillableTimeInSeconds": 180,
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
    "ModelArtifacts": {"S3ModelArtifacts": "s3://b/model.tar.gz"},
    "FinalMetricDataList": [{"MetricName": "validation:rmse", "Value": 4.63, "Timestamp": END}],
}
PROCESSING = {
    "ProcessingStartTime": START,
    "ProcessingEndTime": END,
    "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.t3.medium", "InstanceCount": 1}},
    "ProcessingOutputConfig": {"Outputs": [{"S3Output": {"S3Uri": f"s3://b/{number}"}} for number in range(7)]},
}
TUNING = {
    "CreationTime": START,
    "HyperParameterTuningEndTime": END,
    "BestTrainingJob": {"FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "rmse", "Value": 1.0}},
}
GROUPS = {"ResourceConfig": {"InstanceGroups": [{"InstanceType": "a", "InstanceCount": 1}, {"InstanceType": "b"}]}}


@pytest.mark.parametrize(
    ("described", "told"),
    [
        (TRAINING, "213 s, 180 billable s, 2 x ml.m5.large, s3://b/model.tar.gz, validation:rmse = 4.63"),
        (
            PROCESSING,
            "213 s, 1 x ml.t3.medium, s3://b/0, s3://b/1, s3://b/2, s3://b/3, s3://b/4, 2 more artifacts",
        ),
        (TUNING, "213 s, rmse = 1.0"),
        (GROUPS, "1 x a, 1 x b"),
        ({"ResourceConfig": None, "FinalMetricDataList": [None], "ModelArtifacts": "?"}, ""),
    ],
)
def test_it_has_what_the_response_has(described: dict[str, Any], told: str) -> None:
    line = success_line("training job", "job-1", described)
    assert line == ", ".join(filter(None, ("The training job job-1 succeeded", told)))
