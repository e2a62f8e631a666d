"""Resolving expressions, the text of a Join, property paths and JSON paths: without Airflow or AWS."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError
from airflow_sm_pipelines.definition.expressions import (
    ExecutionVariable,
    Index,
    Join,
    JsonGet,
    Key,
    Member,
    ParameterReference,
    PropertyFileReference,
    PropertyReference,
)
from airflow_sm_pipelines.expressions.json_get import JsonPathError, json_get
from airflow_sm_pipelines.expressions.properties import PathNotFoundError, look_up
from airflow_sm_pipelines.expressions.stringify import to_text
from airflow_sm_pipelines.expressions.values import resolve, resolve_object
from tests.expressions.scope import FixedScope

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.expressions import PropertyPath, Value
    from airflow_sm_pipelines.expressions.stringify import Json

SCOPE = FixedScope(
    parameters={"Count": 3, "Rate": 0.1, "Flag": True, "Name": "abc", "Empty": ""},
    variables={"PipelineExecutionId": "abcdefghijkl"},
    results={
        "Train": {
            "ModelArtifacts": {"S3ModelArtifacts": "s3://b/model.tar.gz"},
            "FinalMetricDataList": [{"MetricName": "val:acc", "Value": 0.5}, {"MetricName": "b.c/d", "Value": 2}],
            "HyperParameters": {"a.b": "1"},
            "Nothing": None,
        }
    },
    files={"s3://b/out/evaluation.json": {"metrics": {"mse": {"value": 4.5}}, "a.b": [{"c": "x"}], "list": [1]}},
    property_files={("Eval", "Report"): "s3://b/out/evaluation.json"},
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        ("", ""),
        (3, "3"),
        (-12345678901234567890, "-12345678901234567890"),
        (True, "true"),
        (False, "false"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (0.0, "0.0"),
        (1.5e-5, "0.000015"),
        (1e16, "10000000000000000.0"),
        (1e21, "1e+21"),
        (1e-9, "1e-09"),
        ([1, "a"], '[1,"a"]'),
        ({"k": True}, '{"k":true}'),
        (None, "null"),
    ],
)
def test_text_of_a_value(value: Json, text: str) -> None:
    assert to_text(value) == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{{ conn.aws_default.password }}", "{{ conn.aws_default.password }}"),
        (ParameterReference("Count"), 3),
        (ParameterReference("Flag"), True),
        (ParameterReference("Empty"), ""),
        (ExecutionVariable("PipelineExecutionId"), "abcdefghijkl"),
        (Join("/", ("s3:/", ParameterReference("Name"), 1, True, 1.5)), "s3://abc/1/true/1.5"),
        (Join("", (ParameterReference("Count"),)), "3"),
        (Join("-", ()), ""),
        (Join(",", (Join("=", ("a", ParameterReference("Rate"))), "b")), "a=0.1,b"),
        (
            PropertyReference("Train", (Member("ModelArtifacts"), Member("S3ModelArtifacts"))),
            "s3://b/model.tar.gz",
        ),
        (JsonGet(PropertyFileReference("Eval", "Report"), "metrics.mse.value"), 4.5),
        (JsonGet(Join("/", ("s3://b/out", "evaluation.json")), "['a.b'][0].c"), "x"),
        ((1, ParameterReference("Count")), [1, 3]),
    ],
)
def test_resolved_values_keep_their_types(value: Value, expected: Json) -> None:
    resolved = resolve(value, SCOPE)
    assert resolved == expected
    assert type(resolved) is type(expected)


def test_a_null_member_is_left_out_at_every_depth() -> None:
    arguments: Value = MappingProxyType({"A": None, "B": MappingProxyType({"C": None, "D": 0}), "E": (None, "")})
    assert resolve(arguments, SCOPE) == {"B": {"D": 0}, "E": [None, ""]}
    assert resolve_object({"A": None}, SCOPE) == {}


WILD = FixedScope(
    parameters={"Nul": "a\0", "Half": "\ud800", "Nested": ["\0"], "Large": int("7" * 40)},
    files={"s3://b/f.json": {"nan": float("nan"), "inf": float("-inf"), "half": "x\udfff", "large": int("7" * 40)}},
)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (JsonGet("s3://b/f.json", "nan"), "Std:JsonGet('s3://b/f.json', 'nan') is nan, which is no number"),
        (JsonGet("s3://b/f.json", "inf"), "'inf') is -inf, which is no number"),
        (JsonGet("s3://b/f.json", "half"), "'half') has U+DFFF at character 2 of a text, which cannot be stored"),
        (ParameterReference("Nul"), "Parameters.Nul has U+0000"),
        (ParameterReference("Nested"), "Parameters.Nested has U+0000"),
        (Join("", (ParameterReference("Half"),)), "Parameters.Half has U+D800"),
        (JsonGet(ParameterReference("Large"), "a"), "needs an S3 URI, not 7777"),
        (Join("", ("x" * 10_000, ParameterReference("Missing"))), "Parameters.Missing"),
        (JsonGet("s3://b/" + "x" * 10_000, "a"), "is undefined"),
    ],
)
def test_what_can_be_neither_sent_nor_stored_names_its_expression(value: Value, message: str) -> None:
    with pytest.raises(UnresolvedError) as raised:
        resolve(value, WILD)
    assert message in str(raised.value)
    assert len(str(raised.value)) < 1200


def test_large_whole_numbers_are_exact() -> None:
    large = JsonGet("s3://b/f.json", "large")
    assert resolve(large, WILD) == int("7" * 40)
    assert resolve(Join("-", (large, ParameterReference("Large"))), WILD) == f"{'7' * 40}-{'7' * 40}"


def test_an_expression_that_is_nested_too_deeply() -> None:
    value: Value = "x"
    for _ in range(5000):
        value = Join("", (value,))
    with pytest.raises(UnresolvedError, match=r"^Join is nested too deeply to be resolved"):
        resolve(value, SCOPE)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (ParameterReference("Missing"), "Parameters.Missing"),
        (PropertyReference("Train", (Member("Absent"),)), "Steps.Train.Absent"),
        (PropertyReference("Train", (Member("Nothing"),)), "resolves to nothing"),
        (PropertyFileReference("Eval", "Report"), "only Std:JsonGet can read it"),
        (JsonGet(Join("", ("s3://b/absent.json",)), "a"), "s3://b/absent.json"),
        (JsonGet(PropertyFileReference("Eval", "Report"), "metrics.rmse"), "has no match"),
        (JsonGet(ParameterReference("Count"), "a"), "needs an S3 URI, not 3"),
        (Join("", (ParameterReference("Missing"),)), "Parameters.Missing"),
    ],
)
def test_what_gives_nothing_names_its_expression(value: Value, message: str) -> None:
    with pytest.raises(UnresolvedError) as raised:
        resolve(value, SCOPE)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), "whole"),
        ((Member("FinalMetricDataList"), Key("val:acc"), Member("Value")), 0.5),
        ((Member("FinalMetricDataList"), Key("b.c/d"), Member("Value")), 2),
        ((Member("FinalMetricDataList"), Index(1), Member("MetricName")), "b.c/d"),
        ((Member("HyperParameters"), Key("a.b")), "1"),
    ],
)
def test_property_paths(path: PropertyPath, expected: Json) -> None:
    result = SCOPE.results["Train"]
    assert look_up(result, path) == (result if expected == "whole" else expected)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ((Member("Absent"),), "it has FinalMetricDataList, HyperParameters, ModelArtifacts, Nothing"),
        ((Member("FinalMetricDataList"), Key("acc")), "its elements are named b.c/d, val:acc"),
        ((Member("FinalMetricDataList"), Index(2)), "it has 2 elements"),
        ((Member("FinalMetricDataList"), Member("Value")), "it is a list"),
        ((Member("Nothing"), Member("A")), "it is absent"),
        ((Member("ModelArtifacts"), Member("S3ModelArtifacts"), Index(0)), "it is a single value"),
    ],
)
def test_a_path_that_leads_nowhere_says_where_it_ends(path: PropertyPath, message: str) -> None:
    with pytest.raises(PathNotFoundError) as raised:
        look_up(SCOPE.results["Train"], path)
    assert message in str(raised.value)


DOCUMENT: Json = {
    "a": {"b": [{"c": 1}], "x.y": True, "k'": 2, "n": None},
    "top": "s",
    "list": [[0, 1]],
    "stars": {"*": 3, "x": 4},
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.b[0].c", 1),
        ("$.a.b[0].c", 1),
        ("$['a']['x.y']", True),
        ('a["x.y"]', True),
        ("a['k\\'']", 2),
        ("a['k'']", 2),
        ("stars['*']", 3),
        ("['top']", "s"),
        ("top", "s"),
        ("list[0][1]", 1),
        ("list[-1][-2]", 0),
        ("a.b[-1].c", 1),
    ],
)
def test_json_paths(path: str, expected: Json) -> None:
    assert json_get(DOCUMENT, path) == expected


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a.z", "has no match"),
        ("a.b[5].c", "has no match"),
        ("a.b[-2].c", "has no match"),
        ("top[-1]", "has no match"),
        ("a[-1]", "has no match"),
        ("a.b[-2:]", "wildcard, slice or filter"),
        ("a.b[--1]", "wildcard, slice or filter"),
        ("a.b[-]", "wildcard, slice or filter"),
        ("top[0]", "has no match"),
        ("a", "leads to an object"),
        ("list", "leads to a list"),
        ("a.n", "leads to null"),
        ("a.*", "wildcard"),
        ("a['*']", "has no match"),
        ("a..c", "recursive"),
        ("a.b[*]", "wildcard, slice or filter"),
        ("a.b[0:1]", "wildcard, slice or filter"),
        ("a.b[?(@.c)]", "wildcard, slice or filter"),
        ("a.b[", "not closed"),
        ("a['x", "quoted key is not closed"),
        ("", "names nothing"),
        ("$", "names nothing"),
        ("a.", "a name is missing"),
        ("$a", "cannot be read at column 2"),
    ],
)
def test_json_paths_that_give_no_single_value(path: str, message: str) -> None:
    with pytest.raises(JsonPathError) as raised:
        json_get(DOCUMENT, path)
    assert message in str(raised.value)
