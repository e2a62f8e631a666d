"""What the table of step types tells."""

from __future__ import annotations

import pytest

from airflow_sm_pipelines.callbacks.requests import MAX_OUTPUTS
from airflow_sm_pipelines.expressions.identity import LONG_NAME_LIMIT
from airflow_sm_pipelines.report.step_type_table import row, table
from airflow_sm_pipelines.step_types import STEP_TYPES

COLUMNS = ("step type", "operator", "AWS calls", "IAM actions", "properties", "RetryPolicies", "cache", "limits")


def cells(name: str) -> dict[str, str]:
    """The cells of a type's row by column."""
    return dict(zip(COLUMNS, row(STEP_TYPES[name]).strip("| ").split(" | "), strict=True))


def test_the_columns() -> None:
    assert f"| {' | '.join(COLUMNS)} |" in "\n".join(table())
    assert {line.count(" | ") for line in "\n".join(table()).splitlines() if line.startswith("| ")} == {
        len(COLUMNS) - 1
    }


@pytest.mark.parametrize(
    ("name", "column", "parts"),
    [
        ("Training", "operator", ["`TrainingStepOperator`", "`SageMakerTrainingOperator`"]),
        ("Training", "limits", [f"name of {LONG_NAME_LIMIT} characters", "MaxRuntimeInSeconds`, else 1 day"]),
        (
            "Training",
            "IAM actions",
            ["sagemaker:AddTags", "sagemaker:CreateTrial", "logs:GetLogEvents", "iam:PassRole"],
        ),
        ("EMR", "AWS calls", ["emr:RunJobFlow"]),
        ("EMR", "IAM actions", ["elasticmapreduce:RunJobFlow", "elasticmapreduce:AddTags", "iam:PassRole"]),
        ("EMRServerless", "IAM actions", ["emr-serverless:TagResource", "iam:PassRole"]),
        ("RegisterModel", "IAM actions", ["sagemaker:AddTags", "iam:PassRole"]),
        ("Lineage", "IAM actions", ["sagemaker:AddTags"]),
        ("Lineage", "limits", ["5 entities of each kind", "10 associations"]),
        ("QualityCheck", "IAM actions", ["s3:GetObject", "s3:ListBucket"]),
        ("AutoML", "properties", ["DescribeAutoMLJob`", "DescribeAutoMLJobV2", "BestCandidateProperties"]),
        ("Callback", "limits", [f"{MAX_OUTPUTS} outputs"]),
        ("Lambda", "limits", ["10 minutes"]),
        ("ForEach", "limits", ["MaxConcurrency 1 to 50"]),
        ("Endpoint", "RetryPolicies", ["none: only the default"]),
        ("Job", "cache", ["no"]),
    ],
)
def test_what_a_cell_tells(name: str, column: str, parts: list[str]) -> None:
    told = cells(name)[column]
    assert [part for part in parts if part not in told] == []
