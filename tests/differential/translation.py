"""What we must say, worked out from what the SDK's local mode said: its value, with the known differences applied.

The rules are written here a second time, apart from the code under test. Each application that changes something is
counted under the difference's name, so that none can stand in the list without being needed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from operator import eq, ge, gt, le, lt

from tests.differential.cases import Json, is_expression

NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
OPERATORS: dict[str, Callable[[Json, Json], bool]] = {
    "Equals": eq,
    "GreaterThan": gt,
    "GreaterThanOrEqualTo": ge,
    "LessThan": lt,
    "LessThanOrEqualTo": le,
}
FAILS = "fails"


class FailsError(Exception):
    """The step fails."""


def decode(value: Json) -> Json:
    """A recorded value as Python's own: times are marked objects in the records."""
    if isinstance(value, dict):
        if list(value) == ["$datetime"]:
            return datetime.fromisoformat(value["$datetime"])
        return {key: decode(member) for key, member in value.items()}
    return [decode(member) for member in value] if isinstance(value, list) else value


def theirs(node: Json) -> Json:
    """The value of a recorded expression as local mode had it."""
    return decode(node.get("text", node.get("value"))) if isinstance(node, dict) else node


def iso(moment: datetime) -> str:
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def same(left: Json, right: Json) -> bool:
    """Equal to the type, so that 1, 1.0 and true are three values, and to the order of members."""
    return json.dumps(left) == json.dumps(right)


def plain_float(value: float) -> str:
    """The shortest text of a float with its exponent, if any, written out from 1e-7 up to 1e21."""
    text = repr(value)
    if "e" not in text or not (1e-7 <= abs(value) < 1e21):
        return text
    mantissa, exponent = text.lstrip("-").split("e")
    whole, _, fraction = mantissa.partition(".")
    digits, point = whole + fraction, len(whole) + int(exponent)
    digits = "0" * (1 - point) + digits if point < 1 else digits.ljust(point, "0")
    point = max(point, 1)
    return f"{'-' if value < 0 else ''}{digits[:point]}.{digits[point:] or '0'}"


