"""The life of an EMR cluster and of its steps, planned anew at each thing that happens to them.

What has happened by a moment does not depend on what comes after it: planning anew changes nothing of the past.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from airflow_sm_pipelines.local.timeline import Phase, Timeline

TERMINATING_ACTIONS = ("TERMINATE_CLUSTER", "TERMINATE_JOB_FLOW")
WITH_ERRORS = ("STEP_FAILURE", "BOOTSTRAP_FAILURE")


@dataclass
class StepPlan:
    """What is known of a step; times in epoch seconds, ``cancelled`` is when CancelSteps was called."""

    added: float
    duration: float
    outcome: str
    on_failure: str
    stopping: float
    cancelled: float | None = None


@dataclass
class ClusterPlan:
    """What is known of a cluster; ``terminated`` is when TerminateJobFlows was called."""

    created: float
    ready: float
    stopping: float
    keep_alive: bool
    concurrency: int
    broken: bool
    terminated: float | None = None


def live(cluster: ClusterPlan, steps: Sequence[StepPlan]) -> tuple[Timeline, list[Timeline]]:
    """The cluster's states, with the reason of its end as their detail, and those of each step."""
    end, why = cluster.terminated, "USER_REQUEST"
    if cluster.broken and (end is None or cluster.ready < end):
        end, why = cluster.ready, "BOOTSTRAP_FAILURE"
    halt: float | None = None
    slots = [cluster.ready] * cluster.concurrency
    lives = []
    for step in steps:
        slot = heapq.heappop(slots)
        life = _life(step, max(slot, step.added), end, halt)
        lives.append(life)
        ran = any(phase.status == "RUNNING" for phase in life.phases)
        heapq.heappush(slots, life.end.at if ran else slot)
        if life.end.status == "FAILED":
            if step.on_failure in TERMINATING_ACTIONS:
                end, why = life.end.at, "STEP_FAILURE"
            elif step.on_failure == "CANCEL_AND_WAIT":
                halt = life.end.at
    if end is None and not cluster.keep_alive:
        end, why = max([cluster.ready, *(life.end.at for life in lives)]), "ALL_STEPS_COMPLETED"
    return Timeline(tuple(_phases(cluster, lives, end, why))), lives


def _life(step: StepPlan, start: float, end: float | None, halt: float | None) -> Timeline:
    """``end`` is the cluster's, ``halt`` when a failed step had what was pending cancelled."""
    pending = Phase(step.added, "PENDING")
    before = [at for at in (step.cancelled, end, halt) if at is not None and step.added <= at <= start]
    if before:
        return Timeline((pending, Phase(min(before), "CANCELLED")))
    last = Phase(start + step.duration, step.outcome)
    if step.cancelled is not None and step.cancelled + step.stopping < last.at:
        last = Phase(step.cancelled + step.stopping, "CANCELLED")
    if end is not None and end < last.at:
        last = Phase(end, "INTERRUPTED")
    return Timeline((pending, Phase(start, "RUNNING"), last))


def _phases(cluster: ClusterPlan, lives: Sequence[Timeline], end: float | None, why: str) -> Iterator[Phase]:
    middle = (cluster.created + cluster.ready) / 2
    changes = {cluster.ready, *(phase.at for life in lives for phase in (life.phases[0], life.end))}
    states = [Phase(cluster.created, "STARTING"), Phase(middle, "BOOTSTRAPPING")]
    for at in sorted(at for at in changes if at >= cluster.ready):
        busy = any(life.phases[0].at <= at < life.end.at for life in lives)
        states.append(Phase(at, "RUNNING" if busy else "WAITING"))
    yield from (state for state in states if end is None or state.at < end or state is states[0])
    if end is not None:
        yield Phase(end, "TERMINATING", why)
        yield Phase(end + cluster.stopping, "TERMINATED_WITH_ERRORS" if why in WITH_ERRORS else "TERMINATED", why)
