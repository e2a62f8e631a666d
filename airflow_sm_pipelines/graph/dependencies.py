"""From a pipeline to its graph: every reference anywhere in a step, DependsOn, and membership of a branch."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec import Struct, field

from airflow_sm_pipelines.definition.expressions import PropertyFileReference, PropertyReference
from airflow_sm_pipelines.definition.findings import DefinitionError, FindingCollector
from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.limits import MOST_EDGES
from airflow_sm_pipelines.definition.paths import listed
from airflow_sm_pipelines.graph.cycles import find_cycles, topological_order
from airflow_sm_pipelines.graph.model import (
    BranchMembership,
    Dependency,
    Edge,
    Graph,
    Reason,
    ReasonKind,
    Region,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from airflow_sm_pipelines.definition.model import Pipeline, Step

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
    """The graph of a pipeline, or None after telling the collector of its cycles, or of more edges than can be used.

    The pipeline may have findings of its own: names that it does not declare make no edge.
    """
    tasks = _Tasks()
    tasks.add(pipeline.steps, ())
    reasons = {name: tasks.reasons(step) for name, step in tasks.steps.items()}
    names = list(tasks.steps)
    if (edges := sum(map(len, reasons.values()))) > MOST_EDGES:
        collector.error(
            f"{edges} dependencies between steps, at most {MOST_EDGES} can be used",
            "$.Steps",
            code="too-many-dependencies",
        )
        return None
    order = topological_order(names, reasons)
    if len(order) < len(names):
        for cycle in find_cycles(names, reasons):
            _report_cycle(cycle, tasks.steps, reasons, collector)
        return None
    _warn_of_rejoins(order, tasks, reasons, collector)
    return _assemble(order, tasks, reasons)


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
            reasons[membership.condition] = [Reason(ReasonKind.BRANCH, step.path, membership.taken)]
        parts = (step,) if step.for_each is None else (step, *step.for_each.body)
        for part in parts:
            for target, reason in _mentions(part):
                task = self.task_of.get(target)
                # A step that waits for itself is a finding of the reading room.
                if task is not None and task != step.name:
                    reasons.setdefault(task, []).append(reason)
        return reasons


def _mentions(step: Step) -> Iterator[tuple[str, Reason]]:
    for index, name in enumerate(step.depends_on):
        yield name, Reason(ReasonKind.DEPENDS_ON, f"{step.path}.DependsOn[{index}]")
    for located in step.expressions:
        expression = located.expression
        if isinstance(expression, PropertyReference | PropertyFileReference):
            yield expression.step, Reason(ReasonKind.REFERENCE, located.path)


def _report_cycle(cycle: list[str], steps: Mapping[str, Step], reasons: _Upstream, collector: FindingCollector) -> None:
    waits = [f"{name} waits for {needed} ({reasons[name][needed][0]})" for name, needed in pairwise(cycle)]
    message = f"the steps wait for each other: {' -> '.join(cycle)}; {', '.join(waits)}"
    collector.error(message, steps[cycle[0]].path, step=cycle[0], code="cycle")


def _warn_of_rejoins(order: list[str], tasks: _Tasks, reasons: _Upstream, collector: FindingCollector) -> None:
    """A step that needs both branches of a condition can never run; only the first such step of a chain is told."""
    if not tasks.branch_of:
        return
    conditions = [*dict.fromkeys(membership.condition for membership in tasks.branch_of.values())]
    # What a step needs is a number with two bits for each condition. A set for each step would grow with the square.
    bit_of = {condition: 2 * position for position, condition in enumerate(conditions)}
    first_bits = (4 ** len(conditions) - 1) // 3
    required: dict[str, int] = {}
    for name in order:
        own = tasks.branch_of.get(name)
        needed = 0 if own is None else 1 << bit_of[own.condition] + own.taken
        for upstream in reasons[name]:
            needed |= required[upstream]
        both = needed & needed >> 1 & first_bits
        if both:
            names = sorted(condition for condition in conditions if both >> bit_of[condition] & 1)
            message = f"the step can never run: it needs both branches of {listed(names)}, and only one is taken"
            collector.warning(message, tasks.steps[name].path, step=name, code="never-runs")
            needed &= ~(both | both << 1)
        required[name] = needed


def _assemble(order: list[str], tasks: _Tasks, reasons: _Upstream) -> Graph:
    position = {name: index for index, name in enumerate(tasks.steps)}
    upstream: dict[str, tuple[Dependency, ...]] = {}
    downstream: dict[str, list[str]] = {name: [] for name in tasks.steps}
    for name in tasks.steps:
        needed = sorted(reasons[name].items(), key=lambda item: position[item[0]])
        upstream[name] = tuple([Dependency(other, tuple(why)) for other, why in needed])
        for other, _ in needed:
            downstream[other].append(name)
    regions = {key: _region(key, names, tasks, reasons) for key, names in tasks.regions.items()}
    edges = tuple([edge for name in order for edge in _edges(name, upstream[name], tasks)])
    entries = {(region.condition, name) for region in regions.values() for name in region.entries}
    spared = {
        (dependency.step, name)
        for name in tasks.branch_of
        for dependency in upstream[name]
        if dependency.is_branch_only and (dependency.step, name) not in entries
    }
    return Graph(
        steps=tuple([tasks.steps[name] for name in order]),
        upstream=FrozenDict(upstream),
        downstream=FrozenDict({name: tuple(others) for name, others in downstream.items()}),
        branch_of=FrozenDict(tasks.branch_of),
        regions=FrozenDict(regions),
        edges=edges,
        reduced_edges=tuple([edge for edge in edges if (edge.upstream, edge.downstream) not in spared]),
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
        yield Edge(dependency.step, name, membership.label if membership is not None and enters else None)
