"""Conditions: types by operators by values (semantics 4.2, 14.4)."""

from __future__ import annotations

import pytest

from airflow_sm_pipelines.definition.evaluation_errors import ConditionError, UnresolvedError
from airflow_sm_pipelines.definition.expressions import ParameterReference
from airflow_sm_pipelines.definition.model import Compare, Comparison, Condition, In, Not, Or
from airflow_sm_pipelines.expressions.conditions import evaluate_all
from airflow_sm_pipelines.expressions.stringify import Json
from tests.documentation.blocks import block_of
from tests.expressions.scope import FixedScope

EQ, NE = Comparison.EQUALS, Comparison.NOT_EQUALS
GT, GE = Comparison.GREATER_THAN, Comparison.GREATER_THAN_OR_EQUAL_TO
LT, LE = Comparison.LESS_THAN, Comparison.LESS_THAN_OR_EQUAL_TO


def holds(*conditions: Condition) -> bool:
    return evaluate_all(conditions, FixedScope())


@pytest.mark.parametrize(
    ("left", "comparison", "right", "expected"),
    [
        (1, EQ, 1.0, True),
        (1, NE, 1.0, False),
        (2, GT, 1.5, True),
        (2, GE, 2, True),
        (-1, LT, 0, True),
        (0.1, LE, 0.1, True),
        ("10", LT, "9", True),
        ("a", GT, "B", True),
        ("", LT, "a", True),
        ("abc", EQ, "abc", True),
        ("1", EQ, "1.0", False),
        (True, EQ, True, True),
        (True, NE, False, True),
        (10, GT, "9", True),
        ("9", LT, 10, True),
        ("1.0", EQ, 1, True),
        ("1e3", EQ, 1000, True),
        ("-0.5", LT, 0, True),
    ],
)
def test_comparisons(left: Json, comparison: Comparison, right: Json, expected: bool) -> None:
    assert holds(Compare(comparison, left, right)) is expected  # type: ignore[arg-type] # literals of a definition


@pytest.mark.parametrize(
    ("left", "comparison", "right", "message"),
    [
        (True, EQ, "true", "cannot compare the boolean True with the string 'true'"),
        (True, EQ, 1, "cannot compare the boolean True with the number 1"),
        (True, GT, False, "cannot order the booleans True and False"),
        (1, EQ, "one", "cannot compare the number 1 with the string 'one'"),
        (1, EQ, " 1", "cannot compare"),
        (1, EQ, "01", "cannot compare"),
        (1, EQ, "1_0", "cannot compare"),
        (1, EQ, "", "cannot compare"),
        (None, EQ, None, "cannot compare the null None with the null None"),
        (None, LT, 1, "cannot compare the null None"),
        ((1,), EQ, (1,), "cannot compare the list"),
    ],
)
def test_what_cannot_be_compared_fails(left: Json, comparison: Comparison, right: Json, message: str) -> None:
    with pytest.raises(ConditionError) as raised:
        holds(Compare(comparison, left, right))  # type: ignore[arg-type] # literals of a definition
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("query", "values", "expected"),
    [
        ("a", ("b", "a"), True),
        ("a", (), False),
        (1, (1.0,), True),
        (1, ("1",), False),
        (True, (1,), False),
        ("true", (True,), False),
    ],
)
def test_in_takes_mixed_types_as_no_member(query: str, values: tuple[str, ...], expected: bool) -> None:
    assert holds(In(query, values)) is expected


def test_nesting_and_the_empty_list() -> None:
    yes, no = Compare(EQ, 1, 1), Compare(EQ, 1, 2)
    assert holds() is True
    assert holds(yes, no) is False
    assert holds(Or((no, yes)), Not(no), Not(Or((no, no)))) is True
    assert holds(Not(In("a", ("a",)))) is False


def test_every_operand_is_resolved_before_the_first_comparison() -> None:
    with pytest.raises(UnresolvedError):
        holds(Compare(EQ, 1, 2), Compare(EQ, ParameterReference("Missing"), 1))


def test_a_comparison_that_cannot_be_made_is_not_hidden_by_an_earlier_one() -> None:
    with pytest.raises(ConditionError):
        holds(Or((Compare(EQ, 1, 1), Compare(EQ, 1, "x"))))


def test_a_text_that_is_a_number_is_compared_as_one_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        assert holds(Compare(LT, "0.5", 0.6))
    assert "the text '0.5' is compared as a number with 0.6" in caplog.text


def test_the_log_says_what_the_page_on_choices_shows(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assert holds(Compare(LE, "4.6", 6.0))
    assert caplog.messages == [block_of("docs/sagemaker/14-chosen.md", "LessThan").text.strip()]


@pytest.mark.parametrize("text", ["9" * 5000, "-" + "9" * 4300])
def test_a_text_of_more_digits_than_can_be_read(text: str) -> None:
    for condition in (Compare(EQ, 1, text), Compare(LT, text, 1.5)):
        with pytest.raises(ConditionError, match=r"A number of \d+ digits cannot be compared; 4300 are the most\."):
            holds(condition)
    assert not holds(In(1, (text,)))


def test_large_numbers_are_compared_exactly() -> None:
    large = int("7" * 40)
    assert holds(Compare(GT, large, large - 1), Compare(EQ, large, "7" * 40), Compare(LT, large, 10**400))
    assert holds(Compare(LT, 1.5, 10**400), Compare(GT, "9" * 4300, 1.5), Compare(LT, 5, "1e999"))


def test_conditions_that_are_nested_too_deeply() -> None:
    condition: Condition = Compare(EQ, 1, 1)
    for _ in range(5000):
        condition = Not(condition)
    with pytest.raises(ConditionError, match="nested too deeply"):
        holds(condition)
