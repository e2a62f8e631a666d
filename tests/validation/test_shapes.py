"""The shipped table of AWS's requests and responses, and what happens where AWS has moved on since."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.definition import DefinitionError
from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.step_types import STEP_TYPES
from airflow_sm_pipelines.step_types.registry import StepTypeRegistry
from airflow_sm_pipelines.step_types.step_type import ApiShape, StepType, sagemaker
from airflow_sm_pipelines.validation import generate_shapes, shapes
from airflow_sm_pipelines.validation.api_model import MODEL_FILE
from airflow_sm_pipelines.validation.shape_texts import is_structure
from airflow_sm_pipelines.validation.shapes import TABLE_FILE, shape_table
from tests.botocores import NOT_OLDER_BOTOCORE, SAME_BOTOCORE
from tests.definition.build import TRAINING, document, get, planned, step, training


@pytest.fixture(scope="module")
def made_once() -> Iterator[None]:
    """The tables of the installed botocore, the same at each call, are made at the first."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("generate", "generate_model"):
            patch.setattr(generate_shapes, name, cache(getattr(generate_shapes, name)))
        yield


@SAME_BOTOCORE
@pytest.mark.usefixtures("made_once")
def test_the_table_is_up_to_date_and_small() -> None:
    assert generate_shapes.main(["--check"]) == 0
    assert TABLE_FILE.stat().st_size < 300_000


@NOT_OLDER_BOTOCORE
@pytest.mark.usefixtures("made_once")
def test_what_the_table_has_is_what_botocore_has() -> None:
    shipped = json.loads(TABLE_FILE.read_bytes())
    generated = generate_shapes.generate()
    # A newer botocore adds members; one that is gone from it would be an error of ours at load.
    for service, structures in shipped["structures"].items():
        for name, members in structures.items():
            assert members.items() <= generated["structures"][service][name].items(), name


