from __future__ import annotations

import copy
import datetime
import enum
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.definition import DefinitionError, Pipeline, Severity, read_definition
from airflow_sm_pipelines.definition.plain import MAX_DEPTH
from tests.definition.build import document, errors, get, only, step

TEXT = json.dumps(document(step()))


@pytest.mark.parametrize(
    "source", [TEXT, TEXT.encode(), b"\xef\xbb\xbf" + TEXT.encode(), "\ufeff" + TEXT, json.loads(TEXT)]
)
def test_reads_text_bytes_and_mappings_alike(source: Any) -> None:
    assert read_definition(source) == read_definition(TEXT)


def test_reads_a_file_and_names_it_in_errors(tmp_path: Path) -> None:
    path = tmp_path / "my pipeline.json"
    path.write_text(TEXT)
    assert read_definition(path).steps[0].name == "A"
    path.write_text("{")
    with pytest.raises(DefinitionError) as caught:
        read_definition(path)
    assert caught.value.source == str(path)
    assert str(path) in str(caught.value)
    with pytest.raises(DefinitionError) as caught:
        read_definition(path, source="given")
    assert str(caught.value).startswith("given: 1 finding")


def test_a_file_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in only(tmp_path / "none.json").message
    assert "cannot be read" in only(tmp_path).message


@pytest.mark.parametrize(
    ("text", "line", "column", "part"),
    [
        ("", 1, 1, "it is empty"),
        (" \n ", 1, 1, "it is empty"),
        ('{"Steps": [\n  1,\n]}', 2, 4, "a comma before a closing bracket"),
        ('{"Steps": []\n, }', 2, 1, "a comma before a closing bracket"),
        ('{"Steps": }', 1, 11, "expecting value"),
        ("{'Steps': []}", 1, 2, "double quotes"),
        ('{"Steps": [],\n "Version": None}', 2, 13, "JSON writes null"),
        ('{"Steps": True}', 1, 11, "JSON writes true"),
        ('{\n// why\n"Steps": []}', 2, 1, "JSON has no comments"),
        ('{"Steps": {{ x }}}', 1, 12, "double quotes"),
        ('{"Steps": []', 1, 13, "ends too early"),
        ('{"Steps": []} {}', 1, 15, "extra data"),
        ('{"a": "NaN",\n "Steps": NaN}', 2, 11, "NaN is no JSON number"),
        ('{"Steps": [-Infinity]}', 1, 12, "-Infinity is no JSON number"),
        ('{"Steps": ' + "9" * 5000 + "}", 1, 11, "too many digits"),
        ('{"Steps": ' + "[" * 100_000, 1, 1, "nested too deeply"),
        ("pipelines/a.json", 1, 1, "give a file as a pathlib.Path"),
    ],
)
def test_syntax_errors_have_line_and_column(text: str, line: int, column: int, part: str) -> None:
    finding = only(text)
    assert (finding.line, finding.column) == (line, column)
    assert part in finding.message
    assert str(finding).startswith(f"$, line {line}, column {column}: ")


@pytest.mark.parametrize(
    ("data", "column", "part"),
    [(b'{"Steps": "\xff"}', 12, "byte 0xff"), (TEXT.encode("utf-16"), 1, "looks like UTF-16")],
)
def test_bytes_that_are_not_utf8(data: bytes, column: int, part: str) -> None:
    finding = only(data)
    assert (finding.line, finding.column) == (1, column)
    assert part in finding.message


@pytest.mark.parametrize("text", ["[]", "3", "null", '"x"'])
def test_the_top_level_is_an_object(text: str) -> None:
    assert "must be a JSON object, found" in only(text).message


def test_every_duplicate_key_is_a_finding() -> None:
    text = '{"Steps": [{"Name": "A", "Name": "B", "Type": "Fail", "Arguments": {"x.y": 1, "x.y": 1}}], "Steps2": 1}'
    paths = [path for path, message in errors(text) if "stands twice" in message]
    assert paths == ["$.Steps[0].Name", "$.Steps[0].Arguments['x.y']"]


def test_numbers_and_texts_without_json_form_are_findings() -> None:
    text = '{"Steps": [{"Name": "A", "Type": "Fail", "Arguments": {"a": 1e999, "b": "\\ud800"}}]}'
    assert errors(text) == [
        ("$.Steps[0].Arguments.a", "inf is out of range for a JSON number"),
        (
            "$.Steps[0].Arguments.b",
            "the text has U+D800 at character 1, which is half a surrogate pair and no character",
        ),
    ]
    assert only(document(step(arguments={"a": float("nan")}))).path == "$.Steps[0].Arguments.a"
    assert "too many digits" in only(document(step(arguments={"a": 10**5000}))).message


