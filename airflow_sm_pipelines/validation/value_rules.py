"""The values of one request against its API model, shape by shape.

A check is made once for each shape, and remembers the texts that it has found right: the steps of a pipeline share
most of theirs. What it finds goes to a :class:`Judgement`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.wire.patterns import satisfies

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_sm_pipelines.definition.expressions import Expression, Value
    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.validation.api_model import ApiShapes, ApiValue

    Check: TypeAlias = "Callable[[Value, JsonPath, Judgement], None]"

MAX_REMEMBERED = 2_000
# Beyond this length a text is not remembered: it would keep a whole document in memory.
MAX_REMEMBERED_LENGTH = 300
LITERALS = (str, int, float, bool, type(None), FrozenDict, tuple)


class Judgement(Protocol):
    """What a check says of the values that it meets."""

    def wrong_type(self, wanted: ApiValue, value: Value, path: JsonPath) -> None:
        """A literal is of another JSON type than the API's member."""

    def expression(self, wanted: ApiValue, expression: Expression, path: JsonPath, check: Check) -> None:
        """An expression stands where the API has a value of this shape; ``check`` is the check of such values."""

    def unknown(self, name: str, known: ApiValue, path: JsonPath) -> None:
        """The structure at ``path`` has no such member."""

    def missing(self, names: list[str], path: JsonPath) -> None:
        """Required members are not there."""

    def union(self, shape: ApiValue, path: JsonPath) -> None:
        """Of a union not exactly one member is there."""

    def length(self, shape: ApiValue, value: Value, length: int, path: JsonPath) -> None:
        """A string, list or map is too short or too long."""

    def range(self, shape: ApiValue, value: float, path: JsonPath) -> None:
        """A number is too small or too great."""

    def pattern(self, shape: ApiValue, text: str, path: JsonPath) -> None:
        """A text does not match the pattern."""

    def enum(self, name: str, shape: ApiValue, text: str, path: JsonPath) -> None:
        """A text is none of the enum's; ``name`` is the shape's."""


class ValueRules:
    """The checks for the shapes of one service."""

    def __init__(self, shapes: ApiShapes) -> None:
        self._shapes = shapes
        self._checks: dict[str, Check] = {}

    def check(self, shape: str) -> Check:
        """The check of one shape, made when it is first asked for."""
        known = self._checks.get(shape)
        if known is None:
            known = self._checks[shape] = self._made(shape)
        return known

    def _made(self, name: str) -> Check:
        shape = self._shapes[name]
        match shape.type:
            case "structure":
                return self._structure(shape)
            case "list":
                return self._list(shape)
            case "map":
                return self._map(shape)
            case "string":
                return _text(name, shape)
            case "document":
                return _nothing
        return _scalar(shape)

    def _structure(self, shape: ApiValue) -> Check:
        names, check, made = shape.members, self.check, self._checks
        required = [name for name in shape.required if name not in shape.tokens]

        def judge(value: Value, path: JsonPath, judgement: Judgement) -> None:
            if type(value) is not FrozenDict:
                _misplaced(shape, value, path, judgement, judge)
                return
            for key, member in value.items():
                inner = names.get(key)
                if member is None:
                    continue  # what is null is left out of the request
                if inner is None:
                    judgement.unknown(key, shape, path)
                else:
                    (made.get(inner) or check(inner))(member, (path, key), judgement)
            if required and (missing := [name for name in required if value.get(name) is None]):
                judgement.missing(missing, path)
            if shape.union and sum(value[key] is not None for key in value) != 1:
                judgement.union(shape, path)

        return judge

    def _list(self, shape: ApiValue) -> Check:
        check, inner = self.check, shape.member

        def judge(value: Value, path: JsonPath, judgement: Judgement) -> None:
            if type(value) is not tuple:
                _misplaced(shape, value, path, judgement, judge)
                return
            if not _within(shape, len(value)):
                judgement.length(shape, value, len(value), path)
            element = check(inner)
            for index, member in enumerate(value):
                element(member, (path, index), judgement)

        return judge

    def _map(self, shape: ApiValue) -> Check:
        check, key_shape, value_shape = self.check, shape.key, shape.value

        def judge(value: Value, path: JsonPath, judgement: Judgement) -> None:
            if type(value) is not FrozenDict:
                _misplaced(shape, value, path, judgement, judge)
                return
            if not _within(shape, len(value)):
                judgement.length(shape, value, len(value), path)
            key_check, member_check = check(key_shape), check(value_shape)
            for key, member in value.items():
                key_check(key, (path, key), judgement)
                if member is not None:
                    member_check(member, (path, key), judgement)

        return judge


def _text(name: str, shape: ApiValue) -> Check:
    right: set[str] = set()
    pattern, enum = shape.pattern, frozenset(shape.enum)

    def judge(value: Value, path: JsonPath, judgement: Judgement) -> None:
        if type(value) is not str:
            _misplaced(shape, value, path, judgement, judge)
        elif value in right:
            pass
        elif not _within(shape, len(value)):
            # A pattern is asked only of a text of the right length: what it costs grows with that.
            judgement.length(shape, value, len(value), path)
        elif enum and value not in enum:
            judgement.enum(name, shape, value, path)
        elif pattern is not None and not satisfies(pattern, value):
            judgement.pattern(shape, value, path)
        elif len(right) < MAX_REMEMBERED and len(value) <= MAX_REMEMBERED_LENGTH:
            right.add(value)

    return judge


def _scalar(shape: ApiValue) -> Check:
    kinds = {
        "integer": (int,),
        "long": (int,),
        "float": (int, float),
        "double": (int, float),
        "boolean": (bool,),
        "timestamp": (str, int, float),
        "blob": (str,),
    }[shape.type]
    is_number = shape.type in ("integer", "long", "float", "double")

    def judge(value: Value, path: JsonPath, judgement: Judgement) -> None:
        if type(value) not in kinds:
            _misplaced(shape, value, path, judgement, judge)
        elif is_number and not _within(shape, value):  # type: ignore[arg-type] # it is a number
            judgement.range(shape, value, path)  # type: ignore[arg-type] # it is a number

    return judge


def _nothing(_value: Value, _path: JsonPath, _judgement: Judgement) -> None:
    """Any JSON value is right."""


def _misplaced(shape: ApiValue, value: Value, path: JsonPath, judgement: Judgement, check: Check) -> None:
    if isinstance(value, LITERALS):
        judgement.wrong_type(shape, value, path)
    else:
        judgement.expression(shape, value, path, check)  # type: ignore[arg-type] # what is no literal is an expression


def _within(shape: ApiValue, size: float) -> bool:
    return (shape.min is None or size >= shape.min) and (shape.max is None or size <= shape.max)
