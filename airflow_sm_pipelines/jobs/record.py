"""The write-ahead record of a step: what a later try must know of the jobs of earlier ones.

It is kept in Airflow's ``task_state_store`` under one key and written before the call that creates a job, so that
whatever dies, no attempt has two jobs (invariant 4 of the design).
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from airflow_sm_pipelines.jobs.identity import new_token

if TYPE_CHECKING:
    from airflow_sm_pipelines.expressions.stringify import Json

STORE_KEY = "sagemaker_job"


class Phase(Enum):
    """How far the current attempt is known to have come."""

    INTENDED = "intended"
    """The job's name is recorded; its Create call may or may not have been made."""
    FAILED = "failed"
    """The attempt ended in failure; once the retry policies have granted another one, that takes a new name."""
    DELIVERED = "delivered"
    """The step ended: it succeeded, failed for good, or was killed."""


class StepRecord(Struct, frozen=True):
    """One step of one Dag run, from its first try (or the user's clear) on.

    ``failures`` counts the failed attempts, ``policy_retries`` the retries that each retry policy has granted (by
    its position), ``worker_deaths`` the tries that ended without a word; ``open_try`` is the number of the try that
    has not yet said how it ended: that of a failed one goes on until its retry policies have decided.
    ``started_at`` and ``evaluated_at`` are
    epoch seconds: of the first try, and of the moment at which the current request was resolved. ``max_tries`` is
    the task instance's: Airflow raises it when a user clears the task, which tells a clear from a retry. So a
    delivered record under an unchanged ``max_tries`` is that of a try that died before Airflow heard of its end.
    ``submitted`` is set by steps for which the name does not tell: AWS has answered the attempt's call.
    ``identifiers`` are what AWS itself named of the current attempt, where it takes no name of ours.
    ``cache_attributes`` are the digests under which the attempt's result is kept for reuse, None where it is not.
    ``job`` is how the attempt's job is reached without the step's Dag, by whoever has to stop it then.
    ``given_up`` marks the intended attempt of a step that failed for good, whose job may run on.
    """

    token: str
    definition_digest: str
    max_tries: int
    started_at: float
    evaluated_at: float
    open_try: int | None
    job_name: str = ""
    phase: Phase = Phase.INTENDED
    failures: int = 0
    worker_deaths: int = 0
    policy_retries: dict[str, int] = field(default_factory=dict)
    submitted: bool = False
    identifiers: dict[str, str] = field(default_factory=dict)
    cache_attributes: dict[str, str] | None = None
    job: dict[str, Any] = field(default_factory=dict)
    given_up: bool = False

    @property
    def attempt(self) -> int:
        """The number of the current attempt, from 1."""
        return self.failures + 1

    @property
    def is_closed(self) -> bool:
        """Whether no try was to follow."""
        return self.phase is Phase.DELIVERED or self.given_up

    def closed(self) -> StepRecord:
        """The record of a step that failed for good. Where its attempt may not have ended, it stays to be looked at."""
        if self.phase is Phase.INTENDED:
            return replace(self, given_up=True, open_try=None)
        return replace(self, phase=Phase.DELIVERED, open_try=None)

    def reopened(self) -> StepRecord:
        """The attempt as it was before its end was put on record: for a later try that looks at it once more."""
        undone = self.phase is Phase.FAILED
        return replace(self, phase=Phase.INTENDED, failures=self.failures - undone, given_up=False)

    def to_json(self) -> dict[str, Json]:
        return {**asdict(self), "phase": self.phase.value}

    @classmethod
    def from_json(cls, stored: Json) -> StepRecord:
        """Read a stored record; a record that another version wrote and this one cannot read raises ``TypeError``."""
        if not isinstance(stored, dict):
            raise TypeError(f"a step's record is a JSON object, not {type(stored).__name__}")
        members = {**stored, "phase": Phase(stored["phase"])}
        return cls(**cast("dict[str, object]", members))  # type: ignore[arg-type] # checked by to_json's inverse


class TryFacts(Struct, frozen=True):
    """What a try knows of itself before it has read any record."""

    definition_digest: str
    max_tries: int
    try_number: int
    now: float


def begin_try(stored: StepRecord | None, facts: TryFacts) -> StepRecord:
    """The record with which a try goes on: the stored one, its next attempt, or a new one.

    A deferred try that comes back has its own number in ``open_try`` and goes on as it was. A failed attempt whose try
    is still open is one that the retry policies have not been asked about: it is looked at again, under its name.
    """
    if stored is not None and stored.open_try == facts.try_number and stored.phase is not Phase.FAILED:
        return stored
    if stored is None or _was_cleared(stored, facts):
        return StepRecord(
            token=new_token(),
            definition_digest=facts.definition_digest,
            max_tries=facts.max_tries,
            started_at=facts.now,
            evaluated_at=facts.now,
            open_try=facts.try_number,
        )
    if stored.phase is Phase.FAILED and stored.open_try is None:
        return replace(
            stored,
            phase=Phase.INTENDED,
            job_name="",
            submitted=False,
            identifiers={},
            job={},
            token=new_token(),
            evaluated_at=facts.now,
            open_try=facts.try_number,
            definition_digest=facts.definition_digest,
        )
    died = stored.is_closed or stored.open_try not in (None, facts.try_number)
    return replace(stored.reopened(), open_try=facts.try_number, worker_deaths=stored.worker_deaths + died)


def _was_cleared(stored: StepRecord, facts: TryFacts) -> bool:
    # The definition's digest guards against a clear under an edited definition whose retries make up for the raise.
    edited = stored.definition_digest != facts.definition_digest
    return stored.max_tries != facts.max_tries or (stored.is_closed and edited)
