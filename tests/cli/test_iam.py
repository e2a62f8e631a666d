"""``iam``: the policy of a definition."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.cli.main import main
from airflow_sm_pipelines.report.iam import policy_of
from airflow_sm_pipelines.report.iam_actions import action_of
from airflow_sm_pipelines.step_types.registry import StepTypeRegistry
from airflow_sm_pipelines.step_types.step_type import StepType
from tests.definition.build import document, planned, step

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
        "OptionalJobLists",
    }
    assert statements["OptionalJobLists"]["Action"] == ["sagemaker:ListProcessingJobs", "sagemaker:ListTrainingJobs"]
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
    assert statements["PropertyFiles"]["Action"] == ["s3:GetObject", "s3:ListBucket"]
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
    [training, _, roles, _] = policy_of(planned(definition))["Statement"]
    assert "sagemaker:AddTags" in training["Action"]
    assert roles["Resource"] == ["*"]


ROLE = "arn:aws:iam::123456789012:role/Given"
OWN = "arn:aws:iam::123456789012:role/OfThePipeline"


def statements_of(*steps: Any, role_arn: str | None = None) -> dict[str, Any]:
    """The statements of the policy of some steps, by their Sid."""
    definition = {"PipelineName": "p", "PipelineDefinition": json.dumps(document(*steps))}
    wrapper = definition if role_arn is None else {**definition, "RoleArn": role_arn}
    return {one["Sid"]: one for one in policy_of(planned(wrapper))["Statement"]}


def roles_of(*steps: Any, role_arn: str | None = None) -> list[str]:
    roles: list[str] = statements_of(*steps, role_arn=role_arn).get("Roles", {"Resource": []})["Resource"]
    return roles


@pytest.mark.parametrize("kind", ["QualityCheck", "ClarifyCheck"])
def test_a_check_may_be_told_that_its_report_is_missing(kind: str) -> None:
    check_type = {"QualityCheck": "DATA_QUALITY", "ClarifyCheck": "DATA_BIAS"}[kind]
    actions = statements_of(step("C", kind, CheckType=check_type))[f"{kind}Steps"]["Action"]
    assert {"s3:GetObject", "s3:ListBucket"} <= set(actions)


TRAINING_JOB = {"DefinitionName": "a"}
REDSHIFT = {"DatasetDefinition": {"RedshiftDatasetDefinition": {"ClusterRoleArn": ROLE}}}


@pytest.mark.parametrize(
    ("kind", "arguments", "roles"),
    [
        ("Training", {"RoleArn": ROLE}, [ROLE]),
        ("Training", {}, [OWN]),
        ("Training", {"RoleArn": None}, [OWN]),
        ("Processing", {"ProcessingInputs": [REDSHIFT, {}]}, [ROLE, OWN]),
        ("Tuning", {"TrainingJobDefinition": {}}, [OWN]),
        ("Tuning", {"TrainingJobDefinitions": [TRAINING_JOB, {**TRAINING_JOB, "RoleArn": ROLE}]}, [ROLE, OWN]),
        ("Model", {}, [OWN]),
        ("RegisterModel", {"ValidationSpecification": {"ValidationRole": ROLE}}, [ROLE]),
        ("RegisterModel", {}, []),
        ("EndpointConfig", {}, []),
        ("EndpointConfig", {"ExecutionRoleArn": ROLE}, [ROLE]),
        ("Transform", {}, []),
        ("Training", {"RoleArn": ROLE, "Environment": {"OtherRoleArn": OWN}}, [ROLE]),
    ],
)
def test_the_roles_that_are_passed(kind: str, arguments: Any, roles: list[str]) -> None:
    assert roles_of(step("S", kind, arguments), role_arn=OWN) == roles


def test_a_role_that_nobody_names_is_any() -> None:
    assert roles_of(step("S", "Processing")) == ["*"]
    assert roles_of(step("S", "Lambda", {"RoleArn": ROLE}, FunctionArn="f")) == []


def test_roles_of_emr_are_given_by_name() -> None:
    cluster = {"ServiceRole": "EMR_Role", "JobFlowRole": ROLE, "Instances": {"InstanceGroups": [{}]}}
    arguments = {"StepConfig": {"HadoopJarStep": {"Jar": "s3://b/j.jar"}}, "ClusterConfig": cluster}
    found = statements_of(step("E", "EMR", arguments))
    assert found["Roles"]["Resource"] == ["arn:*:iam::*:role/EMR_Role", ROLE]
    assert "elasticmapreduce:AddTags" in found["EMRSteps"]["Action"]
    on_theirs = statements_of(step("E", "EMR", {**arguments, "ClusterConfig": None, "ClusterId": "j-1"}))
    assert "elasticmapreduce:AddTags" not in on_theirs["EMRSteps"]["Action"]


ACTION = {"ActionName": "a", "ActionType": "t", "Source": {"SourceUri": "s3://b/x"}}
GIVEN = [{"Key": "a", "Value": "b"}]


@pytest.mark.parametrize(
    ("kind", "arguments", "tagged"),
    [
        ("Lineage", {"Actions": [ACTION]}, False),
        ("Lineage", {"Actions": [ACTION, {**ACTION, "Tags": GIVEN}]}, True),
        ("Lineage", {"Actions": [{**ACTION, "Properties": {"Tags": "x"}}]}, False),
        ("RegisterModel", {"ModelPackageGroupName": "g"}, False),
        ("RegisterModel", {"ModelPackageName": "p", "Tags": GIVEN}, True),
        ("Model", {}, True),
    ],
)
def test_tags_need_a_permission_where_there_are_any(kind: str, arguments: Any, tagged: bool) -> None:
    actions = statements_of(step("S", kind, arguments))[f"{kind}Steps"]["Action"]
    assert ("sagemaker:AddTags" in actions) is tagged


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


def actions_of_steps(kind: str, arguments: dict[str, Any]) -> set[str]:
    statements = policy_of(planned(document(step("A", kind, arguments))))["Statement"]
    [actions] = [statement["Action"] for statement in statements if statement["Sid"] == f"{kind}Steps"]
    return set(actions)


EMR_STEP = {"StepConfig": {"HadoopJarStep": {"Jar": "j"}}}


@pytest.mark.parametrize(
    ("kind", "arguments", "needed", "not_needed"),
    [
        ("EMR", {"ClusterId": "j-1", **EMR_STEP}, "elasticmapreduce:AddJobFlowSteps", "elasticmapreduce:RunJobFlow"),
        ("EMR", {"ClusterConfig": {}, **EMR_STEP}, "elasticmapreduce:RunJobFlow", "elasticmapreduce:AddJobFlowSteps"),
        (
            "EMRServerless",
            {"ApplicationId": "a", "JobConfig": {}},
            "emr-serverless:StartJobRun",
            "emr-serverless:DeleteApplication",
        ),
        ("AutoML", {"InputDataConfig": []}, "sagemaker:CreateAutoMLJob", "sagemaker:CreateAutoMLJobV2"),
        ("AutoML", {"DataSplitConfig": {}}, "sagemaker:CreateAutoMLJobV2", "sagemaker:CreateAutoMLJob"),
    ],
)
def test_a_variant_of_a_type_needs_its_own_actions(
    kind: str, arguments: dict[str, Any], needed: str, not_needed: str
) -> None:
    actions = actions_of_steps(kind, arguments)
    assert needed in actions
    assert not_needed not in actions


def test_a_statement_of_a_users_type_has_an_id_that_iam_takes() -> None:
    registry = StepTypeRegistry({})
    registry.register(StepType("My-Type 2", "acme.steps.MineStepOperator", calls=("glue:GetTable",)))
    [statement] = policy_of(planned(document(step("A", "My-Type 2")), step_types=registry))["Statement"]
    assert (statement["Sid"], statement["Action"]) == ("MyType2Steps", ["glue:GetTable"])


QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/job-events"
EVENTS = {
    "Sid": "OptionalJobEvents",
    "Effect": "Allow",
    "Action": ["sqs:DeleteMessage", "sqs:ReceiveMessage"],
    "Resource": ["arn:*:sqs:eu-west-1:123456789012:job-events"],
}


def test_a_queue_with_job_events_is_a_statement_that_can_be_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["iam", str(ABALONE), "--job-events-queue", QUEUE]) == 0
    given = json.loads(capsys.readouterr().out)
    assert given["Statement"][-1] == EVENTS
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__JOB_EVENTS_QUEUE_URL", QUEUE)
    assert main(["iam", str(ABALONE)]) == 0
    assert json.loads(capsys.readouterr().out) == given


def test_no_queue_is_read_for_jobs_without_events() -> None:
    found = policy_of(planned(document(step("A", "AutoML"))), QUEUE)["Statement"]
    assert "OptionalJobEvents" not in {statement["Sid"] for statement in found}
    elsewhere = policy_of(planned(document(step("A", "Training"))), "http://localhost:5000/queue")["Statement"]
    assert elsewhere[-1] == {**EVENTS, "Resource": ["*"]}
