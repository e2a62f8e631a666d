"""Steps that create a resource or, where one of that name is there, update it, and wait until it is in service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from airflow_sm_pipelines.aws.calls import operation
from airflow_sm_pipelines.aws.failures import type_of_failure_reason
from airflow_sm_pipelines.step_types.adapter import JobAdapter
from airflow_sm_pipelines.step_types.job_kind import JobState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.step_types.adapter import JobRun


class DeploymentAdapter(JobAdapter):
    """A step that brings a resource into a wanted state.

    What Describe says decides: absent, it is created; there, it is updated. Once AWS has answered the call, this is on
    record, and a later try only waits. A try that finds no answer on record looks whether what it wants is there or on
    its way, and makes the call only if not. (If the answer was lost and AWS has rolled back before the next try, that
    is not seen, and the update is made a second time.)

    What is in service at the end must be what was asked for: a deployment that AWS rolled back is a failure.
    AWS has no call that stops a deployment, so a killed step leaves it under way.
    """

    adopts_as_submitted = False
    update: ClassVar[str]
    """The Update call."""
    only_on_create: ClassVar[tuple[str, ...]]
    """Members of the Create request that the Update request lacks."""

    def __init__(self, run: JobRun) -> None:
        super().__init__(run)
        self.updates = False

    def difference(self, described: Mapping[str, Any]) -> str:
        """How the resource in service differs from the request, in words, or an empty text."""
        raise NotImplementedError

    def is_on_its_way(self, described: Mapping[str, Any]) -> bool:
        """Whether what is asked for is being deployed, or there already."""
        raise NotImplementedError

    @property
    @override
    def create_call(self) -> str:
        return self.update if self.updates else self.kind.create

    @override
    def find(self) -> dict[str, Any] | None:
        self.run.check_resolved()
        described = super().find()
        if described is None or self.run.record.submitted or self.is_on_its_way(described):
            return described
        return None

    @override
    def prepare(self) -> None:
        self.updates = self.run.describe() is not None

    @override
    def create(self) -> None:
        if self.updates:
            operation(self.run.client_calling_once(), self.update)(**self._update_request())
            self.run.log.info("The %s %s is there, and is updated", self.kind.noun, self.run.record.job_name)
        else:
            super().create()
        self.run.accept()

    def _update_request(self) -> dict[str, Any]:
        request = self.run.request
        left_out = [member for member in self.only_on_create if request.get(member)]
        if left_out:
            self.run.log.info("The update of %s leaves out %s", self.run.record.job_name, ", ".join(left_out))
        return {name: member for name, member in request.items() if name not in self.only_on_create}

    @override
    def check_end(self, described: dict[str, Any]) -> None:
        self.run.check_resolved()
        if self.kind.state_of(described) is JobState.SUCCEEDED and (difference := self.difference(described)):
            reason = str(described.get(self.kind.reason_field) or "AWS gives no reason")
            raise self.run.job_failure(
                f"the {self.kind.noun} {self.run.record.job_name} is in service, but not with what was asked for"
                f" ({difference}): the deployment was rolled back or replaced: {reason}",
                type_of_failure_reason(reason),
            )
