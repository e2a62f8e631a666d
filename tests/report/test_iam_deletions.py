"""What IAM is asked to allow for Cleanup steps."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.report.iam import policy_of
from airflow_sm_pipelines.validation.severities import WARNINGS
from tests.definition.build import document, get, join, parameter, step, training


def statements(place: Any) -> dict[str, list[str]]:
    tidy = step("Tidy", "Cleanup", {"Resources": {"S3": [{"StepName": "T"}]}})
    steps = document(training(OutputDataConfig={"S3OutputPath": place}), tidy, Parameters=[parameter("P")])
    policy = policy_of(plan(steps, values=WARNINGS))
    found = [one for one in policy["Statement"] if any(action.startswith("s3:") for action in one["Action"])]
    return {action: one["Resource"] for one in found for action in one["Action"]}


@pytest.mark.parametrize(
    ("place", "bucket"),
    [
        ("s3://bucket/out", "bucket"),
        ("s3://bucket", "bucket"),
        (join("s3:/", "bucket", get("Parameters.P")), "bucket"),
        (join("s3://bucket", get("Parameters.P"), on=""), "*"),
        (join("s3:/", get("Parameters.P"), "out"), "*"),
        (get("Parameters.P"), "*"),
    ],
)
def test_deleting_is_allowed_in_the_buckets_of_the_outputs(place: Any, bucket: str) -> None:
    assert statements(place) == {
        "s3:DeleteObject": [f"arn:*:s3:::{bucket}/*"],
        "s3:ListBucket": [f"arn:*:s3:::{bucket}"],
    }
