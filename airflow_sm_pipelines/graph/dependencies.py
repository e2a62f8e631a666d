"""From a pipeline to its graph: every reference anywhere in a step, DependsOn, and membership of a branch."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from airflow_sm_pipelines.definition.expressions import PropertyFileReference, PropertyReference
from airflow_sm_pipelines.definition.findings import DefinitionError, FindingCollector
from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.limits import MAX_EDGES
from airflow_sm_pipelines.graph.bodies import Body
from airflow_sm_pipelines.graph.cycles import find_cycles, topological_order
from airflow_sm_pipelines.graph.loop_conditions import check_other_conditions
from airflow_sm_pipelines.graph.model import (
    BranchMembership,
    Dependency,
    Edge,
    Graph,
    Reason,
    ReasonKind,
    Region,
)
from airflow_sm_pipelines.graph.never_runs import warn_of_what_never_runs
from airflow_sm_pipelines.graph.run_conditions import SUCCEEDED, accepted_ends, label_of
from airflow_sm_pipelines.step_types import cleanup

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from airflow_sm_pipelines.definition.model import ForEachBody, Pipeline, Step
    from airflow_sm_pipelines.graph.model import StepEnd

_Upstream = dict[str, dict[str, list[Reason]]]


def build_graph(pipeline: Pipeline, *, source: str = "definition") -> Graph:
    """The graph of a pipeline that was read without errors.

    :raises DefinitionError: if steps wait for each other, with each cycle and where its edges come from.
    """
    collector = FindingCollector()
    graph = connect(pipeline, collector)
    if graph is None:
        raise DefinitionError(source, collector.findings)
    return graph


def connect(pipeline: Pipeline, collector: FindingCollector) -> Graph | None:
    """The graph of a pipeline, or None after a finding for each of its cycles, or for more edges than can be used.

    The pipeline may have findings of its own: names that it does not declare make no edge.
    """
    tasks = _Tasks()
    tasks.add(pipeline.steps, ())
    reasons = {name: tasks.reasons(step) for name, step in tasks.steps.items()}
    names = list(tasks.steps)
    inside = {step.name: _within(step.for_each) for step in tasks.steps.values() if step.for_each is not None}
    if (edges := sum(len(some) for each in (reasons, *inside.values()) for some in each.values())) > MAX_EDGES:
        collector.error(
            f"{edges} dependencies between steps, at most {MAX_EDGES} can be used",
            "$.Steps",
            code="too-many-dependencies",
        )
        return None
    read = ((loop, _body(tasks.steps[loop], needed, collector)) for loop, needed in inside.items())
    bodies = {loop: body for loop, body in read if body is not None}
    order = topological_order(names, reasons)
    if len(order) < len(names):
        for cycle in find_cycles(names, reasons):
            _report_cycle(cycle, tasks.steps, reasons, collector)
        return None
    if len(bodies) < len(inside):
        return None
    for step in tasks.steps.values():
        if step.for_each is not None:
            mentioned = [tasks.mentioned(body, step.name) for body in step.for_each.body]
            check_other_conditions(step, tasks.mentioned(step, step.name), mentioned, collector)
    accepted = accepted_ends(reasons)
    warn_of_what_never_runs(order, tasks.steps, tasks.branch_of, reasons, accepted, collector)
    graph = _assemble(order, tasks, reasons, accepted)
    within = [
        (name, need.step)
        for body in bodies.values()
        for name, needs in body.upstream.items()
        for need in needs
        if need.is_conditional
    ]
    return replace(
        graph,
        conditional=graph.conditional.union(name for name, _ in within),
        watched=graph.watched.union(needed for _, needed in within),
        bodies=FrozenDict(bodies),
        loop_of=FrozenDict({step: loop for step, loop in tasks.task_of.items() if step != loop}),
    )


class _Tasks(Struct):
    """The steps that become tasks, in document order, and the places they stand in."""

    steps: dict[str, Step] = field(default_factory=dict)
    branch_of: dict[str, BranchMembership] = field(default_factory=dict)
    regions: dict[tuple[str, bool], list[str]] = field(default_factory=dict)
    task_of: dict[str, str] = field(default_factory=dict)
    """The task that runs a step: the step itself, or the ForEach in whose body it stands."""

    def add(self, steps: Iterable[Step], around: tuple[BranchMembership, ...]) -> None:
        for step in steps:
            if step.name in self.task_of:
                continue
            self.steps[step.name] = step
            self.task_of[step.name] = step.name
            if around:
                self.branch_of[step.name] = around[-1]
            for membership in around:
                self.regions[membership.condition, membership.taken].append(step.name)
            if step.branches is not None:
                for taken, inner in ((True, step.branches.if_steps), (False, step.branches.else_steps)):
                    self.regions[step.name, taken] = []
                    self.add(inner, (*around, BranchMembership(step.name, taken)))
            elif step.for_each is not None:
                for body in step.for_each.body:
                    self.task_of.setdefault(body.name, step.name)

    def reasons(self, step: Step) -> dict[str, list[Reason]]:
        """What a task waits for: its branch, then DependsOn, then references, each in document order."""
        reasons: dict[str, list[Reason]] = {}
        membership = self.branch_of.get(step.name)
        if membership is not None:
            reasons[membership.condition] = [Reason(ReasonKind.BRANCH, step.location, membership.taken)]
        parts = (step,) if step.for_each is None else (step, *step.for_each.body)
        for part in parts:
            for task, found in self.mentioned(part, step.name).items():
                reasons.setdefault(task, []).extend(found)
        return reasons

    def mentioned(self, part: Step, own: str) -> dict[str, list[Reason]]:
        """Why a step, or one in the body of the task ``own``, waits for other tasks."""
        reasons: dict[str, list[Reason]] = {}
        for target, reason in _mentions(part):
            task = self.task_of.get(target)
            # A step that waits for itself is a finding of the reading room.
            if task is not None and task != own:
                reasons.setdefault(task, []).append(reason)
        return reasons


def _mentions(step: Step) -> Iterator[tuple[str, Reason]]:
    for entry in step.depends_on:
        place = ((step.location, "DependsOn"), entry.position)
        yield entry.step, Reason(ReasonKind.DEPENDS_ON, place, trigger=entry.trigger)
    for located in step.expressions:
        expression = located.expression
        if isinstance(expression, PropertyReference | PropertyFileReference):
            yield expression.step, Reason(ReasonKind.REFERENCE, located.location)
    if step.type == cleanup.NAME:
        for index, name in cleanup.source_names(step.arguments):
            of_source = ((((step.location, "Arguments"), "Resources"), "S3"), index)
            yield name, Reason(ReasonKind.REFERENCE, (of_source, "StepName"))


def _within(loop: ForEachBody) -> _Upstream:
    """What each step of a body waits for of the same body."""
    names = {step.name for step in loop.body}
    found: _Upstream = {}
    for step in loop.body:
        needed = found.setdefault(step.name, {})
        for target, reason in _mentions(step):
            if target in names and target != step.name:
                needed.setdefault(target, []).append(reason)
    return found


def _body(step: Step, reasons: _Upstream, collector: FindingCollector) -> Body | None:
    """The body of a ForEach step, or None after a finding for each of its cycles."""
    assert step.for_each is not None
    steps = {inner.name: inner for inner in step.for_each.body}
    order = topological_order([*steps], reasons)
    if len(order) < len(steps):
        for cycle in find_cycles([*steps], reasons):
            _report_cycle(cycle, steps, reasons, collector)
        return None
    accepted = accepted_ends(reasons)
    warn_of_what_never_runs(order, steps, {}, reasons, accepted, collector)
    upstream = {
        # In document order, as all upstream is.
        name: tuple(
            [
                Dependency(other, tuple(needed[other]), accepted.get((name, other), SUCCEEDED))
                for other in steps
                if other in needed
            ]
        )
        for name, needed in reasons.items()
    }
    return Body(tuple([steps[name] for name in order]), FrozenDict(upstream), step.for_each.max_concurrency)


def _report_cycle(cycle: list[str], steps: Mapping[str, Step], reasons: _Upstream, collector: FindingCollector) -> None:
    waits = [f"{name} waits for {needed} ({reasons[name][needed][0]})" for name, needed in pairwise(cycle)]
    message = f"the steps wait for each other: {' -> '.join(cycle)}; {', '.join(waits)}"
    collector.error(message, steps[cycle[0]].path, step=cycle[0], code="cycle")


def _assemble(
    order: list[str], tasks: _Tasks, reasons: _Upstream, accepted: Mapping[tuple[str, str], frozenset[StepEnd]]
) -> Graph:
    position = {name: index for index, name in enumerate(tasks.steps)}
    upstream: dict[str, tuple[Dependency, ...]] = {}
    downstream: dict[str, list[str]] = {name: [] for name in tasks.steps}
    for name in tasks.steps:
        needed = sorted(reasons[name].items(), key=lambda item: position[item[0]])
        upstream[name] = tuple(
            [Dependency(other, tuple(why), accepted.get((name, other), SUCCEEDED)) for other, why in needed]
        )
        for other, _ in needed:
            downstream[other].append(name)
    regions = {key: _region(key, names, tasks, reasons) for key, names in tasks.regions.items()}
    edges = tuple([edge for name in order for edge in _edges(name, upstream[name], tasks)])
    return Graph(
        steps=tuple([tasks.steps[name] for name in order]),
        upstream=FrozenDict(upstream),
        downstream=FrozenDict({name: tuple(others) for name, others in downstream.items()}),
        branch_of=FrozenDict(tasks.branch_of),
        regions=FrozenDict(regions),
        edges=edges,
        conditional=frozenset(name for name, _ in accepted),
        watched=frozenset(needed for _, needed in accepted),
    )


def _region(key: tuple[str, bool], names: list[str], tasks: _Tasks, reasons: _Upstream) -> Region:
    inside = frozenset(names)
    condition, taken = key
    entries = [
        name for name in names if tasks.branch_of[name].condition == condition and inside.isdisjoint(reasons[name])
    ]
    return Region(condition, taken, tuple(names), tuple(entries))


def _edges(name: str, upstream: tuple[Dependency, ...], tasks: _Tasks) -> Iterator[Edge]:
    membership = tasks.branch_of.get(name)
    for dependency in upstream:
        enters = membership is not None and membership.condition == dependency.step
        label = membership.label if membership is not None and enters else label_of(dependency)
        yield Edge(dependency.step, name, label)
