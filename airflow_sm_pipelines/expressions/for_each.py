"""What a ForEach step iterates over, and what becomes of its children: its result (semantics 2.17)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, TypeGuard

from msgspec import Struct

from airflow_sm_pipelines.definition.expressions import ChildOutput, format_expression
from airflow_sm_pipelines.definition.steps import MAX_CONCURRENCY
from airflow_sm_pipelines.expressions.iteration import child_name
from airflow_sm_pipelines.expressions.json_text import JsonTextError, number_too_large, read_json, shown, unusable
from airflow_sm_pipelines.expressions.properties import PathNotFoundError, look_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.expressions.stringify import Json

MAX_CONCURRENCY_TEXT = re.compile("0*[0-9]{1,3}")
_TOLD = 10


class ForEachError(Exception):
    """What a ForEach step cannot go on with; the message says what and why."""


def items_of(given: Json) -> list[Json]:
    """The items of a resolved IterableItems: a list, or the JSON text of one.

    :raises ForEachError: for anything else
    """
    value = given
    if isinstance(given, str):
        try:
            value = read_json(given)
        except JsonTextError as error:
            raise ForEachError(f"gave {shown(given)}, which is no JSON ({error}), and a list is needed") from None
    if not isinstance(value, list):
        raise ForEachError(f"gave {shown(given)}, and a list is needed, or the JSON text of one")
    for index, item in enumerate(value):
        if (told := unusable(item)) is not None:
            raise ForEachError(f"gave an item with the index {index} that {told}")
        if (number := number_too_large(item)) is not None:
            raise ForEachError(f"gave an item with the index {index} that has {shown(number)}, more than 64 bits")
    return value


def limit_of(given: Json) -> int | None:
    """A resolved MaxConcurrency: None where there is none.

    :raises ForEachError: for anything but a whole number from 1 to 50, or the text of one
    """
    number = int(given) if isinstance(given, str) and MAX_CONCURRENCY_TEXT.fullmatch(given) else given
    if number is None:
        return None
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MAX_CONCURRENCY:
        raise ForEachError(f"gave {shown(given)}, and a whole number from 1 to {MAX_CONCURRENCY} is needed")
    return number


class ChildState(Enum):
    """How a child ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


class Child(Struct, frozen=True):
    """One child that has ended: its result, or the reason of its failure where one is known."""

    index: int
    item: Json
    state: ChildState
    output: Json = None
    reason: str | None = None


class Selector(Struct, frozen=True):
    """``Selector``: the succeeded child whose ``field`` is the greatest (MaxBy) or the least (MinBy)."""

    greatest: bool
    field: ChildOutput

    @classmethod
    def of(cls, selector: Value) -> Selector | None:
        """A Selector as it was read."""
        if not isinstance(selector, Mapping):
            return None
        field = selector["Field"]
        if not isinstance(field, ChildOutput):
            raise TypeError(f"the Field of a Selector is {field!r}")
        return cls(selector["Pick"] == "MaxBy", field)

    def pick(self, children: Sequence[Child]) -> Json:
        """The result of the child that is picked, the first of those that are equal; of no children, None.

        :raises ForEachError: where a child's field is not there, or no number
        """
        ranked = [(self._number(child), child) for child in children if child.state is ChildState.SUCCEEDED]
        if not ranked:
            return None
        best = (max if self.greatest else min)(number for number, _ in ranked)
        return next(child.output for number, child in ranked if number == best)

    def _number(self, child: Child) -> float:
        name = format_expression(self.field)
        try:
            value = look_up(child.output, self.field.path)
        except PathNotFoundError as error:
            raise ForEachError(f"{name} is undefined for {child_name(self.field.step, child.index)}: {error}") from None
        if isinstance(value, str):
            # HyperParameters, and what else is text by API, may hold numbers.
            value = _number_in(value)
        if not _is_number(value):
            told = f"{shown(look_up(child.output, self.field.path))} for {child_name(self.field.step, child.index)}"
            raise ForEachError(f"{name} is {told}, and only numbers can be compared")
        return value


def result_of(children: Sequence[Child], selected: Json) -> dict[str, Json]:
    """The step's result: what follows ``Steps.<name>.``. A child without a result has a null in ChildOutputs."""
    counts = {state: sum(child.state is state for child in children) for state in ChildState}
    result: dict[str, Json] = {
        "Status": "Succeeded" if counts[ChildState.SUCCEEDED] == len(children) else "Failed",
        "InputItemCount": len(children),
        "TotalStepCount": len(children),
        "SucceededStepCount": counts[ChildState.SUCCEEDED],
        "FailedStepCount": counts[ChildState.FAILED],
        "StoppedStepCount": counts[ChildState.STOPPED],
        "ChildOutputs": [child.output for child in children],
    }
    return result if selected is None else {**result, "Selected": selected}


def told_failures(children: Sequence[Child], body: str) -> str:
    """Which children did not succeed, for which items, and why: a line for each, of at most ten."""
    lost = [child for child in children if child.state is not ChildState.SUCCEEDED]
    lines = [f"{len(lost)} of its {len(children)} children did not succeed:"]
    for child in lost[:_TOLD]:
        reason = child.reason or f"it {child.state.value}; Airflow's log of the task tells why"
        lines.append(f"- {child_name(body, child.index)}, item {shown(child.item)}: {reason}")
    if len(lost) > _TOLD:
        lines.append(f"- and {len(lost) - _TOLD} more")
    return "\n".join(lines)


def _is_number(value: Json) -> TypeGuard[float]:
    """Whether a value can be compared: JSON has no infinity and no NaN, but Python reads both."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _number_in(text: str) -> Json:
    try:
        return read_json(text)
    except JsonTextError:
        return None
