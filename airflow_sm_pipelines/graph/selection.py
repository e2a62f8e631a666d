"""Selective execution: what a run of selected steps does with each step of the graph (semantics 9)."""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.guessing import Guesser
from airflow_sm_pipelines.graph.model import ReasonKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from airflow_sm_pipelines.graph.model import Graph, StepEnd

MAX_SELECTED = 50
"""SageMaker takes 1 to 50 SelectedSteps."""


class Role(Enum):
    """What a run does with a step."""

    RUN = "run"
    COPY = "copy"
    """It is not selected and a selected step waits for it: it succeeds with the result of an earlier run."""
    SKIP = "skip"


class SelectionError(ValueError):
    """A selection that cannot be run, with all that is wrong with it."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(" ".join(self.faults))


class Selection(Struct, frozen=True):
    """The role of every step, and for each unselected step whose result is read the selected steps that read it, and
    the ends of it upon which all of these run.
    """

    roles: Mapping[str, Role]
    readers: Mapping[str, tuple[str, ...]]
    ends: Mapping[str, frozenset[StepEnd]]


class _Need(Struct, frozen=True):
    """A selected step that reads an unselected one's result, and the ends of that upon which it runs."""

    reader: str
    ends: frozenset[StepEnd]


def select(graph: Graph, names: Sequence[str]) -> Selection:
    """What a run of the named steps does; a name that is given twice counts once.

    A step is needed where an argument of a selected one refers to it. What a selected step only waits for, by DependsOn
    or because it stands in a branch, is not: it succeeds, whatever became of it in the earlier run. So does one that a
    run condition of a selected step names: that condition holds.

    :raises SelectionError: for no step, more than 50, a step that the graph does not have, and unselected steps
        between two selected ones
    """
    order = [step.name for step in graph.steps]
    faults = [*_wrong_names(graph, names)]
    selected = frozenset(names).intersection(order)
    above = _reached(selected, lambda name: [dependency.step for dependency in graph.upstream[name]])
    below = _reached(selected, lambda name: graph.downstream[name])
    between = [name for name in order if name in above and name in below and name not in selected]
    if between:
        faults.append(_not_closed(graph, selected, between))
    if faults:
        raise SelectionError(faults)
    roles = {name: Role.RUN if name in selected else Role.COPY if name in above else Role.SKIP for name in order}
    read = _read(graph, order, selected)
    readers = {name: tuple(need.reader for need in needs) for name, needs in read.items()}
    ends = {name: frozenset.intersection(*(need.ends for need in needs)) for name, needs in read.items()}
    return Selection(FrozenDict(roles), FrozenDict(readers), FrozenDict(ends))


def _wrong_names(graph: Graph, names: Sequence[str]) -> Iterator[str]:
    given = dict.fromkeys(names)
    if not given:
        yield "No step is selected: name at least one, or leave the selection out to run all of them."
    if len(given) > MAX_SELECTED:
        yield f"{len(given)} steps are selected, and a selection has at most {MAX_SELECTED}, as SageMaker's has."
    known = [step.name for step in graph.steps]
    loop_of = {body.name: step.name for step in graph.steps if step.for_each is not None for body in step.for_each.body}
    guesser = Guesser()
    for name in given:
        if name in graph.upstream:
            continue
        if name in loop_of:
            yield f"{name!r} is in the body of the ForEach step {loop_of[name]!r}, and runs when that one is selected."
            continue
        near = guesser.nearest(name, known)
        hint = f" Did you mean {near!r}?" if near is not None else f" Its steps are: {', '.join(known)}."
        yield f"{name!r} is no step of the pipeline.{hint}"


def _not_closed(graph: Graph, selected: frozenset[str], between: list[str]) -> str:
    """Name every missing step, and paths on which all of them stand."""
    paths: list[list[str]] = []
    # From the end, a path is likely to hold the steps before it too.
    for name in reversed(between):
        if not any(name in path for path in paths):
            to_upstream = _way(name, selected, lambda step: [dependency.step for dependency in graph.upstream[step]])
            to_downstream = _way(name, selected, lambda step: graph.downstream[step])
            paths.append([*reversed(to_upstream), *to_downstream[1:]])
    missing = ", ".join(map(repr, between))
    return (
        f"Every step between two selected ones has to be selected too. Missing: {missing}, on the"
        f" path{'s' if len(paths) > 1 else ''} {'; '.join(' -> '.join(path) for path in paths)}."
    )


def _reached(start: Iterable[str], neighbours: Callable[[str], Iterable[str]]) -> frozenset[str]:
    """Everything that can be reached from the given steps, without the steps themselves unless they are reached too."""
    reached: set[str] = set()
    waiting = [*start]
    while waiting:
        for name in neighbours(waiting.pop()):
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    return frozenset(reached)


def _way(start: str, ends: frozenset[str], neighbours: Callable[[str], Iterable[str]]) -> list[str]:
    """The shortest way from a step to one of ``ends``, both included; there is one."""
    came_from: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        step = waiting.popleft()
        if step in ends:
            way = [step]
            while step != start:
                step = came_from[step]
                way.append(step)
            return way[::-1]
        for other in neighbours(step):
            if other not in came_from and other != start:
                came_from[other] = step
                waiting.append(other)
    raise ValueError(f"no selected step is reached from {start}")


def _read(graph: Graph, order: list[str], selected: frozenset[str]) -> dict[str, list[_Need]]:
    """The unselected steps whose results are read, in their order, and by whom."""
    needs: dict[str, list[_Need]] = {}
    for name in order:
        for dependency in graph.upstream[name] if name in selected else ():
            refers = any(reason.kind is ReasonKind.REFERENCE for reason in dependency.reasons)
            if refers and dependency.step not in selected:
                needs.setdefault(dependency.step, []).append(_Need(name, dependency.accepts))
    return {name: needs[name] for name in order if name in needs}
