"""A run's value for a parameter, in the parameter's declared type."""

from __future__ import annotations

import pytest

from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError
from airflow_sm_pipelines.definition.model import Parameter, ParameterType
from airflow_sm_pipelines.expressions.json_text import quoted
from airflow_sm_pipelines.expressions.parameters import coerce, unknown_names
from airflow_sm_pipelines.expressions.stringify import Json


def parameter(kind: str) -> Parameter:
    return Parameter("P", ParameterType(kind), ((None, "Parameters"), 0))


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("String", "text", "text"),
        ("String", "", ""),
        ("String", None, ""),
        ("String", 5, "5"),
        ("String", True, "true"),
        ("Integer", 5, 5),
        ("Integer", "5", 5),
        ("Integer", "-5", -5),
        ("Integer", "7" * 40, int("7" * 40)),
        ("Integer", 10**400, 10**400),
        ("Integer", 5.0, 5),
        ("Float", 1, 1.0),
        ("Float", "1e-3", 0.001),
        ("Float", 0.1, 0.1),
        ("Boolean", True, True),
        ("Boolean", "True", True),
        ("Boolean", "false", False),
    ],
)
def test_values_of_a_type(kind: str, given: Json, value: Json) -> None:
    coerced = coerce(parameter(kind), given)
    assert coerced == value
    assert type(coerced) is type(value)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("Integer", "five"),
        ("Integer", 5.5),
        ("Integer", "5.0"),
        ("Integer", True),
        ("Integer", None),
        ("Integer", ""),
        ("Integer", "1_000"),
        ("Float", "nan"),
        ("Float", "9" * 400),
        pytest.param("Float", 10**400, id="Float-400 digits"),
        ("Float", float("inf")),
        ("Integer", "9" * 5000),
        ("Integer", float("nan")),
        ("Integer", float("inf")),
        pytest.param("String", 10**5000, id="String-5000 digits"),
        ("Float", "one"),
        ("Float", False),
        ("Boolean", "yes"),
        ("Boolean", 1),
        ("String", ["a"]),
        ("String", {"a": 1}),
    ],
)
def test_what_is_not_of_the_type_names_the_parameter(kind: str, given: Json) -> None:
    with pytest.raises(UnresolvedError) as raised:
        coerce(parameter(kind), given)
    assert f"Parameters.P is of type {kind}, which {quoted(given)} is not" in str(raised.value)


def test_unknown_names_are_told_with_value_type_and_the_nearest_name() -> None:
    parameters = {
        "Count": Parameter("Count", ParameterType.INTEGER, None),
        "Url": Parameter("Url", ParameterType.STRING, None),
    }
    assert unknown_names(parameters, {"Count": 1}) is None
    assert unknown_names(parameters, {"Cuont": 5, "zzz": "x"}) == (
        "'Cuont' (given 5, an Integer) is no parameter of the pipeline. Did you mean 'Count', of type Integer?"
        " 'zzz' (given 'x', a String) is no parameter of the pipeline. The pipeline's parameters are: Count, Url."
    )
    assert "parameters are: none." in str(unknown_names({}, {"a": None}))
