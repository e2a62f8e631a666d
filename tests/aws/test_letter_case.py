"""PascalCase and camelCase, by botocore's shapes."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from airflow_sm_pipelines.aws.letter_case import from_api, to_api

CUSTOMIZATION = {
    "JobName": "job",
    "HyperParameters": {"epochCount": "2", "BatchSize": "1"},
    "TrainingDataConfig": {"S3Uri": "s3://b/in"},
    "CustomModelTags": [{"Key": "camelCase", "Value": "kept"}],
}
AS_API = {
    "jobName": "job",
    "hyperParameters": {"epochCount": "2", "BatchSize": "1"},
    "trainingDataConfig": {"s3Uri": "s3://b/in"},
    "customModelTags": [{"key": "camelCase", "value": "kept"}],
}


@pytest.fixture(scope="module")
def shape() -> Any:
    model: Any = ServiceModel(Loader().load_service_model("bedrock", "service-2"), "bedrock")
    return model.operation_model("CreateModelCustomizationJob").input_shape


def test_members_change_their_case_and_keys_of_maps_do_not(shape: Any) -> None:
    assert to_api(CUSTOMIZATION, shape) == AS_API
    assert from_api(AS_API, shape) == CUSTOMIZATION


def test_what_the_shape_lacks_is_left_to_botocore_to_refuse(shape: Any) -> None:
    assert to_api({"Nonsense": {"A": 1}}, shape) == {"Nonsense": {"A": 1}}
    assert from_api({"ResponseMetadata": {}}, shape) == {}
