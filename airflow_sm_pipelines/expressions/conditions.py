"""Evaluating the conditions of a Condition step (semantics 4.1, 4.2 and 14.4).

- Numbers compare as numbers, 1 and 1.0 being equal; strings compare by code point, so ``"10" < "9"``.
- Booleans can only be equal or not.
- A number against a string that is exactly a JSON number compares as numbers, and the log says so.
- Every other mix of types is an error; in an ``In`` it is simply not a member.
- All operands of all conditions are resolved before the first comparison.
"""

from __future__ import annotations

import logging
import operator
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.definition.evaluation_errors import ConditionError, shortened_name
from airflow_sm_pipelines.definition.expressions import format_expression
from airflow_sm_pipelines.definition.model import Compare, Comparison, In, Not, Or
from airflow_sm_pipelines.expressions.json_text import MAX_DIGITS, number_in, quoted
from airflow_sm_pipelines.expressions.values import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.model import Condition
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.expressions.values import Scope

log = logging.getLogger(__name__)

JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")

ORDERINGS: dict[Comparison, Callable[[Any, Any], bool]] = {
    Comparison.GREATER_THAN: operator.gt,
    Comparison.GREATER_THAN_OR_EQUAL_TO: operator.ge,
    Comparison.LESS_THAN: operator.lt,
    Comparison.LESS_THAN_OR_EQUAL_TO: operator.le,
}


def evaluate_all(conditions: Sequence[Condition], scope: Scope) -> bool:
    """Whether all conditions hold; an empty list holds.

    :raises UnresolvedError: when an operand, needed or not, cannot be resolved
    :raises ConditionError: when operands cannot be compared
    """
    try:
        return _evaluate_all(conditions, scope)
    except RecursionError:
        raise ConditionError("The conditions are nested too deeply to be evaluated.") from None


def _evaluate_all(conditions: Sequence[Condition], scope: Scope) -> bool:
    operands = {id(operand): resolve(operand, scope) for operand in _operands(conditions)}
    # Every condition is evaluated, so that a comparison that cannot be made is not hidden by an earlier False.
    outcomes = [_holds(condition, operands) for condition in conditions]
    return all(outcomes)


def _operands(conditions: Iterable[Condition]) -> Iterable[Value]:
    for condition in conditions:
        match condition:
            case Compare(_, left, right):
                yield left
                yield right
            case In(query, values):
                yield query
                yield from values
            case Not(inner):
                yield from _operands((inner,))
            case Or(inner_conditions):
                yield from _operands(inner_conditions)


def _holds(condition: Condition, operands: dict[int, Json]) -> bool:
    match condition:
        case Compare(comparison, left, right):
            try:
                return _compare(comparison, operands[id(left)], operands[id(right)])
            except ConditionError as error:
                raise ConditionError(f"{error}{_named(left, right)}") from None
        case In(query, values):
            return any(_is_member(operands[id(query)], operands[id(value)]) for value in values)
        case Not(inner):
            return not _holds(inner, operands)
        case Or(conditions):
            outcomes = [_holds(inner, operands) for inner in conditions]
            return any(outcomes)


def _compare(comparison: Comparison, left: Json, right: Json) -> bool:
    left, right = _as_comparable(comparison, left, right)
    if comparison is Comparison.EQUALS:
        return left == right
    if comparison is Comparison.NOT_EQUALS:
        return left != right
    if isinstance(left, bool):
        raise ConditionError(f"{comparison.value} cannot order the booleans {quoted(left)} and {quoted(right)}.")
    return ORDERINGS[comparison](left, right)


def _named(left: Value, right: Value) -> str:
    """Which expressions gave the operands, for a message; literals need no name."""
    names = [
        f"{side} is {shortened_name(format_expression(value))}"
        for side, value in (("The left value", left), ("the right value", right))
        if not isinstance(value, str | int | float | bool | None | Mapping | tuple)
    ]
    text = ", ".join(names)
    return f" {text[0].upper()}{text[1:]}." if names else ""


def _as_comparable(comparison: Comparison, left: Json, right: Json) -> tuple[Json, Json]:
    kinds = _kind(left), _kind(right)
    if kinds[0] == kinds[1] and kinds[0] in ("number", "string", "boolean"):
        return left, right
    if kinds == ("number", "string") and (number := _number_in(right)) is not None:
        log.info("%s: the text %s is compared as a number with %s", comparison.value, quoted(right), quoted(left))
        return left, number
    if kinds == ("string", "number") and (number := _number_in(left)) is not None:
        log.info("%s: the text %s is compared as a number with %s", comparison.value, quoted(left), quoted(right))
        return number, right
    raise ConditionError(
        f"{comparison.value} cannot compare the {kinds[0]} {quoted(left)} with the {kinds[1]} {quoted(right)}."
    )


def _is_member(query: Json, value: Json) -> bool:
    return _kind(query) == _kind(value) and query == value


def _number_in(text: Json) -> float | int | None:
    if not isinstance(text, str) or not JSON_NUMBER.fullmatch(text):
        return None
    number = number_in(text)
    if number is None:
        raise ConditionError(f"A number of {len(text)} digits cannot be compared; {MAX_DIGITS} are the most.")
    return number


def _kind(value: Json) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    if value is None:
        return "null"
    return "list" if isinstance(value, list) else "object"
