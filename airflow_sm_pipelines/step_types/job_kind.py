"""What makes one kind of AWS job different from another, as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, cast

import msgspec
from msgspec import field
from msgspec.structs import replace

from airflow_sm_pipelines.step_types.member_paths import member_at

ONE_DAY = 86400
STOPPED = frozenset({"stopped", "cancelled"})


class JobState(Enum):
    """What a job's status means for its step."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


# The names under which some fields are stored with a trigger: those that earlier versions read and write.
STORED_AS = {"describe_params": "asked_with", "stop_params": "stopped_with", "linkable_configs": "joins"}


class JobKind(msgspec.Struct, frozen=True, rename=STORED_AS):
    """What makes one kind of AWS job different, as data that a trigger's arguments can carry.

    ``noun`` is what messages call such a job, ``service`` its client of boto3. ``create``, ``describe`` and ``stop``
    are names of API operations. ``arn_field`` is where a Describe response has the ARN. ``name_field`` is the
    request's field for the generated name (of at most ``name_limit`` characters), and ``describe_field`` the one by
    which Describe and Stop are asked. ``succeeded`` and ``failed`` are the last states that ``status_field`` has, and
    ``reason_field`` says why it failed. ``status_field`` is None for what is done when the Create call returns;
    ``usually_done`` marks what can be looked at once before it is waited for. ``role_field`` takes the pipeline's role
    where the Arguments give none. ``variable`` is the ``Execution.<variable>`` that holds the name. ``describe_params``
    is what Describe and Stop want beside the name, or in its place (``describe_field`` in it), and ``stop_params`` the
    Stop request where it is another one. The fields of a Describe response may be dotted paths into it;
    ``result_field`` is its member that is the job, where that is not the response. ``tags_field`` is the member of the
    Create request that takes tags, as a list of Key and Value or, with ``tags_are_a_map``, as a map.
    ``linkable_configs`` are its members that attach the job to an experiment or to MLflow.

    ``limit_fields`` are those members of a Describe response that may hold the seconds after which AWS ends the job.
    ``default_limit`` holds where none does. ``started_field`` is the time from which they count, else CreationTime.
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
    describe_params: dict[str, str] = field(default_factory=dict)
    stop_params: dict[str, Any] = field(default_factory=dict)
    result_field: str | None = None
    limit_fields: tuple[str, ...] = ()
    default_limit: int | None = None
    started_field: str | None = None
    tags_field: str | None = "Tags"
    tags_are_a_map: bool = False
    linkable_configs: tuple[str, ...] = ()

    def bound(
        self, describe_params: dict[str, str] | None = None, stop_params: dict[str, Any] | None = None
    ) -> JobKind:
        """The kind for a job that is asked for, or stopped, by what AWS has named."""
        return replace(
            self,
            describe_params=self.describe_params if describe_params is None else describe_params,
            stop_params=self.stop_params if stop_params is None else stop_params,
        )

    def asked_by(self, name: str) -> dict[str, str]:
        """The request by which Describe and Stop are asked about a job."""
        return {self.describe_field: name, **self.describe_params}

    def stopped_by(self, name: str) -> dict[str, Any]:
        """The request by which a job is stopped."""
        return self.stop_params or self.asked_by(name)

    def to_json(self) -> dict[str, Any]:
        return cast("dict[str, Any]", msgspec.json.decode(msgspec.json.encode(self)))

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> JobKind:
        return msgspec.convert(members, cls)

    def state_of(self, described: Mapping[str, Any]) -> JobState:
        """What a Describe response says; a status that is in no list is still running."""
        if self.status_field is None:
            return JobState.SUCCEEDED
        status = member_at(described, self.status_field)
        if status in self.succeeded:
            return JobState.SUCCEEDED
        return JobState.FAILED if status in self.failed else JobState.RUNNING

    def was_stopped(self, described: Mapping[str, Any]) -> bool:
        """Whether AWS says of a job that has ended that it was stopped; EMR calls that cancelled."""
        return self.status_of(described).casefold() in STOPPED

    def status_of(self, described: Mapping[str, Any]) -> str:
        return str(member_at(described, self.status_field) or "") if self.status_field else "created"
