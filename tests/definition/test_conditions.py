from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.definition.expressions import ParameterReference
from airflow_sm_pipelines.definition.model import Compare, Comparison, Condition, In, Not, Or
from airflow_sm_pipelines.definition.writer import condition_to_json
from tests.definition.build import condition, document, equals, findings, get, only, parameter, read

P = get("Parameters.p")
EQUALS = Compare(Comparison.EQUALS, 1, 1)


def read_one(raw: dict[str, Any]) -> Condition:
    branches = read(condition("C", (raw,)), Parameters=[parameter("p")]).steps[0].branches
    assert branches is not None
    return branches.conditions[0]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        *[
            ({"Type": kind.value, "LeftValue": P, "RightValue": "x"}, Compare(kind, ParameterReference("p"), "x"))
            for kind in Comparison
        ],
        ({"Type": "In", "QueryValue": P, "Values": ["a", 1]}, In(ParameterReference("p"), ("a", 1))),
        ({"Type": "In", "Value": P, "In": ["a"]}, In(ParameterReference("p"), ("a",))),
        ({"Type": "NotIn", "QueryValue": 1, "Values": [2]}, Not(In(1, (2,)))),
        ({"Type": "NotIn", "Value": 1, "In": [2]}, Not(In(1, (2,)))),
        ({"Type": "Not", "Condition": equals()}, Not(EQUALS)),
        ({"Type": "Not", "Expression": equals()}, Not(EQUALS)),
        ({"Type": "Or", "Conditions": [equals(), {"Type": "Not", "Condition": equals()}]}, Or((EQUALS, Not(EQUALS)))),
        ({"Type": "Or", "Conditions": []}, Or(())),
    ],
)
def test_every_condition_in_every_spelling(raw: dict[str, Any], expected: Condition) -> None:
    assert read_one(raw) == expected
    assert read_one(condition_to_json(expected)) == expected


C = "$.Steps[0].Arguments.Conditions[0]"


@pytest.mark.parametrize(
    ("raw", "path", "message"),
    [
        (1, C, "expected a condition, found the number 1"),
        ({}, C, "a condition needs the key 'Type'"),
        ({"Type": 1}, f"{C}.Type", "expected a text, found the number 1"),
        ({"Type": "LessThen", "LeftValue": 1, "RightValue": 2}, f"{C}.Type", "'LessThen' is no condition type"),
        ({"Type": "Equals", "LeftValue": 1}, C, "a condition of type Equals needs the key 'RightValue'"),
        ({"Type": "Equals", "LeftValue": [1], "RightValue": 1}, f"{C}.LeftValue", "a condition compares"),
        ({"Type": "Equals", "LeftValue": 1, "RightValue": None}, f"{C}.RightValue", "a condition compares"),
        ({**equals(), "Values": []}, f"{C}.Values", "unknown key 'Values' of a condition of type Equals"),
        ({"Type": "In", "QueryValue": 1}, C, "a condition of type In needs the key 'Values'"),
        ({"Type": "In", "Value": 1}, C, "a condition of type In needs the key 'In'"),
        ({"Type": "In"}, C, "a condition of type In needs the key 'QueryValue'"),
        ({"Type": "In", "QueryValue": 1, "Values": "x"}, f"{C}.Values", "expected an array of values"),
        ({"Type": "In", "QueryValue": 1, "Values": [{}]}, f"{C}.Values[0]", "a condition compares"),
        ({"Type": "NotIn", "Value": 1, "In": 1}, f"{C}.In", "expected an array of values"),
        ({"Type": "Not"}, C, "a Not condition needs the key 'Condition'"),
        ({"Type": "Not", "Condition": equals(), "Expression": 1}, f"{C}.Expression", "unknown key 'Expression'"),
        ({"Type": "Not", "Expression": []}, f"{C}.Expression", "expected a condition, found an array"),
        ({"Type": "Or", "Conditions": {}}, f"{C}.Conditions", "expected an array of conditions"),
        ({"Type": "Or", "Conditions": [1]}, f"{C}.Conditions[0]", "expected a condition"),
        ({"Type": "Or"}, C, "an Or condition needs the key 'Conditions'"),
        (equals(P, get("Parameters.q")), f"{C}.RightValue", "the parameter 'q' is not declared"),
        (
            {"Type": "Not", "Expression": {"Type": "In", "Value": 1, "In": [get("Parameters.q")]}},
            f"{C}.Expression.In[0]",
            "the parameter 'q' is not declared",
        ),
    ],
)
def test_each_wrong_condition_is_a_finding_at_its_place(raw: object, path: str, message: str) -> None:
    found = [
        finding
        for finding in findings(document(condition("C", (raw,)), Parameters=[parameter("p")]))
        if finding.path == path and finding.message.startswith(message) and finding.step == "C"
    ]
    assert len(found) == 1


def test_a_misspelt_type_is_guessed() -> None:
    finding = only(document(condition("C", ({"Type": "LessThen", "LeftValue": 1, "RightValue": 2},))))
    assert finding.suggestion == "LessThan"
