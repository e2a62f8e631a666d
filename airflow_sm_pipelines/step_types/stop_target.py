"""What there is to stop when a task ends: a job, an EMR Serverless application, or a Callback step's message.

A step's record holds its stop target as JSON, so that whoever finds the record can stop it without the step's Dag.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from airflow_sm_pipelines.step_types.job_kind import JobKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.syntax import Json

APPLICATION, MESSAGE = "application", "message"
EMR_SERVERLESS = "emr-serverless"


class JobTarget(Struct, frozen=True):
    """A job of one kind, also an EMR step or a cluster. ``access`` is how AWS is reached, in its JSON form."""

    kind: JobKind
    name: str
    access: dict[str, Any]

    @property
    def service(self) -> str:
        return self.kind.service

    @property
    def can_be_described(self) -> bool:
        """Whether the job's state can be asked for: an EMR cluster may be known whose step is not."""
        return bool(self.kind.describe_params) or not self.kind.stop_params

    def __str__(self) -> str:
        return f"{self.kind.noun} {self.name}"

    def to_json(self) -> dict[str, Json]:
        return {"kind": self.kind.to_json(), "access": self.access, "name": self.name}


class ApplicationTarget(Struct, frozen=True):
    """An EMR Serverless application of a step's own, which goes with its job run."""

    application: str
    access: dict[str, Any]

    @property
    def service(self) -> str:
        return EMR_SERVERLESS

    def __str__(self) -> str:
        return f"application {self.application}"

    def to_json(self) -> dict[str, Json]:
        return {APPLICATION: self.application, "access": self.access}


class MessageTarget(Struct, frozen=True):
    """The message of a Callback step, which is taken back by a second one. What it says stands in the step's store."""

    access: dict[str, Any]

    @property
    def service(self) -> str:
        return "sqs"

    def __str__(self) -> str:
        return "message of a Callback step"

    def to_json(self) -> dict[str, Json]:
        return {MESSAGE: True, "access": self.access}


StopTarget: TypeAlias = JobTarget | ApplicationTarget | MessageTarget


def read_stop_target(stored: Mapping[str, Any]) -> StopTarget | None:
    """The stop target in a record; None where nothing is running that could be stopped.

    :raises KeyError, TypeError: for one that another version wrote and this one cannot read
    """
    if not stored:
        return None
    access = dict(stored["access"])
    if MESSAGE in stored:
        return MessageTarget(access)
    if stored.get(APPLICATION) is not None:
        return ApplicationTarget(str(stored[APPLICATION]), access)
    return JobTarget(JobKind.from_json(stored["kind"]), str(stored["name"]), access)
