"""What endpoints and inference components share: they are deployed, for a while, and then in service."""

from __future__ import annotations

from typing import ClassVar

from airflow_sm_pipelines.local.errors import invalid
from airflow_sm_pipelines.local.kinds.action import Action
from airflow_sm_pipelines.local.kinds.resource import ResourceKind
from airflow_sm_pipelines.local.scenario import JobRule
from airflow_sm_pipelines.local.state import Job
from airflow_sm_pipelines.local.timeline import Phase, Timeline


class DeployedKind(ResourceKind):
    """A resource whose creation and updates take a rule's duration; its outcome Failed makes them fail.

    ``failure_reason`` is shown where the rule gives none.
    """

    failure_reason: ClassVar[str]

    def make(self, action: Action, name: str) -> Job:
        job = super().make(action, name)
        failed, end = self.begin(action, job)
        job.timeline = Timeline((Phase(action.now, "Creating"), Phase(end, "Failed" if failed else "InService")))
        return job

    def begin(self, action: Action, job: Job) -> tuple[bool, float]:
        """Whether what begins now is to fail, and when it ends."""
        job.rule = action.state.rule(self.kind, job.name) or JobRule()
        failed = job.rule.outcome == "Failed"
        job.failure_reason = (job.rule.failure_reason or self.failure_reason) if failed else None
        given = job.rule.duration
        return failed, action.now + (action.state.defaults.duration if given is None else given)

    def refuse_in_progress(self, job: Job, now: float, verb: str) -> None:
        """Refuse to touch what is being deployed."""
        if not job.timeline.ended(now):
            raise invalid(f'Cannot {verb} in-progress {self.noun} "{job.arn}".')
