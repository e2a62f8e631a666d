from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from airflow_sm_pipelines.jobs.datasets import datasets_of
from airflow_sm_pipelines.step_types import STEP_TYPES
from airflow_sm_pipelines.step_types.datasets import NO_DATASETS


def channel(uri: str) -> dict[str, Any]:
    return {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": uri}}}


@pytest.mark.parametrize(
    ("step_type", "request_", "inputs", "outputs"),
    [
        (
            "Processing",
            {
                "ProcessingInputs": [
                    {"InputName": "a", "S3Input": {"S3Uri": "s3://b/in"}},
                    {"InputName": "again", "S3Input": {"S3Uri": "s3://b/in"}},
                    {"InputName": "table", "DatasetDefinition": {}},
                ],
                "ProcessingOutputConfig": {"Outputs": [{"OutputName": "o", "S3Output": {"S3Uri": "s3://b/out"}}]},
            },
            ("s3://b/in",),
            ("s3://b/out",),
        ),
        (
            "Processing",
            {"ProcessingOutputConfig": {"Outputs": [{"OutputName": "f", "FeatureStoreOutput": {}}]}},
            (),
            (),
        ),
        (
            "Training",
            {
                "InputDataConfig": [channel("s3://b/t"), channel("s3://b/v")],
                "OutputDataConfig": {"S3OutputPath": "s3://b/m"},
            },
            ("s3://b/t", "s3://b/v"),
            ("s3://b/m",),
        ),
        (
            "Tuning",
            {
                "TrainingJobDefinitions": [
                    {"InputDataConfig": [channel("s3://b/1")], "OutputDataConfig": {"S3OutputPath": "s3://b/o1"}},
                    {"InputDataConfig": [channel("s3://b/2")], "OutputDataConfig": {"S3OutputPath": "s3://b/o2"}},
                ]
            },
            ("s3://b/1", "s3://b/2"),
            ("s3://b/o1", "s3://b/o2"),
        ),
        ("Model", {"Containers": [{"ModelDataUrl": "s3://b/m.tar.gz"}, {"Image": "i"}]}, ("s3://b/m.tar.gz",), ()),
        ("Model", {"PrimaryContainer": {"ModelDataUrl": "https://elsewhere/m"}}, (), ()),
        ("Lambda", {"Anything": "s3://b/x"}, (), ()),
    ],
)
def test_what_a_request_reads_and_writes(
    step_type: str, request_: dict[str, Any], inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> None:
    found = datasets_of(STEP_TYPES[step_type].datasets, request_, None)
    assert (found.inputs, found.outputs) == (inputs, outputs)


def test_a_result_names_what_was_written_more_closely() -> None:
    request = {"OutputDataConfig": {"S3OutputPath": "s3://b/m"}}
    result = {"ModelArtifacts": {"S3ModelArtifacts": "s3://b/m/job/output/model.tar.gz"}}
    assert datasets_of(STEP_TYPES["Training"].datasets, request, result).outputs == (
        "s3://b/m/job/output/model.tar.gz",
    )
    assert datasets_of(STEP_TYPES["Training"].datasets, request, {}).outputs == ("s3://b/m",)


def reached(shape: Any, path: str) -> Any:
    """The shape at a path, None where there is none. Bedrock's Arguments are in another letter case than its API."""
    for name in path.split("."):
        members = {known.lower(): member for known, member in shape.members.items()}
        shape = members.get(name.removesuffix("[]").lower())
        if shape is None:
            return None
        shape = shape.member if name.endswith("[]") else shape
    return shape


@pytest.mark.parametrize("name", [each.name for each in STEP_TYPES.built_in if each.datasets != NO_DATASETS])
def test_every_path_is_one_of_the_api(name: str) -> None:
    kind, paths = STEP_TYPES[name].kind, STEP_TYPES[name].datasets
    assert kind is not None
    service = botocore.session.get_session().get_service_model(kind.service)
    requests = [
        service.operation_model(call).input_shape
        for call in (kind.create, f"{kind.create}V2")
        if call in service.operation_names
    ]
    response = service.operation_model(kind.describe).output_shape
    for path in (*paths.inputs, *paths.outputs):
        assert any(found.type_name == "string" for shape in requests if (found := reached(shape, path))), path
    for path in paths.results:
        assert reached(response, path).type_name == "string"
