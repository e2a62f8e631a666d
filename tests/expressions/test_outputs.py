"""Values of OutputParameters in their declared types."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.definition.model import ParameterType
from airflow_sm_pipelines.expressions.outputs import OutputError, typed_outputs

S, I, F, B = ParameterType.STRING, ParameterType.INTEGER, ParameterType.FLOAT, ParameterType.BOOLEAN  # noqa: E741 # the four types


def deep(depth: int) -> Any:
    """A value of so many lists in each other."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


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
        (I, 2**63 - 1, 2**63 - 1),
        (I, str(-(2**63)), -(2**63)),
        (S, 2**70, str(2**70)),
        (S, float("nan"), "nan"),
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


def test_a_float_that_comes_back_as_a_whole_number() -> None:
    """PostgreSQL's JSON writes 1e22 as 10000000000000000000000."""
    for given in (1e22, -1e19, "1e22", 10**19):
        with pytest.raises(OutputError, match=r"the output o = .*, which is too large: Airflow stores a Float of less"):
            typed_outputs({"o": F}, {"o": given}, "the function")
    assert typed_outputs({"o": F}, {"o": 9e18}, "the function") == {"o": 9e18}


@pytest.mark.parametrize("given", [2**63, -(2**63) - 1, "9" * 40, 10**400, 1e30])
def test_an_integer_of_more_than_64_bits(given: Any) -> None:
    with pytest.raises(
        OutputError, match=r"the output o = .*, which is too large for an Integer \(64 bits\)\.$"
    ) as told:
        typed_outputs({"o": I}, {"o": given}, "the function")
    assert len(str(told.value)) < 250


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("a\0b", "gave an output o with U+0000 at character 2, which cannot be stored"),
        (["\ud800"], "gave an output o with U\\+D800 at character 3, which cannot be stored"),
        (deep(100_000), "gave an output o that has no text: it is nested too deeply"),
    ],
)
def test_a_string_that_cannot_be_stored(given: Any, told: str) -> None:
    with pytest.raises(OutputError, match=told.replace("U+0", r"U\+0")):
        typed_outputs({"o": S}, {"o": given}, "the function")
    with pytest.raises(OutputError, match="which is no Integer"):
        typed_outputs({"o": I}, {"o": given}, "the function")
    assert typed_outputs({"o": S}, {"o": "1", "more": given}, "the function") == {"o": "1"}


def test_a_missing_output_of_many_is_told_shortly() -> None:
    given = {f"{number}{'x' * 10_000}": 1 for number in range(1000)}
    with pytest.raises(OutputError) as told:
        typed_outputs({"a": S}, given, "the function")
    assert len(str(told.value)) < 700


def test_a_missing_output_is_told_with_what_there_is() -> None:
    with pytest.raises(OutputError, match=r"did not give the declared output b, c; it gave a, x\."):
        typed_outputs({"a": S, "b": S, "c": I}, {"x": 1, "a": "1"}, "the function")
    with pytest.raises(OutputError, match="it gave nothing"):
        typed_outputs({"a": S}, {}, "the function")
