from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.samples import model_request

PREFIX = "arn:aws:sagemaker:us-east-1:123456789012"


def error_of(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_model(sagemaker: Any) -> None:
    request = model_request("Model")
    arn = sagemaker.create_model(**request)["ModelArn"]
    assert arn == f"{PREFIX}:model/model"
    found = sagemaker.describe_model(ModelName="Model")
    assert {key: found[key] for key in request} == request
    assert [entry["ModelName"] for entry in sagemaker.list_models()["Models"]] == ["Model"]
    code, message = error_of(sagemaker.create_model, **request)
    assert (code, message) == ("ValidationException", f'Cannot create already existing model "{arn}".')
    sagemaker.delete_model(ModelName="Model")
    missing = ("ValidationException", f'Could not find model "{arn}".')
    assert error_of(sagemaker.describe_model, ModelName="Model") == missing
    assert error_of(sagemaker.delete_model, ModelName="Model") == missing
    sagemaker.create_model(**request)


def test_package_group(sagemaker: Any) -> None:
    asked = {"ModelPackageGroupName": "Group", "ModelPackageGroupDescription": "what"}
    arn = sagemaker.create_model_package_group(**asked)["ModelPackageGroupArn"]
    found = sagemaker.describe_model_package_group(ModelPackageGroupName="Group")
    assert found["ModelPackageGroupStatus"] == "Completed"
    assert found["ModelPackageGroupDescription"] == "what"
    assert error_of(sagemaker.create_model_package_group, **asked) == (
        "ValidationException",
        f"Model Package Group already exists: {arn}",
    )
    (listed,) = sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert listed["ModelPackageGroupArn"] == arn
    sagemaker.create_model_package(ModelPackageGroupName="Group")
    code, _ = error_of(sagemaker.delete_model_package_group, ModelPackageGroupName="Group")
    assert code == "ConflictException"
    sagemaker.delete_model_package(ModelPackageName=f"{PREFIX}:model-package/Group/1")
    sagemaker.delete_model_package_group(ModelPackageGroupName="Group")
    assert error_of(sagemaker.describe_model_package_group, ModelPackageGroupName="Group") == (
        "ValidationException",
        f"ModelPackageGroup {PREFIX}:model-package-group/group does not exist.",
    )


def test_package_versions(sagemaker: Any) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName="group")
    specification = {
        "Containers": [{"Image": "local/serve:1", "ModelDataUrl": "s3://local-models/model.tar.gz"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    asked = {"ModelPackageGroupName": "group", "InferenceSpecification": specification}
    first = sagemaker.create_model_package(**asked)["ModelPackageArn"]
    second = sagemaker.create_model_package(**asked, ModelApprovalStatus="Approved")["ModelPackageArn"]
    assert (first, second) == tuple(f"{PREFIX}:model-package/group/{number}" for number in (1, 2))
    found = sagemaker.describe_model_package(ModelPackageName=second)
    assert found["InferenceSpecification"] == specification
    assert (found["ModelPackageGroupName"], found["ModelPackageVersion"]) == ("group", 2)
    assert (found["ModelPackageStatus"], found["ModelApprovalStatus"]) == ("Completed", "Approved")
    assert found["ModelPackageStatusDetails"] == {"ValidationStatuses": [], "ImageScanStatuses": []}
    assert "ModelPackageName" not in found
    listed = sagemaker.list_model_packages(ModelPackageGroupName="group")["ModelPackageSummaryList"]
    assert [entry["ModelPackageVersion"] for entry in listed] == [2, 1]
    approved = sagemaker.list_model_packages(ModelPackageGroupName="group", ModelApprovalStatus="Approved")
    assert [entry["ModelPackageArn"] for entry in approved["ModelPackageSummaryList"]] == [second]
    sagemaker.delete_model_package(ModelPackageName=second)
    assert sagemaker.create_model_package(**asked)["ModelPackageArn"].endswith("/3")


def test_approval(sagemaker: Any) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName="group")
    properties = {"a": "1", "b": "2"}
    arn = sagemaker.create_model_package(ModelPackageGroupName="group", CustomerMetadataProperties=properties)[
        "ModelPackageArn"
    ]
    found = sagemaker.describe_model_package(ModelPackageName=arn)
    assert found["ModelApprovalStatus"] == "PendingManualApproval"
    assert "LastModifiedTime" not in found
    sagemaker.update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Rejected",
        ApprovalDescription="no",
        CustomerMetadataProperties={"c": "3"},
        CustomerMetadataPropertiesToRemove=["a"],
    )
    found = sagemaker.describe_model_package(ModelPackageName=arn)
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Rejected", "no")
    assert found["CustomerMetadataProperties"] == {"b": "2", "c": "3"}
    assert found["LastModifiedTime"] >= found["CreationTime"]


def test_package_of_its_own_name(sagemaker: Any) -> None:
    arn = sagemaker.create_model_package(ModelPackageName="own")["ModelPackageArn"]
    found = sagemaker.describe_model_package(ModelPackageName="own")
    assert (found["ModelPackageName"], found["ModelPackageArn"]) == ("own", arn)
    assert "ModelPackageVersion" not in found
    assert sagemaker.list_model_packages()["ModelPackageSummaryList"][0]["ModelPackageName"] == "own"
    code, _ = error_of(sagemaker.create_model_package, ModelPackageName="own")
    assert code == "ConflictException"


def test_package_errors(sagemaker: Any) -> None:
    assert error_of(sagemaker.create_model_package, ModelPackageGroupName="nobody") == (
        "ValidationException",
        f"ModelPackageGroup {PREFIX}:model-package-group/nobody does not exist.",
    )
    assert error_of(sagemaker.create_model_package)[0] == "ValidationException"
    both = {"ModelPackageGroupName": "a", "ModelPackageName": "b"}
    assert "Cannot determine which one to use" in error_of(sagemaker.create_model_package, **both)[1]
    arn = f"{PREFIX}:model-package/group/9"
    missing = ("ValidationException", f"ModelPackage {arn} does not exist.")
    assert error_of(sagemaker.describe_model_package, ModelPackageName=arn) == missing
    assert error_of(sagemaker.update_model_package, ModelPackageArn=arn) == missing


def test_client_token_makes_one_package(sagemaker: Any) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName="group")
    asked = {"ModelPackageGroupName": "group", "ClientToken": "t" * 32}
    assert sagemaker.create_model_package(**asked) | {"ResponseMetadata": 0} == sagemaker.create_model_package(
        **asked
    ) | {"ResponseMetadata": 0}
    assert len(sagemaker.list_model_packages(ModelPackageGroupName="group")["ModelPackageSummaryList"]) == 1


def test_package_that_fails_validation(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    rule = {"kind": "model-package", "outcome": "Failed", "failure_reason": "bad scan", "duration": 60}
    endpoint.load_scenario({"jobs": [rule]})
    sagemaker.create_model_package_group(ModelPackageGroupName="group")
    arn = sagemaker.create_model_package(ModelPackageGroupName="group")["ModelPackageArn"]
    assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelPackageStatus"] == "InProgress"
    endpoint.advance(60)
    assert endpoint.jobs("model-package")[0].failure_reason == "bad scan"
    assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelPackageStatus"] == "Failed"


def test_tags(sagemaker: Any) -> None:
    arn = sagemaker.create_model(**model_request("m"), Tags=[{"Key": "a", "Value": "1"}])["ModelArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["b"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "3"}]


def test_tags_of_a_resource_of_motos(sagemaker: Any) -> None:
    arn = sagemaker.create_experiment(ExperimentName="e")["ExperimentArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
