from __future__ import annotations

import pickle

import pytest

from airflow_sm_pipelines.definition import DefinitionError, Finding, Severity, read_definition
from airflow_sm_pipelines.definition.findings import FindingError
from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.definition.ordering import in_document_order
from airflow_sm_pipelines.definition.paths import JsonPath, describe, render_path
from airflow_sm_pipelines.step_types import STEP_TYPES
from tests.definition.build import document, findings, get, join, only, parameter, step


def test_all_findings_come_at_once_in_document_order() -> None:
    definition = document(
        step("A", "Trainig", {"z": get("Parameters.no"), "a": get("Steps.B")}, DependsOn=["Q"]),
        {"Name": "B", "Type": "Training"},
        {"Unknown": 1, **step("A", "Fail", {"ErrorMessage": join(get("Execution.nothing"))})},
        Parameters=[parameter("x", "Integer", DefaultValue="x"), parameter("x")],
        Metadata=3,
    )
    found = findings(definition)
    assert [finding.path for finding in found] == [
        "$.Steps[0].Type",
        "$.Steps[0].Arguments.z",
        "$.Steps[0].DependsOn[0]",
        "$.Steps[1]",
        "$.Steps[2].Unknown",
        "$.Steps[2].Name",
        "$.Steps[2].Arguments.ErrorMessage['Std:Join'].Values[0]",
        "$.Parameters[0].DefaultValue",
        "$.Parameters[1].Name",
        "$.Metadata",
    ]
    assert len(set(found)) == len(found)
    assert [finding.step for finding in found] == [*"AAABAAA", None, None, None]


def test_an_error_is_a_group_that_names_everything() -> None:
    with pytest.raises(DefinitionError) as caught:
        read_definition(document(step(kind="Trainig"), step("B", Cache=1)), source="a.json", step_types=STEP_TYPES)
    error = caught.value
    assert str(error) == (
        "a.json: 2 findings\n"
        "  $.Steps[0].Type (step 'A'): unknown step type 'Trainig'; to run it, register an operator of your own:"
        " airflow_sm_pipelines.register_step_type(StepType(name='Trainig', operator=...)) in the dags file, or an entry"
        " point of the group airflow_sm_pipelines.step_types, by which lint knows it too. Did you mean 'Training'?\n"
        "  $.Steps[1].Cache (step 'B'): warning: unknown key 'Cache' of a Training step, it is ignored."
        " Did you mean 'CacheConfig'?"
    )
    assert all(isinstance(inner, FindingError) for inner in error.exceptions)
    assert pickle.loads(pickle.dumps(error)).findings == error.findings
    part = error.subgroup(lambda inner: isinstance(inner, FindingError) and "Type" in inner.finding.path)
    assert isinstance(part, DefinitionError)
    assert [finding.path for finding in part.findings] == ["$.Steps[0].Type"]


def test_a_finding_is_told_once() -> None:
    twice = [Finding("m", "$.a"), Finding("n", "$.a"), Finding("m", "$.a")]
    assert in_document_order(twice, None) == twice[:2]


def test_warnings_alone_do_not_refuse() -> None:
    pipeline = read_definition(document(step(Cach=1)), step_types=STEP_TYPES)
    assert [(finding.severity, finding.path) for finding in pipeline.warnings] == [
        (Severity.WARNING, "$.Steps[0].Cach")
    ]


def test_unknown_keys_can_be_errors() -> None:
    finding = only(document(step(DisplayNam="x")), unsupported_keys="error")
    assert (finding.severity, finding.path, finding.suggestion) == (
        Severity.ERROR,
        "$.Steps[0].DisplayNam",
        "DisplayName",
    )


def test_a_key_that_is_there_is_not_suggested() -> None:
    assert only(document(step(Names="x"))).suggestion is None


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (None, "$"),
        (((None, "Steps"), 3), "$.Steps[3]"),
        ((None, "val:acc"), "$['val:acc']"),
        ((None, "it's"), "$['it\\'s']"),
        ((None, ""), "$['']"),
    ],
)
def test_json_paths(path: JsonPath, text: str) -> None:
    assert render_path(path) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (False, "false"),
        (3, "the number 3"),
        (10**4000, "a very large number"),
        (1.5, "the number 1.5"),
        ("a" * 100, f"the text '{'a' * 60}…'"),
        ([], "an array"),
        ({}, "an object"),
        ({"Get": "Parameters.x"}, "the expression Get 'Parameters.x'"),
        ({"Std:Join": 1}, "the expression Std:Join"),
        (object(), "a Python object"),
    ],
)
def test_values_in_words(value: object, text: str) -> None:
    assert describe(value) == text


def test_nearest_is_near_or_nothing() -> None:
    assert nearest("trainig", ["Training", "Tuning"]) == "Training"
    assert nearest("xyz", ["Training", "Tuning"]) is None


def test_a_finding_in_one_line() -> None:
    assert str(Finding("m", "$.a", "s", "b")) == "$.a (step 's'): m. Did you mean 'b'?"
    assert str(Finding("m", "$.a", "s").at(2, 3)) == "$.a, line 2, column 3 (step 's'): m"
