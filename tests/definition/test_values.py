from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.definition import Severity
from airflow_sm_pipelines.definition.expressions import (
    ExecutionVariable,
    Index,
    Join,
    JsonGet,
    Member,
    ParameterReference,
    PropertyFileReference,
    PropertyReference,
    Value,
    iter_expressions,
    to_json,
)
from tests.definition.build import document, errors, get, join, only, parameter, processing, read, step

FILE = get("Steps.P.PropertyFiles.report")


def value_of(raw: object, kind: str = "Training") -> Value:
    """How one value is read that stands in Arguments beside all that it may refer to."""
    pipeline = read(step("A", kind, {"x": raw}), processing(), step("T"), Parameters=[parameter("p")])
    return pipeline.steps[0].arguments["x"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("{{ conn.aws.password }}", "{{ conn.aws.password }}"),
        (3, 3),
        (1.0, 1.0),
        (True, True),
        (None, None),
        ([1, ["a"]], (1, ("a",))),
        ({"k": {"l": []}}, {"k": {"l": ()}}),
        ({}, {}),
        (get("Parameters.p"), ParameterReference("p")),
        ([get("Parameters.p")], (ParameterReference("p"),)),
        (get("Execution.TrainingJobName"), ExecutionVariable("TrainingJobName")),
        (get("Steps.T.A[0]"), PropertyReference("T", (Member("A"), Index(0)))),
        (join(1, True, 1.5, "a", get("Parameters.p"), on=""), Join("", (1, True, 1.5, "a", ParameterReference("p")))),
        (join(join("a")), Join("/", (Join("/", ("a",)),))),
        (join(), Join("/", ())),
        (
            {"Std:JsonGet": {"PropertyFile": FILE, "Path": "a.b[0]"}},
            JsonGet(PropertyFileReference("P", "report"), "a.b[0]"),
        ),
        (
            {"Std:JsonGet": {"S3Uri": join("s3:/", "b"), "Path": "a"}},
            JsonGet(Join("/", ("s3:/", "b")), "a"),
        ),
        ({"Std:JsonGet": {"S3Uri": "s3://b/k", "Path": "a"}}, JsonGet("s3://b/k", "a")),
    ],
)
def test_reads_values_and_writes_them_back(raw: object, expected: Value) -> None:
    read_back = value_of(raw)
    assert read_back == expected
    assert type(read_back) is type(value_of(to_json(read_back)))
    assert to_json(read_back) == raw


def test_expressions_of_a_step_are_listed_with_their_places() -> None:
    raw = {
        "a": join("x", get("Parameters.p")),
        "k.l": [{"Std:JsonGet": {"PropertyFile": FILE, "Path": "v"}}],
    }
    first = read(step("A", "Training", raw), processing(), Parameters=[parameter("p")]).steps[0]
    assert [(located.path, type(located.expression).__name__) for located in first.expressions] == [
        ("$.Steps[0].Arguments.a['Std:Join'].Values[1]", "ParameterReference"),
        ("$.Steps[0].Arguments.a", "Join"),
        ("$.Steps[0].Arguments['k.l'][0]['Std:JsonGet'].PropertyFile", "PropertyFileReference"),
        ("$.Steps[0].Arguments['k.l'][0]", "JsonGet"),
    ]
    assert {located.expression for located in first.expressions} == set(iter_expressions(first.arguments))


X = "$.Steps[0].Arguments.x"
JOIN = f"{X}['Std:Join']"
JSON_GET = f"{X}['Std:JsonGet']"


