"""What makes one kind of AWS job different from another, as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from airflow_sm_pipelines.step_types.member_paths import member_at

ONE_DAY = 86400


class JobState(Enum):
    """What a job's status means for its step."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class JobKind(Struct, frozen=True):
    """What makes one kind of AWS job different, as data that a trigger's arguments can carry.

    ``create``, ``describe`` and ``stop`` are names of API operations; ``name_field`` is the request's field for the
    generated name (of at most ``name_limit`` characters) and ``describe_field`` the one by which Describe and Stop
    are asked. ``status_field`` is None for what is done when the Create call returns; ``usually_done`` marks what can
    be looked at once before it is waited for. ``role_field`` takes the pipeline's role where the Arguments give none.
    ``variable`` is the ``Execution.<variable>`` that holds the name. ``asked_with`` is what Describe and Stop want
    beside the name, or in its place (``describe_field`` in it), and ``stopped_with`` the Stop request where it is
    another one. The fields of a Describe response may be dotted paths into it; ``result_field`` is its member that
    is the job, where that is not the response. ``tags_field`` is the member of the Create request that takes tags, as a
    list of Key and Value or as a map; ``joins`` are its members that attach the job to an experiment or to MLflow.

    ``limit_fields`` are those members of a Describe response that may hold the seconds after which AWS ends the job,
    ``default_limit`` what holds without one, and ``started_field`` the time from which they count, else CreationTime.
    """

    noun: str
    create: str
    describe: str
    stop: str | None
    name_field: str
    describe_field: str
    arn_field: str
    status_field: str | None
    succeeded: tuple[str, ...] = ("Completed",)
    failed: tuple[str, ...] = ("Failed", "Stopped")
    service: str = "sagemaker"
    name_limit: int = 63
    role_field: str | None = "RoleArn"
    reason_field: str = "FailureReason"
    variable: str | None = None
    usually_done: bool = False
    asked_with: dict[str, str] = field(default_factory=dict)
    stopped_with: dict[str, Any] = field(default_factory=dict)
    result_field: str | None = None
    limit_fields: tuple[str, ...] = ()
    default_limit: int | None = None
    started_field: str | None = None
    tags_field: str | None = "Tags"
    tags_are_a_map: bool = False
    joins: tuple[str, ...] = ()

    def bound(self, asked_with: dict[str, str] | None = None, stopped_with: dict[str, Any] | None = None) -> JobKind:
        """The kind for a job that is asked for, or stopped, by what AWS has named."""
        return replace(
            self,
            asked_with=self.asked_with if asked_with is None else asked_with,
            stopped_with=self.stopped_with if stopped_with is None else stopped_with,
        )

    def asked_by(self, name: str) -> dict[str, str]:
        """The request by which Describe and Stop are asked about a job."""
        return {self.describe_field: name, **self.asked_with}

    def stopped_by(self, name: str) -> dict[str, Any]:
        """The request by which a job is stopped."""
        return self.stopped_with or self.asked_by(name)

    def to_json(self) -> dict[str, Any]:
        members = asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in members.items()}

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> JobKind:
        arguments: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in members.items()
        }
        return cls(**arguments)

    def state_of(self, described: Mapping[str, Any]) -> JobState:
        """What a Describe response says; a status that is in no list is still running."""
        if self.status_field is None:
            return JobState.SUCCEEDED
        status = member_at(described, self.status_field)
        if status in self.succeeded:
            return JobState.SUCCEEDED
        return JobState.FAILED if status in self.failed else JobState.RUNNING

    def status_of(self, described: Mapping[str, Any]) -> str:
        return str(member_at(described, self.status_field) or "") if self.status_field else "created"
