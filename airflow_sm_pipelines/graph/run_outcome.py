"""With which failures a run ends, and upon which of them another step ran (semantics 5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.graph.run_conditions import UpstreamState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_sm_pipelines.graph.model import Graph


class StepFault(Struct, frozen=True):
    """A step that did not end as it should, and the steps that ran upon its end."""

    step: str
    state: UpstreamState
    handled_by: tuple[str, ...] = ()


def faults_of(graph: Graph, states: Mapping[str, UpstreamState]) -> tuple[StepFault, ...]:
    """The steps that failed or were stopped, those that did not run though nothing before them had failed, and those
    that have not ended: of these nobody knows that they succeed.

    What did not run because a step before it had failed is no fault of its own.
    """
    return tuple(_faults(graph, states))


def _faults(graph: Graph, states: Mapping[str, UpstreamState]) -> Iterator[StepFault]:
    # In this order each step comes after all that it waits for.
    behind: set[str] = set()
    for step in graph.steps:
        name, state = step.name, states.get(step.name, UpstreamState.UNKNOWN)
        failed = state in (UpstreamState.FAILED, UpstreamState.STOPPED, UpstreamState.REFUSED)
        explained = any(dependency.step in behind for dependency in graph.upstream[name])
        if failed:
            yield StepFault(name, state, tuple(_handlers(graph, name, states)))
        elif state is UpstreamState.UNKNOWN or (state is UpstreamState.NOT_BEGUN and not explained):
            yield StepFault(name, state)
        if failed or explained:
            behind.add(name)


def _handlers(graph: Graph, failed: str, states: Mapping[str, UpstreamState]) -> Iterator[str]:
    """The steps with a condition that the end of a failed one has met, and that have run."""
    end = states[failed].end
    for name in graph.downstream[failed]:
        for dependency in graph.upstream[name]:
            if dependency.step == failed and end in dependency.accepts and states[name].end is not None:
                yield name
