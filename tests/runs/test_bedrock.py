"""The Bedrock steps: requests in the API's letter case, properties in PascalCase, tokens, failures, kill."""

from __future__ import annotations

from typing import Any

import pytest

from tests.runs.harness import BUCKET, ROLE, Airflow, get, pipeline, training, without_own_tags
from tests.runs.time_limits import time_over

PREFIX = "arn:aws:bedrock:us-east-1:123456789012"
MODEL_ARN = f"{PREFIX}:custom-model/imported/abcdefghijkl"
TAGS = [{"Key": "MixedCase", "Value": "kept"}]


def step(type_name: str, name: str = "Make", **arguments: Any) -> dict[str, Any]:
    return {"Name": name, "Type": type_name, "Arguments": arguments}


CUSTOM_MODEL = step(
    "BedrockCustomModel",
    ModelName="tuned",
    ModelSourceConfig={"S3DataSource": {"S3Uri": f"s3://{BUCKET}/model/"}},
    RoleArn=ROLE,
    ModelTags=TAGS,
)
DEPLOYMENT = step("BedrockCustomModelDeployment", ModelDeploymentName="served", ModelArn=MODEL_ARN)
IMPORT = step(
    "BedrockModelImport",
    JobName="import",
    ImportedModelName="imported",
    RoleArn=ROLE,
    ModelDataSource={"S3DataSource": {"S3Uri": f"s3://{BUCKET}/model/"}},
    VpcConfig={"SubnetIds": ["subnet-12345678"], "SecurityGroupIds": ["sg-12345678"]},
)
THROUGHPUT = step(
    "BedrockProvisionedModelThroughput",
    ProvisionedModelName="units",
    ModelUnits=2,
    ModelId="amazon.nova-lite-v1:0",
    CommitmentDuration="OneMonth",
)
STEPS = [
    pytest.param(CUSTOM_MODEL, "bedrock-custom-model", id="custom model"),
    pytest.param(DEPLOYMENT, "bedrock-custom-model-deployment", id="deployment"),
    pytest.param(IMPORT, "bedrock-model-import-job", id="import"),
    pytest.param(THROUGHPUT, "bedrock-provisioned-model-throughput", id="throughput"),
]


def creations(airflow: Airflow) -> list[dict[str, Any]]:
    """The requests of the Create calls, without their tokens."""
    found = [
        without_own_tags(r.parameters) for r in airflow.endpoint.requests("bedrock") if r.action.startswith("Create")
    ]
    assert all(request.pop("clientRequestToken") for request in found)
    return found


def refer(airflow: Airflow, made: dict[str, Any], **paths: str) -> dict[str, str]:
    """Run a step with a step after it that refers to its properties, and tell what the latter was given."""
    told = {key: {"Std:Join": {"On": "", "Values": [get(f"Steps.Make.{path}")]}} for key, path in paths.items()}
    run = airflow.run(pipeline(made, training("After", Arguments={"Environment": told})))
    assert run.state == "success"
    environment: dict[str, str] = airflow.created("CreateTrainingJob")[0]["Environment"]
    return environment


def test_a_custom_model(airflow: Airflow) -> None:
    told = refer(airflow, CUSTOM_MODEL, arn="ModelArn", name="ModelName", status="ModelStatus", at="CreationTime")
    assert creations(airflow) == [
        {
            "modelName": "tuned",
            "modelSourceConfig": {"s3DataSource": {"s3Uri": f"s3://{BUCKET}/model/"}},
            "roleArn": ROLE,
            "modelTags": [{"key": "MixedCase", "value": "kept"}],
        }
    ]
    assert told["arn"].startswith(f"{PREFIX}:custom-model/imported/")
    assert (told["name"], told["status"]) == ("tuned", "Active")
    assert told["at"].endswith("Z")


def test_a_deployment(airflow: Airflow) -> None:
    told = refer(
        airflow,
        DEPLOYMENT,
        arn="ModelDeploymentArn",
        same="CustomModelDeploymentArn",
        model="ModelArn",
        status="Status",
    )
    assert creations(airflow) == [{"modelDeploymentName": "served", "modelArn": MODEL_ARN}]
    assert told["arn"] == told["same"]
    assert (told["model"], told["status"]) == (MODEL_ARN, "Active")