@pytest.mark.parametrize(
    ("raw", "path", "part", "suggestion"),
    [
        (get("Parameter.p"), X, "begins with one of", "Parameters.p"),
        (get("Steps.T[x]"), X, "expected [<number>] or ['<key>'], at column 8", None),
        ({"Get": 3}, f"{X}.Get", "found the number 3", None),
        ({"Get": get("Parameters.p")}, f"{X}.Get", "found the expression Get 'Parameters.p'", None),
        (get("Execution.PipelineExecutionID"), X, "no execution variable", "PipelineExecutionId"),
        (get("PipelineExperimentConfig.Trial"), X, "only ExperimentName and TrialName", "TrialName"),
        (FILE, X, "only be read by Std:JsonGet", None),
        (get("ForEach.CurrentItem"), X, "only in the body of a ForEach", None),
        (get("IterationOutput.T.x"), X, "only in the Selector", None),
        (get("ChildOutput.T.x"), X, "is of a draft of ForEach that was never released", "IterationOutput.T.x"),
        ({"Std:join": {}}, X, "unknown function 'Std:join'", "Std:Join"),
        ({"Std:Split": []}, X, "unknown function 'Std:Split'", None),
        ({"std:jsonget": {}}, X, "unknown function", "Std:JsonGet"),
        ({"Std:Join": ["a"]}, JOIN, "expected an object with On and Values, found an array", None),
        ({"Std:Join": {"Values": []}}, JOIN, "Std:Join needs the key 'On'", None),
        ({"Std:Join": {"On": "/"}}, JOIN, "Std:Join needs the key 'Values'", None),
        ({"Std:Join": {"On": get("Parameters.p"), "Values": []}}, f"{JOIN}.On", "expected a literal text", None),
        ({"Std:Join": {"On": "", "Values": "a"}}, f"{JOIN}.Values", "expected an array", None),
        (join(["a"]), f"{JOIN}.Values[0]", "found an array", None),
        (join({"a": 1}), f"{JOIN}.Values[0]", "found an object", None),
        (join(None), f"{JOIN}.Values[0]", "found null", None),
        ({"Std:JsonGet": "x"}, JSON_GET, "expected an object with PropertyFile or S3Uri", None),
        ({"Std:JsonGet": {"Path": "a"}}, JSON_GET, "exactly one of 'PropertyFile' and 'S3Uri'", None),
        ({"Std:JsonGet": {"PropertyFile": FILE, "S3Uri": "s", "Path": "a"}}, JSON_GET, "exactly one of", None),
        ({"Std:JsonGet": {"PropertyFile": FILE}}, JSON_GET, "Std:JsonGet needs the key 'Path'", None),
        (
            {"Std:JsonGet": {"PropertyFile": FILE, "Path": get("Parameters.p")}},
            f"{JSON_GET}.Path",
            "literal text",
            None,
        ),
        ({"Std:JsonGet": {"PropertyFile": "report", "Path": "a"}}, f"{JSON_GET}.PropertyFile", "found the text", None),
        (
            {"Std:JsonGet": {"PropertyFile": get("Steps.T.A"), "Path": "a"}},
            f"{JSON_GET}.PropertyFile",
            "expected a reference like",
            None,
        ),
        ({"Std:JsonGet": {"S3Uri": 3, "Path": "a"}}, f"{JSON_GET}.S3Uri", "expected an S3 URI", None),
    ],
)
def test_what_is_no_expression_is_a_finding(raw: object, path: str, part: str, suggestion: str | None) -> None:
    finding = only(document(step("A", "Training", {"x": raw}), processing(), step("T"), Parameters=[parameter("p")]))
    assert (finding.path, finding.step, finding.suggestion) == (path, "A", suggestion)
    assert part in finding.message
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("raw", "path", "part"),
    [
        ({"Get": "Parameters.p", "Default": 1}, X, "'Get' beside 'Default' is not an expression"),
        ({"Std:Join": {"On": "/", "Values": ["a"], "Sep": 1}}, f"{JOIN}.Sep", "unknown key 'Sep' of Std:Join"),
        ({"Std:JsonGet": {"S3Uri": "s", "Path": "a", "Type": 1}}, f"{JSON_GET}.Type", "unknown key 'Type'"),
    ],
)
def test_what_looks_like_an_expression_and_is_none_is_a_warning(raw: object, path: str, part: str) -> None:
    finding = only(document(step("A", "Training", {"x": raw}), Parameters=[parameter("p")]))
    assert (finding.path, finding.severity) == (path, Severity.WARNING)
    assert part in finding.message


def test_arguments_as_a_whole_are_no_expression() -> None:
    assert errors(document(step(arguments=get("Parameters.p")), Parameters=[parameter("p")])) == [
        ("$.Steps[0].Arguments", "expected an object, found the expression Get 'Parameters.p'")
    ]


@pytest.mark.parametrize(
    ("kind", "name", "fits"),
    [
        ("Training", "TrainingJobName", True),
        ("Processing", "ProcessingJobName", True),
        ("Processing", "TrainingJobName", False),
        ("Lambda", "ProcessingJobName", False),
    ],
)
def test_a_job_name_exists_in_its_own_kind_of_step(kind: str, name: str, fits: bool) -> None:
    extra: dict[str, Any] = {"FunctionArn": "f"} if kind == "Lambda" else {}
    definition = document(step("A", kind, {"x": join(get(f"Execution.{name}"))}, **extra))
    if fits:
        assert read(*definition["Steps"]).warnings == ()
    else:
        finding = only(definition)
        assert (finding.path, finding.severity) == (f"{JOIN}.Values[0]", Severity.WARNING)
        assert f"in a {kind} step it fails" in finding.message
