"""The Params of numbers: what the form and the API refuse, and what a default of any size is (docs/limits.md)."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from airflow.sdk import Param
from airflow.sdk.exceptions import ParamValidationError

from airflow_sm_pipelines import DefinitionError, SageMakerPipelineDag
from tests.hostile import HUGE, document, parameter

PARAMETERS = [
    parameter("Integer", 5, name="Integer"),
    parameter("Float", 0.5, name="Float"),
    parameter("Integer", HUGE, name="HugeInteger"),
    parameter("Float", 1e300, name="HugeFloat"),
]


def param(name: str) -> Param:
    dag = SageMakerPipelineDag(json.dumps(document(Parameters=PARAMETERS)), dag_id="numbers")
    return dag.params.get_param(name)


@pytest.mark.parametrize("name", ["Integer", "Float", "HugeInteger", "HugeFloat"])
@pytest.mark.parametrize("value", [10**400, -(10**400), 2**64, -(2**63) - 1, math.inf, "x"])
def test_what_no_task_would_be_handed_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ParamValidationError):
        param(name).resolve(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Integer", 2**64 - 1),
        ("Integer", -(2**63)),
        ("Float", 1.5),
        ("HugeInteger", str(HUGE + 1)),
        ("HugeFloat", "1e9"),
    ],
)
def test_what_it_would_is_taken(name: str, value: Any) -> None:
    assert param(name).resolve(value) == value


def test_a_default_of_any_size_is_valid_in_its_own_schema() -> None:
    assert [param(name).resolve() for name in ("Integer", "Float", "HugeInteger", "HugeFloat")] == [
        5,
        0.5,
        str(HUGE),
        "1e+300",
    ]


def test_a_value_of_the_dags_file_is_judged_as_well() -> None:
    parameters = [parameter("String", "x", name="Text"), parameter("Float", 1, name="Float")]
    text = json.dumps(document(Parameters=parameters))
    with pytest.raises(DefinitionError) as raised:
        SageMakerPipelineDag(text, dag_id="given", parameters={"Text": "a\0", "Float": 10**400})
    assert ["U+0000" in raised.value.findings[0].message, len(raised.value.findings)] == [True, 2]