def test_an_import(airflow: Airflow) -> None:
    told = refer(
        airflow,
        IMPORT,
        arn="ImportedModelArn",
        job="JobArn",
        status="Status",
        uri="ModelDataSource.S3DataSource.S3Uri",
        subnet="VpcConfig.SubnetIds[0]",
    )
    assert creations(airflow)[0]["vpcConfig"] == {"subnetIds": ["subnet-12345678"], "securityGroupIds": ["sg-12345678"]}
    assert told["arn"].startswith(f"{PREFIX}:imported-model/")
    assert told["job"].startswith(f"{PREFIX}:model-import-job/")
    assert (told["status"], told["uri"]) == ("Completed", f"s3://{BUCKET}/model/")
    assert told["subnet"] == "subnet-12345678"


def test_provisioned_throughput(airflow: Airflow) -> None:
    told = refer(airflow, THROUGHPUT, arn="ProvisionedModelArn", units="ModelUnits", base="FoundationModelArn")
    assert creations(airflow) == [
        {
            "provisionedModelName": "units",
            "modelUnits": 2,
            "modelId": "amazon.nova-lite-v1:0",
            "commitmentDuration": "OneMonth",
        }
    ]
    assert (told["units"], told["base"]) == ("2", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0")


def test_a_masked_value_is_read_back_in_the_form_of_the_result(airflow: Airflow) -> None:
    secret = {"hyperParameters": {"apiKey_password": "hush"}}
    airflow.endpoint.reset({"jobs": [{"kind": "bedrock-custom-model", "describe": secret}]})
    told = refer(airflow, CUSTOM_MODEL, password="HyperParameters['apiKey_password']")
    assert told == {"password": "hush"}


@pytest.mark.parametrize(("made", "kind"), STEPS)
def test_what_fails_fails_the_step(airflow: Airflow, made: dict[str, Any], kind: str) -> None:
    airflow.endpoint.reset({"jobs": [{"kind": kind, "outcome": "Failed", "failure_reason": "no such data"}]})
    assert airflow.run(pipeline(made), deferrable=kind.endswith("model")).states == {"Make": "failed"}
    assert len(airflow.endpoint.jobs(kind)) == 1


def test_a_lost_reply_makes_nothing_twice(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__AWS_MAX_ATTEMPTS", "1")
    airflow.endpoint.reset({"faults": [{"action": "CreateModelImportJob", "drop": "after", "times": 2}]})
    assert airflow.run(pipeline(IMPORT)).state == "success"
    calls = airflow.endpoint.requests("bedrock", "CreateModelImportJob")
    assert len({call.parameters["clientRequestToken"] for call in calls}) == 1
    assert len(airflow.endpoint.jobs("bedrock-model-import-job")) == 1


def test_a_name_in_use_is_an_error(airflow: Airflow) -> None:
    assert airflow.run(pipeline(IMPORT)).state == "success"
    assert airflow.run(pipeline(IMPORT)).states == {"Make": "failed"}


def test_a_token_of_the_definition_s_own_is_kept(airflow: Airflow) -> None:
    made = step(IMPORT["Type"], **IMPORT["Arguments"], ClientRequestToken="own")
    assert airflow.run(pipeline(made)).state == "success"
    [call] = airflow.endpoint.requests("bedrock", "CreateModelImportJob")
    assert call.parameters["clientRequestToken"] == "own"


def test_a_member_that_bedrock_lacks_is_refused(airflow: Airflow) -> None:
    made = step(THROUGHPUT["Type"], **THROUGHPUT["Arguments"], Nonsense=1)
    assert airflow.run(pipeline(made), values="warn").states == {"Make": "failed"}
    assert airflow.endpoint.requests("bedrock") == ()


@pytest.mark.parametrize(("made", "kind"), STEPS)
def test_a_killed_step_leaves_what_it_began_under_way(
    airflow: Airflow, made: dict[str, Any], kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    airflow.endpoint.reset({"jobs": [{"kind": kind, "duration": 600}]})
    with time_over(airflow) as limit:
        run = airflow.run(pipeline(made), default_args=limit)
    assert run.states == {"Make": "failed"}
    actions = {request.action for request in airflow.endpoint.requests("bedrock")}
    assert {action.startswith(("Create", "Get")) for action in actions} == {True}
    assert len(airflow.endpoint.jobs(kind)) == 1
    assert "goes on (AWS has no call that stops it)" in "".join(capfd.readouterr())
