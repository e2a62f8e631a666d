"""What a ForEach step iterates over, and what becomes of its children: its result (semantics 2.17)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, TypeGuard

from msgspec import Struct

from airflow_sm_pipelines.definition.expressions import IterationOutput, format_expression
from airflow_sm_pipelines.expressions.iteration import child_name
from airflow_sm_pipelines.expressions.json_text import JsonTextError, number_too_large, read_json, shown, unusable
from airflow_sm_pipelines.expressions.properties import PathNotFoundError, look_up
from airflow_sm_pipelines.graph.model import StepEnd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.graph.bodies import Body

_MAX_SHOWN = 10


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
        if (reason := unusable(item)) is not None:
            raise ForEachError(f"gave an item with the index {index} that {reason}")
        if (number := number_too_large(item)) is not None:
            raise ForEachError(f"gave an item with the index {index} that has {shown(number)}, more than 64 bits")
    return value


class ChildState(Enum):
    """How a child ended: one step of the body for one item."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    NOT_RUN = "did not run"
    SKIPPED = "was skipped"
    """Its run conditions did not hold, or those of one before it: that is as it should be."""

    @property
    def is_fault(self) -> bool:
        """Whether the ForEach step fails for it."""
        return self not in (ChildState.SUCCEEDED, ChildState.SKIPPED)


class Child(Struct, frozen=True):
    """One step of the body for one item: its result, or the reason of its failure where one is known."""

    body: str
    index: int
    item: Json
    state: ChildState
    output: Json = None
    reason: str | None = None


class Selector(Struct, frozen=True):
    """``Selector``: the item whose ``field`` is the greatest (MaxBy) or the least (MinBy)."""

    greatest: bool
    field: IterationOutput

    @classmethod
    def of(cls, selector: Value) -> Selector | None:
        """A Selector as it was read."""
        if not isinstance(selector, Mapping):
            return None
        field = selector["Field"]
        if not isinstance(field, IterationOutput):
            raise TypeError(f"the Field of a Selector is {field!r}")
        return cls(selector["Pick"] == "MaxBy", field)

    def pick(self, children: Sequence[Child]) -> Json:
        """The result that the step of the field has for the item that is picked, the first of those that are equal;
        without items, None.

        :raises ForEachError: where a child's field is not there, or no number
        """
        own = [child for child in children if child.body == self.field.step and child.state is ChildState.SUCCEEDED]
        ranked = [(self._number(child), child) for child in own]
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
            found = f"{shown(look_up(child.output, self.field.path))} for {child_name(self.field.step, child.index)}"
            raise ForEachError(f"{name} is {found}, and only numbers can be compared")
        return value


def result_of(children: Sequence[Child], selected: Json, items: int) -> dict[str, Json]:
    """The step's result: what follows ``Steps.<name>.``. What has no result is a null in IterationOutputs.

    A child that never ran, since one before it had not succeeded or a run condition did not hold, is in no count
    (semantics 2.17).
    """
    counts = {state: sum(child.state is state for child in children) for state in ChildState}
    outputs: list[dict[str, Json]] = [{} for _ in range(items)]
    for child in children:
        outputs[child.index][child.body] = child.output
    result: dict[str, Json] = {
        "Status": _status(counts, len(children)),
        "InputItemCount": items,
        "TotalStepCount": sum(counts[state] for state in _ENDS),
        "SucceededStepCount": counts[ChildState.SUCCEEDED],
        "FailedStepCount": counts[ChildState.FAILED],
        "StoppedStepCount": counts[ChildState.STOPPED],
        "IterationOutputs": [*outputs],
    }
    return result if selected is None else {**result, "Selected": selected}


_ENDS = {
    ChildState.SUCCEEDED: StepEnd.SUCCEEDED,
    ChildState.FAILED: StepEnd.FAILED,
    ChildState.STOPPED: StepEnd.STOPPED,
}


def handlers(children: Sequence[Child], body: Body) -> tuple[str, ...]:
    """The children that ran upon the failure or stop of others, if some did upon each; else none."""
    state_of = {(child.body, child.index): child.state for child in children}
    found: dict[str, None] = {}
    for child in children:
        end = _ENDS.get(child.state)
        if end is None or end is StepEnd.SUCCEEDED:
            continue
        upon = [
            child_name(name, child.index)
            for name, needs in body.upstream.items()
            if any(need.step == child.body and end in need.accepts for need in needs)
            and state_of[name, child.index] in _ENDS
        ]
        if not upon:
            return ()
        found.update(dict.fromkeys(upon))
    return tuple(found)


def nothing_run(items: int) -> dict[str, Json]:
    """The result of a step that failed before any child of it could begin."""
    return {**result_of([], None, 0), "Status": "Failed", "InputItemCount": items}


def _status(counts: Mapping[ChildState, int], total: int) -> str:
    if counts[ChildState.SUCCEEDED] + counts[ChildState.SKIPPED] == total:
        return "Succeeded"
    return "Stopped" if counts[ChildState.STOPPED] and not counts[ChildState.FAILED] else "Failed"


def describe_failures(children: Sequence[Child]) -> str:
    """Which children did not succeed, for which items, and why: a line for each, of at most ten."""
    lost = [child for child in children if child.state in (ChildState.FAILED, ChildState.STOPPED)]
    unrun = sum(child.state is ChildState.NOT_RUN for child in children)
    lines = [f"{len(lost) + unrun} of its {len(children)} children did not succeed:"]
    for child in lost[:_MAX_SHOWN]:
        reason = child.reason or f"it {child.state.value}; Airflow's log of the task says why"
        lines.append(f"- {child_name(child.body, child.index)}, item {shown(child.item)}: {reason}")
    if len(lost) > _MAX_SHOWN:
        lines.append(f"- and {len(lost) - _MAX_SHOWN} more")
    if unrun:
        lines.append(f"- {unrun} did not run, since one before {'it' if unrun == 1 else 'them'} did not succeed")
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