def test_depth_is_limited_but_not_where_it_is_used() -> None:
    def nested(levels: int) -> dict[str, Any]:
        value: Any = 1
        for _ in range(levels):
            value = [value]
        return document(step(arguments={"a": value}))

    assert read_definition(nested(MAX_DEPTH - 4)).steps
    for source in (nested(MAX_DEPTH - 3), json.dumps(nested(MAX_DEPTH - 3)), nested(300)):
        assert "nested deeper" in only(source).message
    loop: dict[str, Any] = {}
    loop["Steps"] = [loop]
    assert "nested deeper" in only(loop).message


def test_a_mapping_holds_only_json() -> None:
    class Kind(enum.StrEnum):
        TRAINING = "Training"

    read = read_definition(document(step(kind=Kind.TRAINING, arguments={"a": (1, True)})))
    assert type(read.steps[0].type) is str
    assert read.steps[0].arguments == {"a": (1, True)}
    found = errors(document(step(arguments={"when": datetime.date(2024, 1, 1), 3: "x"})))
    assert found == [
        ("$.Steps[0].Arguments.when", "expected a JSON value, found a Python date"),
        ("$.Steps[0].Arguments", "the keys of a JSON object are texts, found the number 3"),
    ]


RESPONSE = {
    "PipelineArn": "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/abalone",
    "PipelineName": "Abalone",
    "PipelineDisplayName": "Abalone age",
    "PipelineDescription": "what it does",
    "PipelineDefinition": TEXT,
    "RoleArn": "arn:aws:iam::111122223333:role/r",
    "ParallelismConfiguration": {"MaxParallelExecutionSteps": 4},
    "CreationTime": "2024-01-01T00:00:00Z",
}


@pytest.mark.parametrize(
    "response",
    [
        RESPONSE,
        json.dumps(RESPONSE),
        {**RESPONSE, "PipelineDefinition": json.loads(TEXT)},
        {**RESPONSE, "CreationTime": datetime.datetime(2024, 1, 1), "ResponseMetadata": {"x": object()}},
    ],
)
def test_a_describe_pipeline_response_names_its_definition(response: Any) -> None:
    read = read_definition(response)
    assert (read.name, read.display_name, read.description) == ("Abalone", "Abalone age", "what it does")
    assert (read.role_arn, read.max_parallel_steps) == ("arn:aws:iam::111122223333:role/r", 4)
    assert read.steps == read_definition(TEXT).steps
    assert read.digest == read_definition(TEXT).digest
    assert read.warnings == ()


def test_a_definition_with_steps_is_no_response() -> None:
    finding = only(document(step(), PipelineDefinition="{}"))
    assert (finding.path, finding.severity) == ("$.PipelineDefinition", Severity.WARNING)


def test_a_bare_definition_has_no_name() -> None:
    read = read_definition(TEXT)
    assert (read.name, read.role_arn, read.max_parallel_steps) == (None, None, None)


@pytest.mark.parametrize(
    ("change", "path", "part"),
    [
        ({"PipelineName": 3}, "$.PipelineName", "expected a text, found the number 3"),
        ({"PipelineName": ""}, "$.PipelineName", "not empty"),
        ({"ParallelismConfiguration": []}, "$.ParallelismConfiguration", "expected an object"),
        (
            {"ParallelismConfiguration": {"MaxParallelExecutionSteps": 0}},
            "$.ParallelismConfiguration.MaxParallelExecutionSteps",
            "whole number from 1 to 2147483647, found the number 0",
        ),
        (
            {"ParallelismConfiguration": {"MaxParallelExecutionSteps": 2**31}},
            "$.ParallelismConfiguration.MaxParallelExecutionSteps",
            "whole number from 1 to 2147483647, found the number 2147483648",
        ),
        (
            {"ParallelismConfiguration": {"MaxParallelExecutionSteps": True}},
            "$.ParallelismConfiguration.MaxParallelExecutionSteps",
            "found true",
        ),
        ({"PipelineDefinition": 1}, "$.PipelineDefinition", "must be a JSON object or the text of one"),
        ({"PipelineDefinition": "[]"}, "$.PipelineDefinition", "must be a JSON object, found an array"),
        ({"PipelineDefinition": "{}"}, "$", "'Steps' is missing"),
        ({"PipelineDefinition": '{"Steps": 1}'}, "$.Steps", "expected an array of steps"),
    ],
)
def test_findings_of_a_response(change: dict[str, Any], path: str, part: str) -> None:
    finding = only({**RESPONSE, **change})
    assert finding.path == path
    assert part in finding.message


