"""A part of a pipeline as a pipeline: the steps that a Dag is made of where it leaves some of them out.

It is chosen when the Dag is loaded, and the others are no tasks of it. That is another thing than selective execution
(:mod:`airflow_sm_pipelines.graph.selection`), which is chosen for one run and takes results from an earlier one: no run
of a smaller Dag has the result of a step that it does not have. So a step that needs one cannot stay.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from airflow_sm_pipelines.definition.findings import DefinitionError, Finding, FindingCollector
from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.definition.model import DependsOn, Trigger
from airflow_sm_pipelines.definition.paths import shorten
from airflow_sm_pipelines.graph.dependencies import connect
from airflow_sm_pipelines.graph.model import Dependency, Graph, ReasonKind

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.graph.planning import Plan

Chosen = str | Sequence[str]
"""Patterns: a list, or one text with spaces or commas between them."""

TYPE = "type:"
_PATTERN = re.compile(r"(?P<before>\+?)(?P<steps>[^+]+)(?P<after>\+?)")
_FAILURES = (Trigger.FAILED, Trigger.STOPPED)


class _Pattern(Struct, frozen=True):
    """One pattern: a name, a glob of names or a ``type:``; with a plus, what comes before or after it too."""

    text: str
    steps: str
    before: bool
    after: bool

    def matches(self, step: Step) -> bool:
        if self.steps.startswith(TYPE):
            return fnmatchcase(step.type, self.steps.removeprefix(TYPE))
        return fnmatchcase(step.name, self.steps)


def part_of(planned: Plan, select: Chosen = (), exclude: Chosen = ()) -> Plan:
    """The plan of the steps that ``select`` names, of all where it names none, without those that ``exclude`` names.

    What a step waits for by DependsOn and that is left out it no longer waits for, but for what came before that.

    :raises DefinitionError: for patterns that name nothing, and for steps that need what is left out
    """
    if not select and not exclude:
        return planned
    graph = planned.graph
    findings: list[Finding] = []
    selected = _named("select", select, graph, findings) if select else {step.name for step in graph.steps}
    excluded = _named("exclude_steps", exclude, graph, findings)
    kept = selected - excluded
    if not kept and not findings:
        findings.append(Finding("select and exclude_steps leave no step", "$.Steps", code="selected-steps"))
    findings += [each for step in graph.steps if step.name in kept for each in _needs(step, graph, kept, excluded)]
    if findings:
        raise DefinitionError("select", findings)
    steps = tuple(_without(planned.pipeline.steps, graph, kept))
    pipeline = replace(planned.pipeline, steps=steps)
    smaller = connect(pipeline, FindingCollector())
    # A part of an order is one.
    assert smaller is not None
    left_out = tuple([step for step in graph.steps if step.name not in kept])
    return replace(planned, pipeline=pipeline, graph=smaller, left_out=left_out)


def _named(argument: str, chosen: Chosen, graph: Graph, findings: list[Finding]) -> set[str]:
    """The steps that patterns name, with what is wrong with these."""
    texts = re.split(r"[\s,]+", chosen.strip(" ,\n\t")) if isinstance(chosen, str) else list(chosen)
    found: set[str] = set()
    for text in filter(None, texts):
        read = _PATTERN.fullmatch(text)
        if read is None:
            message = (
                f"{argument}: {shorten(text)!r} is no pattern: a name, a glob or type:…, with a + before or after it"
            )
            findings.append(Finding(message, "$.Steps", code="selected-steps"))
            continue
        pattern = _Pattern(text, read["steps"], bool(read["before"]), bool(read["after"]))
        names = {step.name for step in graph.steps if pattern.matches(step)}
        if not names:
            findings.append(_nothing(argument, pattern, graph))
        found |= names
        if pattern.before:
            found |= _reached(names, {name: [need.step for need in needs] for name, needs in graph.upstream.items()})
        if pattern.after:
            found |= _reached(names, graph.downstream)
    return found


def _nothing(argument: str, pattern: _Pattern, graph: Graph) -> Finding:
    plus = ("+" if pattern.before else "", "+" if pattern.after else "")
    if pattern.steps.startswith(TYPE):
        types = dict.fromkeys(TYPE + step.type for step in graph.steps)
        problem, near = f"no step is of the type {pattern.steps.removeprefix(TYPE)!r}", nearest(pattern.steps, types)
    elif (loop := graph.loop_of.get(pattern.steps)) is not None:
        problem, near = f"{pattern.steps!r} is in the body of the ForEach step {loop!r}, which is one with it", loop
    else:
        names = [step.name for step in graph.steps]
        problem, near = f"no step is called {shorten(pattern.steps)!r}", nearest(pattern.steps, names)
    hint = None if near is None else f"{plus[0]}{near}{plus[1]}"
    return Finding(f"{argument}: {problem}", "$.Steps", suggestion=hint, code="selected-steps")


def _needs(step: Step, graph: Graph, kept: Collection[str], excluded: Collection[str]) -> Iterator[Finding]:
    """Why a step cannot stay: for each that is left out and that it needs."""
    for need in graph.upstream[step.name]:
        if need.step in kept or (why := _why(need)) is None:
            continue
        how = "exclude_steps leaves out" if need.step in excluded else "select does not name"
        hint = f"leave out {step.name!r} too: {need.step}+" if need.step in excluded else f"+{step.name}"
        yield Finding(f"{why[0]} {need.step!r}, which {how}", why[1], step.name, suggestion=hint, code="left-out-step")


def _why(need: Dependency) -> tuple[str, str] | None:
    """Why a step cannot do without another one, and where it says so; None where it only comes after that."""
    of = {kind: [reason for reason in need.reasons if reason.kind is kind] for kind in ReasonKind}
    if references := of[ReasonKind.REFERENCE]:
        return "it needs the result of", references[0].path
    if branches := of[ReasonKind.BRANCH]:
        # Without its Condition, what stands behind a gate would run always.
        return "it stands in a branch of", branches[0].path
    failures = [reason for reason in of[ReasonKind.DEPENDS_ON] if reason.trigger in _FAILURES]
    return ("it runs only upon the failure or stop of", failures[0].path) if failures else None


def _without(steps: Sequence[Step], graph: Graph, kept: Collection[str]) -> Iterator[Step]:
    """The steps that stay, with what they wait for."""
    for step in steps:
        if step.name not in kept:
            continue
        changes: dict[str, object] = {"depends_on": _depends_on(step, step.name, graph, kept)}
        if step.branches is not None:
            changes["branches"] = replace(
                step.branches,
                if_steps=tuple(_without(step.branches.if_steps, graph, kept)),
                else_steps=tuple(_without(step.branches.else_steps, graph, kept)),
            )
        if step.for_each is not None:
            body = tuple(
                [replace(inner, depends_on=_depends_on(inner, step.name, graph, kept)) for inner in step.for_each.body]
            )
            changes["for_each"] = replace(step.for_each, body=body)
        yield replace(step, **changes)


def _depends_on(step: Step, task: str, graph: Graph, kept: Collection[str]) -> tuple[DependsOn, ...]:
    """The entries of a step without those that are left out, and with what stays of what came before these."""
    entries: list[DependsOn] = []
    for entry in step.depends_on:
        name = graph.loop_of.get(entry.step, entry.step)
        if name in kept or name == task or name not in graph.upstream:
            entries.append(entry)
            continue
        known = {each.step for each in entries} | {task}
        before = [other for other in _last_kept(name, graph, kept) if other not in known]
        entries += [DependsOn(other, entry.position) for other in before]
    return tuple(entries)


def _last_kept(name: str, graph: Graph, kept: Collection[str]) -> list[str]:
    """The steps that stay and that one that is left out waited for, by others that are left out too."""
    found: dict[str, None] = {}
    seen, waiting = {name}, [name]
    while waiting:
        for need in graph.upstream[waiting.pop()]:
            if need.step in kept:
                found[need.step] = None
            elif need.step not in seen:
                seen.add(need.step)
                waiting.append(need.step)
    return [step.name for step in graph.steps if step.name in found]


def _reached(start: Collection[str], neighbours: Mapping[str, Sequence[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = [*start]
    while waiting:
        for name in neighbours[waiting.pop()]:
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    return reached
