"""RegisterModel steps: everything that a model package can have reaches AWS as the definition has it."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import ANY

import pytest

from tests.runs.beside import beside
from tests.runs.harness import BUCKET, IMAGE, ROLE, Airflow, get, pipeline, training
from tests.runs.time_limits import time_over
from tests.waiting import until

GROUP = "shop-models"


def metric(name: str) -> dict[str, Any]:
    return {"ContentType": "application/json", "S3Uri": f"s3://{BUCKET}/{name}.json"}


def file(name: str) -> dict[str, Any]:
    return {"S3Uri": f"s3://{BUCKET}/{name}.json"}


CONTAINER = {
    "ContainerHostname": "model",
    "Image": IMAGE,
    "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz",
    "Environment": {"MODE": "{{ not a template }}"},
    "Framework": "XGBOOST",
    "FrameworkVersion": "1.7-1",
    "NearestModelName": "xgboost",
    "ModelInput": {"DataInputConfig": "{}"},
}
SERVING = {
    "SupportedTransformInstanceTypes": ["ml.m5.large"],
    "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["application/json"],
}
TRANSFORM = {
    "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/in"}}},
    "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/validated"},
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
}
RICH: dict[str, Any] = {
    "ModelPackageGroupName": GROUP,
    "ModelPackageDescription": "Sells more",
    "InferenceSpecification": {"Containers": [CONTAINER], **SERVING},
    "AdditionalInferenceSpecifications": [{"Name": "gpu", "Containers": [{"Image": f"{IMAGE}-gpu"}], **SERVING}],
    "ValidationSpecification": {
        "ValidationRole": ROLE,
        "ValidationProfiles": [{"ProfileName": "all", "TransformJobDefinition": TRANSFORM}],
    },
    "ModelApprovalStatus": "PendingManualApproval",
    "MetadataProperties": {"CommitId": "c0ffee", "Repository": "shop", "ProjectId": "p-1"},
    "ModelMetrics": {
        "ModelQuality": {"Statistics": metric("quality"), "Constraints": metric("quality-constraints")},
        "ModelDataQuality": {"Statistics": metric("data"), "Constraints": metric("data-constraints")},
        "Bias": {"Report": metric("bias"), "PreTrainingReport": metric("pre"), "PostTrainingReport": metric("post")},
        "Explainability": {"Report": metric("explained")},
    },
    "DriftCheckBaselines": {
        "Bias": {"ConfigFile": file("bias-config"), "PreTrainingConstraints": metric("pre-constraints")},
        "Explainability": {"Constraints": metric("explained-constraints"), "ConfigFile": file("explained-config")},
        "ModelQuality": {"Statistics": metric("quality"), "Constraints": metric("quality-constraints")},
        "ModelDataQuality": {"Statistics": metric("data"), "Constraints": metric("data-constraints")},
    },
    "Domain": "MACHINE_LEARNING",
    "Task": "CLASSIFICATION",
    "SamplePayloadUrl": f"s3://{BUCKET}/payload.tar.gz",
    "CustomerMetadataProperties": {"team": "sales", "Key With Case": "kept"},
    "SkipModelValidation": "None",
    "SourceUri": f"s3://{BUCKET}/source",
    "SecurityConfig": {"KmsKeyId": "key"},
    "ModelCard": {
        "ModelCardContent": json.dumps({"model_overview": {"model_name": "shop"}}),
        "ModelCardStatus": "Draft",
    },
    "ModelLifeCycle": {"Stage": "Development", "StageStatus": "InProgress", "StageDescription": "first"},
    "Tags": [{"Key": "a", "Value": "b"}],
}
# What DescribeModelPackage has of the request.
DESCRIBED = RICH.keys() - {"Tags"}


def test_everything_of_a_model_package_passes_through(airflow: Airflow) -> None:
    told = {
        "group": get("Steps.Register.ModelPackageGroupName"),
        "arn": get("Steps.Register.ModelPackageArn"),
        "approval": get("Steps.Register.ModelApprovalStatus"),
        "report": get("Steps.Register.ModelMetrics.Bias.Report.S3Uri"),
        "constraints": get("Steps.Register.DriftCheckBaselines.ModelQuality.Constraints.S3Uri"),
        "team": get("Steps.Register.CustomerMetadataProperties['team']"),
        "image": get("Steps.Register.InferenceSpecification.Containers[0].Image"),
        "card": get("Steps.Register.ModelCard.ModelCardStatus"),
        "stage": get("Steps.Register.ModelLifeCycle.Stage"),
    }
    register = {"Name": "Register", "Type": "RegisterModel", "Arguments": RICH}
    run = airflow.run(pipeline(register, training("After", Arguments={"Environment": told})))
    assert run.state == "success"
    [request] = airflow.created("CreateModelPackage")
    assert request.pop("ClientToken")
    assert request == {**RICH, "MetadataProperties": {**RICH["MetadataProperties"], "GeneratedBy": ANY}}
    assert airflow.created("CreateModelPackageGroup") == [{"ModelPackageGroupName": GROUP}]
    result = run.xcom("Register")
    assert {key: result[key] for key in DESCRIBED} == {key: request[key] for key in DESCRIBED}
    assert result["ModelPackageStatus"] == "Completed"
    assert airflow.created("CreateTrainingJob")[0]["Environment"] == {
        "group": GROUP,
        "arn": f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/1",
        "approval": "PendingManualApproval",
        "report": f"s3://{BUCKET}/bias.json",
        "constraints": f"s3://{BUCKET}/quality-constraints.json",
        "team": "sales",
        "image": IMAGE,
        "card": "Draft",
        "stage": "Development",
    }


REGISTER = {
    "Name": "Register",
    "Type": "RegisterModel",
    "Arguments": {"ModelPackageGroupName": GROUP, "InferenceSpecification": {"Containers": [CONTAINER], **SERVING}},
}
NAMED = {
    **REGISTER,
    "Arguments": {
        "ModelPackageName": "shop",
        **{key: RICH[key] for key in ("ValidationSpecification", "InferenceSpecification", "Tags")},
    },
}
AFTER = training("After", DependsOn=["Register"])


@pytest.fixture(params=[True, False], ids=["deferrable", "synchronous"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def packages(airflow: Airflow) -> list[str]:
    """The ARNs of all packages there are."""
    client = airflow.endpoint.client("sagemaker")
    listed = client.list_model_packages(ModelPackageType="Both")["ModelPackageSummaryList"]
    return [package["ModelPackageArn"] for package in listed]


@pytest.mark.parametrize("step", [REGISTER, NAMED], ids=["in a group", "with a name"])
def test_a_pending_package_is_waited_for(airflow: Airflow, deferrable: bool, step: dict[str, Any]) -> None:
    airflow.endpoint.reset({"jobs": [{"kind": "model-package", "duration": 3600}]})

    def complete_it_once_it_was_seen() -> None:
        until(lambda: airflow.endpoint.requests("sagemaker", "DescribeModelPackage"), "the package is looked at")
        airflow.endpoint.advance(3600)

    with beside(complete_it_once_it_was_seen):
        run = airflow.run(pipeline(step, AFTER), deferrable=deferrable)
    assert run.state == "success"
    result = run.xcom("Register")
    assert result["ModelPackageStatus"] == "Completed"
    assert packages(airflow) == [result["ModelPackageArn"]]
    assert len(airflow.endpoint.requests("sagemaker", "DescribeModelPackage")) > 1


def status(name: str, state: str, **members: str) -> dict[str, str]:
    return {"Name": name, "Status": state, **members}


def test_a_failed_package_tells_what_failed(
    airflow: Airflow, deferrable: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    details = {
        "ValidationStatuses": [status("fine", "Completed"), status("all", "Failed", FailureReason="ClientError: no")],
        "ImageScanStatuses": [status(IMAGE, "Failed")],
    }
    rule = {"outcome": "Failed", "duration": 0.5, "describe": {"ModelPackageStatusDetails": details}}
    airflow.endpoint.reset({"jobs": [{"kind": "model-package", **rule}]})
    run = airflow.run(pipeline(NAMED, AFTER), deferrable=deferrable)
    assert run.states == {"Register": "failed", "After": "upstream_failed"}
    assert len(airflow.created("CreateModelPackage")) == 1
    told = "".join(capfd.readouterr())
    assert f"ended as Failed: all is Failed: ClientError: no; {IMAGE} is Failed: AWS gives no reason" in told


def test_a_failed_package_of_which_aws_says_no_more(airflow: Airflow, capfd: pytest.CaptureFixture[str]) -> None:
    airflow.endpoint.reset({"jobs": [{"kind": "model-package", "outcome": "Failed", "duration": 0}]})
    assert airflow.run(pipeline(REGISTER)).states == {"Register": "failed"}
    assert "ended as Failed: AWS gives no reason" in "".join(capfd.readouterr())


def test_a_package_that_aws_refuses(airflow: Airflow, capfd: pytest.CaptureFixture[str]) -> None:
    refused = {"code": "ValidationException", "message": "The framework is not supported", "status": 400}
    airflow.endpoint.reset({"faults": [{"action": "CreateModelPackage", "error": refused}]})
    assert airflow.run(pipeline(REGISTER, AFTER)).states == {"Register": "failed", "After": "upstream_failed"}
    assert len(airflow.endpoint.requests("sagemaker", "CreateModelPackage")) == 1
    assert "ValidationException: The framework is not supported" in "".join(capfd.readouterr())


@pytest.mark.parametrize("step", [REGISTER, NAMED], ids=["in a group", "with a name"])
def test_a_lost_reply_makes_no_second_package(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, step: dict[str, Any]
) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__AWS_MAX_ATTEMPTS", "1")
    airflow.endpoint.reset({"faults": [{"action": "CreateModelPackage", "drop": "after", "times": 1}]})
    run = airflow.run(pipeline(step))
    assert run.state == "success"
    calls = airflow.endpoint.requests("sagemaker", "CreateModelPackage")
    assert len({call.parameters["ClientToken"] for call in calls}) == 1
    assert packages(airflow) == [run.xcom("Register")["ModelPackageArn"]]


def test_a_killed_step_leaves_its_package(airflow: Airflow, capfd: pytest.CaptureFixture[str]) -> None:
    airflow.endpoint.reset({"jobs": [{"kind": "model-package", "duration": 600}]})
    with time_over(airflow) as limit:
        run = airflow.run(pipeline(NAMED), default_args=limit)
    assert run.states == {"Register": "failed"}
    assert len(packages(airflow)) == 1
    assert not [r for r in airflow.endpoint.requests("sagemaker") if r.action.startswith(("Stop", "Delete"))]
    assert "goes on (AWS has no call that stops it)" in "".join(capfd.readouterr())