def test_syntax_errors_of_the_inner_text_are_placed_in_the_text_around_it() -> None:
    response = {**RESPONSE, "PipelineDefinition": '{\n  "Steps": [}'}
    text = json.dumps(response, indent=1)
    finding = only(text)
    assert finding.path == "$.PipelineDefinition"
    assert finding.message.startswith("the text in PipelineDefinition is not JSON: ")
    line = text.splitlines()[(finding.line or 0) - 1]
    assert line[(finding.column or 0) - 1 :].startswith('}"')
    assert (only(response).line, only(response).column) == (2, 13)


@pytest.mark.parametrize(
    ("value", "suggestion", "part"),
    [
        ({"steps": []}, "Steps", "neither"),
        ({"PipelineDefinitions": "{}"}, "PipelineDefinition", "neither"),
        ({"x": 1}, None, "neither"),
        ({"PipelineDefinitionS3Location": {}}, None, "lies in S3"),
    ],
)
def test_a_document_that_is_none(value: dict[str, Any], suggestion: str | None, part: str) -> None:
    finding = only(value)
    assert finding.suggestion == suggestion
    assert part in finding.message


def test_the_digest_is_of_the_value_not_of_the_text() -> None:
    def digest(text: str) -> str:
        return read_definition(text).digest

    assert len(digest(TEXT)) == 64
    assert digest(TEXT) == digest(json.dumps(json.loads(TEXT), indent=3, sort_keys=True))
    assert digest(TEXT) != digest(TEXT.replace('"A"', '"B"'))


def test_top_level_keys_and_types() -> None:
    assert read_definition(document(step(), Metadata={"k": "v"})).metadata == {"k": "v"}
    typo = only(document(step(), Parameter=[]))
    assert (typo.path, typo.suggestion) == ("$.Parameter", "Parameters")
    assert only(document(step(), Version="2019-01-01")).message == "unknown version '2019-01-01', read as 2020-12-01"
    wrong: dict[str, Any] = {
        "Version": 1,
        "Metadata": {"a": []},
        "Parameters": {},
        "PipelineExperimentConfig": [],
        "MlflowConfig": "x",
    }
    assert errors({**document(step()), **wrong}) == [
        ("$.Version", "expected a text, found the number 1"),
        ("$.Metadata.a", "expected a text, found an array"),
        ("$.Parameters", "expected an array of parameters, found an object"),
        ("$.PipelineExperimentConfig", "expected an object with ExperimentName and TrialName, found an array"),
        ("$.MlflowConfig", "expected an object with MlflowResourceArn, found the text 'x'"),
    ]


def test_experiment_and_mlflow_configuration() -> None:
    read = read_definition(
        document(
            PipelineExperimentConfig={"ExperimentName": "E"},
            MlflowConfig={"MlflowResourceArn": "arn", "MlflowExperimentName": get("Execution.PipelineName")},
        )
    )
    assert read.experiment is not None
    assert read.mlflow is not None
    assert (read.experiment.experiment_name, read.experiment.trial_name) == ("E", None)
    assert read.mlflow.resource_arn == "arn"
    assert errors(
        document(step(), PipelineExperimentConfig={"TrialName": 3}, MlflowConfig={"MlflowResourceArn": []})
    ) == [
        ("$.PipelineExperimentConfig.TrialName", "expected a text or an expression, found the number 3"),
        ("$.MlflowConfig.MlflowResourceArn", "expected a text or an expression, found an array"),
    ]


def test_a_pipeline_is_frozen_and_copies() -> None:
    read = read_definition(document(step(arguments={"a": {"b": [get("Execution.PipelineName")]}})))
    arguments: Any = read.steps[0].arguments
    with pytest.raises(TypeError, match="read-only"):
        arguments["a"] = 1
    with pytest.raises(TypeError, match="read-only"):
        arguments["a"].clear()
    with pytest.raises(TypeError, match="read-only"):
        arguments |= {}
    copied: Pipeline = pickle.loads(pickle.dumps(copy.deepcopy(read)))
    assert copied == read
    assert hash(copied.steps[0]) == hash(read.steps[0])
