"""Values of OutputParameters in their declared types."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.definition.model import ParameterType
from airflow_sm_pipelines.expressions.outputs import OutputError, typed_outputs

S, I, F, B = ParameterType.STRING, ParameterType.INTEGER, ParameterType.FLOAT, ParameterType.BOOLEAN  # noqa: E741 # the four types


@pytest.mark.parametrize(
    ("kind", "given", "typed"),
    [
        (S, "text", "text"),
        (S, "", ""),
        (S, 200, "200"),
        (S, 1.5, "1.5"),
        (S, True, "true"),
        (S, {"a": [1, None, "é"]}, '{"a":[1,null,"é"]}'),
        (S, [1, 2], "[1,2]"),
        (I, 3, 3),
        (I, 3.0, 3),
        (I, "3", 3),
        (I, " -12 ", -12),
        (I, 2**70, 2**70),
        (F, 3, 3.0),
        (F, "0.1", 0.1),
        (F, "1e3", 1000.0),
        (B, False, False),
        (B, "True", True),
        (B, "false", False),
    ],
)
def test_a_value_of_its_type(kind: ParameterType, given: Any, typed: Any) -> None:
    outputs = typed_outputs({"o": kind}, {"o": given, "more": 1}, "the function")
    assert outputs == {"o": typed}
    assert type(outputs["o"]) is type(typed)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (S, None),
        (I, 1.5),
        (I, "many"),
        (I, True),
        (I, None),
        (I, [1]),
        (I, "9" * 5000),
        (F, "nan"),
        (F, "-Infinity"),
        (F, float("nan")),
        (F, float("inf")),
        pytest.param(F, 10**400, id="a whole number beyond Float"),
        (I, float("nan")),
        (I, float("-inf")),
        (I, "1e999"),
        (F, {"value": 1}),
        (F, True),
        (B, 1),
        (B, "yes"),
        (B, None),
    ],
)
def test_a_value_of_another_type(kind: ParameterType, given: Any) -> None:
    with pytest.raises(
        OutputError, match=rf"^the function gave the output o = .*, which is no {kind.value}\.$"
    ) as told:
        typed_outputs({"o": kind}, {"o": given}, "the function")
    assert len(str(told.value)) < 200


def test_a_missing_output_is_told_with_what_there_is() -> None:
    with pytest.raises(OutputError, match=r"did not give the declared output b, c; it gave a, x\."):
        typed_outputs({"a": S, "b": S, "c": I}, {"x": 1, "a": "1"}, "the function")
    with pytest.raises(OutputError, match="it gave nothing"):
        typed_outputs({"a": S}, {}, "the function")
