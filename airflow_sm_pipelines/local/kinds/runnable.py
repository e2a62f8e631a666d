"""Kinds of jobs whose own code can run on this machine."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from airflow_sm_pipelines.local.backend import Moto
from airflow_sm_pipelines.local.kinds.action import Action
from airflow_sm_pipelines.local.kinds.base import SimulatedKind
from airflow_sm_pipelines.local.kinds.outputs import append_lines
from airflow_sm_pipelines.local.real_jobs import NEVER
from airflow_sm_pipelines.local.scenario import JobRule
from airflow_sm_pipelines.local.state import EndpointState, Job
from airflow_sm_pipelines.local.timeline import Phase, Timeline
from airflow_sm_pipelines.local_runner.contract import Contract, Request
from airflow_sm_pipelines.local_runner.rules import Rule


class RunnableKind(SimulatedKind):
    """A kind that the runner knows. A scenario's rule about a job comes first: then the job is simulated."""

    step_type: ClassVar[str]
    """The type of step that makes such jobs, for the runner's rules."""
    phases: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """Secondary status and message by the runner's phase."""

    def contract(self, request: Request) -> Contract:
        """What the runner is to do for a job."""
        raise NotImplementedError

    def image(self, request: Request) -> str:
        """The container image of a job."""
        raise NotImplementedError

    def request(self, _state: EndpointState, job: Job) -> Request:
        """What was asked for, for the runner."""
        return Request(job.name, job.arn, job.region, job.request)

    def phase_of(self, phase: str) -> tuple[str, str]:
        """Secondary status and message of a phase of the runner's."""
        return self.phases.get(phase, ("", ""))

    def begin(self, action: Action, name: str) -> Job:
        """Add a job, and let it run where a rule of the runner's says so."""
        state, now = action.state, action.now
        given = state.rule(self.kind, name)
        job = self.make(action, action.parameters, given or JobRule(), now)
        request = self.request(state, job)
        rule = state.real_jobs.rule_for(self.step_type, self.image(request), name, job.tags) if given is None else None
        if rule is not None:
            self.run_here(action, job, rule)
            return job
        missing = state.real_jobs.missing_input(self, request)
        if missing is not None:
            failing = dataclasses.replace(given or JobRule(), outcome="Failed", failure_reason=missing)
            job = self.make(action, action.parameters, failing, now)
        state.add(job)
        return job

    def run_here(self, action: Action, job: Job, rule: Rule, ended: Callable[[], None] | None = None) -> None:
        """Add a job that runs: its end is open."""
        waiting = Phase(action.now, "InProgress", self.waiting.detail, self.waiting.message)
        job.timeline = Timeline((waiting, Phase(NEVER, "Completed")))
        job.finish = job.write = None
        job.started = action.now
        action.state.add(job)
        action.state.real_jobs.start(self, job, rule, ended)

    def write_lines(self, job: Job, moto: Moto, lines: Sequence[str]) -> None:
        """Write lines of a running job's log."""
        append_lines(job, moto, lines, self.log_group)

    def members(self, job: Job, now: float) -> dict[str, Any]:
        """What Describe adds to a job that has really run."""
        return dict(job.facts.get("members", {})) if job.timeline.ended(now) else {}
