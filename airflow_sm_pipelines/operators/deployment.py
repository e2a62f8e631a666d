"""Steps that create a resource or, where one of that name is there, update it, and wait until it is in service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from airflow_sm_pipelines.aws.failures import StepFailure, type_of_failure_reason
from airflow_sm_pipelines.jobs.job import operation
from airflow_sm_pipelines.operators.user_named import NamedStepOperator
from airflow_sm_pipelines.step_types.job_kind import JobState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_sm_pipelines.expressions.stringify import Json


class DeploymentOperator(NamedStepOperator):
    """A step that brings a resource into a wanted state.

    What Describe says decides: absent, it is created; there, it is updated. Once AWS has answered the call, this is on
    record, and a later try only waits. A try that finds no answer on record looks whether what it wants is there or on
    its way, and makes the call only if not. (If the answer was lost and AWS has rolled back before the next try, that
    is not seen, and the update is made a second time.)

    What is in service at the end must be what was asked for: a deployment that AWS rolled back is a failure.
    AWS has no call that stops a deployment, so a killed step leaves it under way.
    """

    update: ClassVar[str]
    only_on_create: ClassVar[tuple[str, ...]]
    """Members of the Create request that the Update request lacks."""

    _updates = False

    def difference(self, described: Mapping[str, Any]) -> str:
        """How the resource in service differs from the request, in words, or an empty text."""
        raise NotImplementedError

    def is_on_its_way(self, described: Mapping[str, Any]) -> bool:
        """Whether what is asked for is being deployed, or there already."""
        raise NotImplementedError

    @override
    def _left_by_earlier_try(self, context: Context, client: Any) -> dict[str, Any] | None:
        self.check_resolved(context)
        described = self._look(context, client)
        if described is None:
            return None
        if not (self.record.submitted or self.is_on_its_way(described)):
            return None
        self.log.info("Going on with the deployment of %s by an earlier try", self.record.job_name)
        self.save(context)
        return described

    @override
    def prepare(self, context: Context, client: Any) -> None:
        self._updates = self._look(context, client) is not None

    @override
    def create(self, context: Context, client: Any) -> None:
        if self._updates:
            operation(client, self.update)(**self._update_request())
            self.log.info("The %s %s is there, and is updated", self.kind.noun, self.record.job_name)
        else:
            super().create(context, client)
        self.save(context, submitted=True)

    def _update_request(self) -> dict[str, Json]:
        left_out = [member for member in self.only_on_create if self.config.get(member)]
        if left_out:
            self.log.info("The update of %s leaves out %s", self.record.job_name, ", ".join(left_out))
        return {name: member for name, member in self.config.items() if name not in self.only_on_create}

    @property
    @override
    def _call_failed(self) -> str:
        call = self.update if self._updates else self.kind.create
        return f"Step {self.task_id!r} failed: {self.kind.service}:{call} was refused."

    @override
    def _end(self, context: Context, described: dict[str, Any]) -> Any:
        self.check_resolved(context)
        if self.kind.state_of(described) is JobState.SUCCEEDED and (difference := self.difference(described)):
            reason = str(described.get(self.kind.reason_field) or "AWS gives no reason")
            self._push_job(context, described)
            message = (
                f"Step {self.task_id!r} failed: the {self.kind.noun} {self.record.job_name} is in service, but not with"
                f" what was asked for ({difference}): the deployment was rolled back or replaced: {reason}"
            )
            self.fail_attempt(context, StepFailure(self.with_places(message), type_of_failure_reason(reason)))
        return super()._end(context, described)
