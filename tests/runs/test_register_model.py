"""RegisterModel steps: everything that a model package can have reaches AWS as the definition has it."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import ANY

from tests.runs.harness import BUCKET, IMAGE, ROLE, Airflow, get, pipeline, training

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