class Translation:
    """One pass over recorded evaluations; ``used`` counts how often each difference changed something."""

    def __init__(self, variables: dict[str, tuple[str, str]]) -> None:
        """``variables``: the execution variables that differ, each with the difference's name and our value."""
        self.used: Counter[str] = Counter()
        self._variables = variables

    def arguments(self, value: Json, values: Json, pointer: str = "") -> Json:
        """What we must make of a value of the document; ``values`` are the records by JSON pointer."""
        if is_expression(value):
            return self.value(value, values[pointer])
        if isinstance(value, dict):
            members = {
                key: self.arguments(member, values, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
                for key, member in value.items()
            }
            kept = {key: member for key, member in members.items() if value[key] is not None}
            return self._changed("null members", members, kept)
        if isinstance(value, list):
            return [self.arguments(member, values, f"{pointer}/{index}") for index, member in enumerate(value)]
        return value

    def value(self, expression: Json, node: Json) -> Json:
        """What we must make of an expression."""
        if not is_expression(expression):
            return expression
        name = str(expression.get("Get", ""))
        if name in self._variables:
            difference, ours = self._variables[name]
            return self._changed(difference, str(theirs(node)), ours)
        if "Std:Join" in expression and isinstance(node, dict):
            inner = expression["Std:Join"]
            parts = list(zip(inner["Values"], node["parts"], strict=True))
            again = inner["On"].join(str(theirs(part)) for _, part in parts)
            assert again == node["text"], "the parts of a Join do not make up what local mode made of it"
            return inner["On"].join(self._text(value, part) for value, part in parts)
        return self._with_iso_times(theirs(node))

    def _with_iso_times(self, value: Json) -> Json:
        if isinstance(value, datetime):
            return self._changed("times", str(value), iso(value))
        if isinstance(value, dict):
            return {key: self._with_iso_times(member) for key, member in value.items()}
        return [self._with_iso_times(member) for member in value] if isinstance(value, list) else value

    def _text(self, expression: Json, node: Json) -> str:
        value = self.value(expression, node)
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return str(self._changed("text of a boolean", str(value), "true" if value else "false"))
        if isinstance(value, float):
            return str(self._changed("text of a float", str(value), plain_float(value)))
        if isinstance(value, dict | list):
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
            return str(self._changed("text of a structure", str(value), text))
        return str(value)

    def _changed(self, difference: str, before: Json, after: Json) -> Json:
        if not same(before, after):
            self.used[difference] += 1
        return after

    def outcome(self, conditions: Json, values: Json) -> bool:
        """What we must make of a Condition's list: every condition is evaluated, whatever the others say.

        :raises FailsError: where the Condition must fail
        """
        lazy = outcome_of(lambda: all(Translation(self._variables)._each(conditions, values, "/Conditions", lazy=True)))
        full = outcome_of(lambda: all(list(self._each(conditions, values, "/Conditions", lazy=False))))
        ours = self._changed("all are compared", lazy, full)
        if ours == FAILS:
            raise FailsError
        return bool(ours)

    def _each(self, conditions: Json, values: Json, pointer: str, *, lazy: bool) -> Iterator[bool]:
        for index, condition in enumerate(conditions):
            yield self._holds(condition, values, f"{pointer}/{index}", lazy=lazy)

    def _holds(self, condition: Json, values: Json, pointer: str, *, lazy: bool) -> bool:
        match condition["Type"]:
            case "Not":
                key = "Condition" if "Condition" in condition else "Expression"
                return not self._holds(condition[key], values, f"{pointer}/{key}", lazy=lazy)
            case "Or":
                inner = self._each(condition["Conditions"], values, f"{pointer}/Conditions", lazy=lazy)
                return any(inner if lazy else list(inner))
            case "In":
                query = self._operand(condition["QueryValue"], values, f"{pointer}/QueryValue")
                members = enumerate(condition["Values"])
                found = [self._operand(member, values, f"{pointer}/Values/{index}") for index, member in members]
                ours = any(kind(query) == kind(member) and query == member for member in found)
                return bool(self._changed("members are of one kind", query in found, ours))
        left = self._operand(condition["LeftValue"], values, f"{pointer}/LeftValue")
        right = self._operand(condition["RightValue"], values, f"{pointer}/RightValue")
        return self._compare(condition["Type"], left, right)

    def _operand(self, operand: Json, values: Json, pointer: str) -> Json:
        return self.value(operand, values[pointer]) if is_expression(operand) else operand

    def _compare(self, operator: str, left: Json, right: Json) -> bool:
        kinds = {kind(left), kind(right)}
        before = outcome_of(lambda: local_compare(operator, left, right))
        if kinds == {"number"}:
            return bool(self._changed("whole numbers and floats", before, OPERATORS[operator](left, right)))
        if kinds == {"string"} or (kinds == {"boolean"} and operator == "Equals"):
            return bool(OPERATORS[operator](left, right))
        if kinds == {"number", "string"} and all(map(is_number, (left, right))):
            ours = OPERATORS[operator](as_number(left), as_number(right))
            return bool(self._changed("numbers in texts", before, ours))
        self._changed("booleans have no order" if kinds == {"boolean"} else "booleans are no numbers", before, FAILS)
        raise FailsError


def kind(value: Json) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else type(value).__name__


def is_number(value: Json) -> bool:
    return kind(value) == "number" or (isinstance(value, str) and NUMBER.fullmatch(value) is not None)


def as_number(value: Json) -> float | int:
    if not isinstance(value, str):
        assert isinstance(value, int | float)
        return value
    found: float | int = json.loads(value)
    return found


def outcome_of(evaluation: Callable[[], bool]) -> bool | str:
    try:
        return evaluation()
    except FailsError:
        return FAILS


def local_all(conditions: Json, values: Json, pointer: str) -> bool:
    """The rules of local mode, which the records must bear out; only then do the differences explain anything."""
    return all(local_holds(condition, values, f"{pointer}/{index}") for index, condition in enumerate(conditions))


def local_holds(condition: Json, values: Json, pointer: str) -> bool:
    def operand(value: Json, place: str) -> Json:
        return theirs(values[f"{pointer}/{place}"]) if is_expression(value) else value

    match condition["Type"]:
        case "Not":
            return not local_holds(condition["Condition"], values, f"{pointer}/Condition")
        case "Or":
            inner = enumerate(condition["Conditions"])
            return any(local_holds(member, values, f"{pointer}/Conditions/{index}") for index, member in inner)
        case "In":
            members = [operand(member, f"Values/{index}") for index, member in enumerate(condition["Values"])]
            return operand(condition["QueryValue"], "QueryValue") in members
    left, right = operand(condition["LeftValue"], "LeftValue"), operand(condition["RightValue"], "RightValue")
    return local_compare(condition["Type"], left, right)


def local_compare(operator: str, left: Json, right: Json) -> bool:
    if operator == "Equals" and not (isinstance(left, type(right)) or isinstance(right, type(left))):
        raise FailsError
    try:
        return bool(OPERATORS[operator](left, right))
    except TypeError:
        raise FailsError from None
