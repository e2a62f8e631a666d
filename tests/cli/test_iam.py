"""``iam``: the policy of a definition."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_sm_pipelines.cli.main import main
from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.report.iam import action_of, policy_of

ABALONE = Path(__file__).parents[2] / "dags" / "pipelines" / "abalone.json"


def test_the_policy_of_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["iam", str(ABALONE)]) == 0
    policy = json.loads(capsys.readouterr().out)
    statements = {statement["Sid"]: statement for statement in policy["Statement"]}
    assert set(statements) == {
        "ModelSteps",
        "ProcessingSteps",
        "RegisterModelSteps",
        "TrainingSteps",
        "PropertyFiles",
        "Logs",
        "Roles",
    }
    assert statements["Logs"]["Action"] == ["logs:DescribeLogStreams", "logs:GetLogEvents"]
    assert statements["Logs"]["Resource"] == [
        "arn:*:logs:*:*:log-group:/aws/sagemaker/ProcessingJobs:*",
        "arn:*:logs:*:*:log-group:/aws/sagemaker/TrainingJobs:*",
    ]
    assert statements["TrainingSteps"]["Action"] == [
        "sagemaker:AddTags",
        "sagemaker:CreateTrainingJob",
        "sagemaker:DescribeTrainingJob",
        "sagemaker:StopTrainingJob",
    ]
    assert statements["PropertyFiles"]["Action"] == ["s3:GetObject"]
    assert statements["Roles"] == {
        "Sid": "Roles",
        "Effect": "Allow",
        "Action": ["iam:PassRole"],
        "Resource": ["arn:aws:iam::123456789012:role/SageMakerExecutionRole"],
    }


def test_a_role_that_is_known_only_at_run_time_and_tags() -> None:
    arguments = {"RoleArn": {"Get": "Parameters.Role"}, "Tags": [{"Key": "a", "Value": "b"}]}
    definition = {
        "Parameters": [{"Name": "Role", "Type": "String"}],
        "Steps": [{"Name": "T", "Type": "Training", "Arguments": arguments}],
    }
    [training, _, roles] = policy_of(plan(definition))["Statement"]
    assert "sagemaker:AddTags" in training["Action"]
    assert roles["Resource"] == ["*"]


@pytest.mark.parametrize(
    ("call", "action"),
    [
        ("sagemaker:CreateModel", "sagemaker:CreateModel"),
        ("lambda:Invoke", "lambda:InvokeFunction"),
        ("emr:DescribeStep", "elasticmapreduce:DescribeStep"),
    ],
)
def test_where_iam_names_an_operation_otherwise(call: str, action: str) -> None:
    assert action_of(call) == action


def test_a_broken_definition_has_no_policy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{"Steps": [{"Name": "A", "Type": "Trainig", "Arguments": {}}]')
    assert main(["iam", str(path)]) == 1
    assert capsys.readouterr().out == ""