@SAME_BOTOCORE
@pytest.mark.usefixtures("made_once")
@pytest.mark.parametrize("change", ["operation", "member"])
def test_a_table_that_is_out_of_date_fails_the_check(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = json.loads(TABLE_FILE.read_bytes())
    if change == "operation":
        table["botocore"] = "1.0"
        del table["requests"]["sagemaker:CreateModel"]
    else:
        del table["structures"]["sagemaker"]["CreateModelInput"]["ModelName"]
    file = tmp_path / "shapes.json"
    file.write_text(json.dumps(table))
    monkeypatch.setattr(generate_shapes, "TABLE_FILE", file)
    model_file = tmp_path / "api_model.json"
    model_file.write_bytes(MODEL_FILE.read_bytes())
    monkeypatch.setattr(generate_shapes, "MODEL_FILE", model_file)
    assert generate_shapes.main(["--check"]) == 1
    assert ("CreateModel" if change == "operation" else "is not what botocore") in capsys.readouterr().err
    assert generate_shapes.main([]) == 0
    assert file.read_bytes() == TABLE_FILE.read_bytes()


def test_every_shape_that_is_named_is_there() -> None:
    table = shape_table()
    for step_type in STEP_TYPES.built_in:
        for api in step_type.apis:
            if api.arguments is not None:
                assert table.request(api.arguments), step_type.name
            if api.properties is not None:
                assert table.response(api.properties), step_type.name
    for structures in table.structures.values():
        for members in structures.values():
            for shape in members.values():
                inner = shape.lstrip("[{")
                assert not is_structure(inner) or inner in structures, inner


def test_shapes_of_some_members() -> None:
    table = shape_table()
    training = table.structures["sagemaker"]["DescribeTrainingJobResponse"]
    assert training["HyperParameters"] == "{"
    assert training["FinalMetricDataList"] == "[MetricData"
    assert training["ModelArtifacts"] == "ModelArtifacts"
    assert training["TrainingJobName"] == ""
    assert table.response(ApiShape("emr", "DescribeStep", "Step")) == "Step"
    assert table.request(sagemaker("CreateNothing")) is None


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A table of an older botocore, which knew fewer members, and of a structure nothing at all."""
    table: dict[str, Any] = json.loads(TABLE_FILE.read_bytes())
    table["botocore"] = "1.0"
    structures = table["structures"]["sagemaker"]
    del structures["CreateTrainingJobRequest"]["ResourceConfig"]
    del structures["DescribeTrainingJobResponse"]["ModelArtifacts"]
    del structures["ResourceConfig"]
    del structures["ModelArtifacts"]
    monkeypatch.setattr(
        "airflow_sm_pipelines.validation.check_properties.shape_table", lambda: shapes.ShapeTable(**table)
    )
    return table


def test_members_that_only_the_installed_botocore_knows_are_no_findings(older: dict[str, Any]) -> None:
    user = step("U", arguments={"RoleArn": get("Steps.T.ModelArtifacts.S3ModelArtifacts")})
    assert planned(document(step("T"), user)).pipeline.warnings == ()


@SAME_BOTOCORE
def test_botocore_is_not_loaded_for_its_own_version_and_for_good_documents() -> None:
    program = (
        "import sys, json; from airflow_sm_pipelines.graph import plan; plan(json.loads(sys.argv[1]));"
        "print([m for m in sys.modules if m.split('.')[0] in ('airflow', 'boto3', 'botocore')])"
    )
    role = {"RoleArn": get("Steps.T.RoleArn")}
    model = step("U", "Model", {"ExecutionRoleArn": get("Steps.T.RoleArn")})
    value = document(step("T", arguments={**TRAINING, **role, "RoleArn": None}), model)
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(value)],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.strip() == "[]"


def test_without_botocore_the_table_alone_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert shapes.installed_botocore.__wrapped__() is None
    monkeypatch.setattr(shapes, "installed_botocore", lambda: None)
    assert shapes.installed_structures.__wrapped__("sagemaker") == {}
    assert shapes.installed_shape.__wrapped__("glue", "StartJobRun", "input") is None


GLUE = StepType(
    "GlueJob",
    "acme.steps.GlueJobStepOperator",
    arguments=ApiShape("glue", "StartJobRun"),
    properties=ApiShape("glue", "GetJobRun", "JobRun"),
)


def test_the_api_of_a_users_own_type_is_that_of_the_installed_botocore() -> None:
    registry = StepTypeRegistry({"Training": "airflow_sm_pipelines.step_types.training"})
    registry.register(GLUE)
    glue = step("G", "GlueJob", {"JobName": "etl", "NotificationProperty": {"NotifyDelayAfterr": 1}})
    user = training("U", RoleArn=get("Steps.G.JobRunStat"), HyperParameters={"s": get("Steps.G.Id")})
    with pytest.raises(DefinitionError) as raised:
        plan(document(glue, user), step_types=registry)
    assert [(finding.path, finding.suggestion) for finding in raised.value.findings] == [
        ("$.Steps[0].Arguments.NotificationProperty.NotifyDelayAfterr", "NotifyDelayAfter"),
        ("$.Steps[1].Arguments.RoleArn", "Steps.G.JobRunState"),
    ]


@pytest.mark.parametrize("api", [ApiShape("glue", "NoSuchOperation"), ApiShape("no-such-service", "Create")])
def test_an_api_that_botocore_lacks_is_not_compared(api: ApiShape) -> None:
    registry = StepTypeRegistry({})
    registry.register(StepType("Mine", "acme.steps.MineStepOperator", arguments=api, properties=api))
    own = step("A", "Mine", {"X": 1, "Y": get("Steps.B.Z.z")})
    assert plan(document(own, step("B", "Mine", {})), step_types=registry).pipeline.warnings == ()


def test_the_table_cannot_change_under_its_readers() -> None:
    with pytest.raises(AttributeError):
        setattr(shape_table(), "botocore", "2")  # noqa: B010 # mypy would refuse the assignment itself
