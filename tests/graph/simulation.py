"""Random pipelines, and what Airflow's trigger rules make of their steps when some fail and branches are taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from random import Random
from typing import Any

from msgspec import Struct

from airflow_sm_pipelines.graph import Graph
from airflow_sm_pipelines.graph.run_conditions import UpstreamState, unmet
from tests.definition.build import condition, document, for_each, settled, step

Edges = Iterable[tuple[str, str]]
STATES = {
    "success": UpstreamState.SUCCEEDED,
    "failed": UpstreamState.FAILED,
    "skipped": UpstreamState.SKIPPED,
    "upstream_failed": UpstreamState.NOT_BEGUN,
}
TRIGGERS = ("Failed", "Any")


def random_pipeline(random: Random) -> tuple[Graph, frozenset[str]]:
    """A graph with DependsOn, triggers, branches in branches and loops, and the steps that are rejoin."""
    names: list[str] = []
    most = random.randint(4, 9)

    def one(depth: int) -> dict[str, Any]:
        known = random.sample(names, min(len(names), random.choice((0, 1, 1, 2, 2, 3))))
        name = f"S{len(names)}"
        names.append(name)
        if depth < 2 and known and random.random() < 0.3:
            branches = [tuple([one(depth + 1) for _ in range(random.choice((0, 1, 2)))]) for _ in range(2)]
            made = condition(name, (), *branches)
        elif random.random() < 0.1:
            made = for_each(name, (step(f"{name}Body"),), IterableItems=["a"])
        else:
            made = step(name)
        entries = [
            other if random.random() < 0.85 else {"Step": other, "Trigger": random.choice(TRIGGERS)} for other in known
        ]
        return {**made, "DependsOn": entries} if entries else made

    steps = []
    while len(names) < most:
        steps.append(one(0))
    graph = settled(document(*steps)).graph
    rejoin = {step.name for step in graph.steps if len(graph.upstream[step.name]) > 1 and random.random() < 0.25}
    return graph, frozenset(rejoin.difference(graph.bodies))


class Chances(Struct, frozen=True):
    """What comes of the steps that run, and how long they do."""

    failing: frozenset[str]
    outcomes: Mapping[str, bool]
    seconds: Mapping[str, int]

    @classmethod
    def of(cls, graph: Graph, random: Random) -> Chances:
        names = [step.name for step in graph.steps]
        return cls(
            frozenset(name for name in names if random.random() < 0.25),
            {name: random.random() < 0.5 for name in names},
            {name: random.randint(1, 9) for name in names},
        )


class Simulation(Struct):
    """A run: the steps in their order, each with the trigger rule that its task has."""

    graph: Graph
    rejoin: frozenset[str]
    before: Mapping[str, tuple[str, ...]]
    chances: Chances
    states: dict[str, str]
    running: dict[str, str]
    """The steps that run, and the state with which they end."""

    @classmethod
    def of(cls, graph: Graph, rejoin: frozenset[str], edges: Edges, chances: Chances) -> Simulation:
        before: dict[str, list[str]] = {step.name: [] for step in graph.steps}
        for upstream, downstream in edges:
            before[downstream].append(upstream)
        waits = {name: tuple(others) for name, others in before.items()}
        return cls(graph, rejoin, waits, chances, {}, {})

    def look(self, name: str) -> bool:
        """What the scheduler does about a step, now; whether it did something."""
        if name in self.states or name in self.running:
            return False
        decided = self._decided(name)
        if decided is None:
            return False
        if decided == "run":
            self.running[name] = "failed" if name in self.chances.failing else "success"
        elif name in self.graph.bodies:
            # The task with the result runs then, and ends as its first task has.
            self.running[name] = "failed" if decided == "upstream_failed" else decided
        else:
            self.states[name] = decided
        return True

    def end(self, name: str) -> None:
        """Let a step that runs end, and a Condition skip what its branch is not."""
        self.states[name] = self.running.pop(name)
        if self.states[name] == "success":
            for other in self.graph.untaken(name, self.chances.outcomes[name]) if self._is_condition(name) else ():
                self.running.pop(other, None)
                self.states[other] = "skipped"

    def _is_condition(self, name: str) -> bool:
        return (name, True) in self.graph.regions

    def _decided(self, name: str) -> str | None:
        seen = [self.states.get(other) for other in self.before[name]]
        has_failed = "failed" in seen or "upstream_failed" in seen
        if name in self.graph.conditional:
            if None in seen:
                return None
            known = {other: STATES[state] for other, state in self.states.items()}
            return "skipped" if unmet(self.graph.needs_of(name), known, any_branch=name in self.rejoin) else "run"
        if has_failed:
            return "upstream_failed"
        if name in self.rejoin:
            if None in seen:
                return None
            return "run" if "success" in seen or not seen else "skipped"
        if "skipped" in seen:
            return "skipped"
        return None if None in seen else "run"


def timed(graph: Graph, rejoin: frozenset[str], edges: Edges, chances: Chances) -> dict[str, tuple[str, int]]:
    """Each step's state and the time of its end, with a scheduler that takes no time."""
    run = Simulation.of(graph, rejoin, edges, chances)
    ends: dict[str, tuple[str, int]] = {}
    order = [one.name for one in graph.steps]
    until: dict[str, int] = {}
    now = 0
    while True:
        for name in order:
            if run.look(name) and name in run.running:
                until[name] = now + chances.seconds[name]
        ends.update({name: (state, now) for name, state in run.states.items() if name not in ends})
        if not run.running:
            return ends
        now = min(until[name] for name in run.running)
        for name in [name for name in run.running if until[name] == now]:
            if name in run.running:
                run.end(name)


def in_some_order(
    graph: Graph, rejoin: frozenset[str], edges: Edges, chances: Chances, random: Random
) -> Iterator[Mapping[str, str]]:
    """The states of the steps after each event, with a scheduler and steps that take any time."""
    run = Simulation.of(graph, rejoin, edges, chances)
    names = [one.name for one in graph.steps]
    while len(run.states) < len(names):
        name = random.choice(names)
        if name in run.running:
            run.end(name)
        else:
            run.look(name)
        yield run.states
