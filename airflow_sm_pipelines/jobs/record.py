"""The write-ahead record of a step: what a later try must know of the jobs of earlier ones.

It is kept in Airflow's ``task_state_store`` under one key and written before the call that creates a job, so that
whatever dies, no attempt has two jobs (invariant 4 of docs/architecture.md). Every change of a record is a method in
here; no other module writes a phase or a counter.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from airflow_sm_pipelines.expressions.identity import new_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.expressions.stringify import Json

STORE_KEY = "sagemaker_job"
# The names under which some fields are stored: those that earlier versions read and write.
STORED_AS = {"active_try": "open_try", "lost_tries": "worker_deaths", "stop_target": "job"}


class Phase(Enum):
    """How far the current attempt is known to have come. The values are what is stored."""

    SUBMITTING = "intended"
    """The job's name is recorded; its Create call may or may not have been made."""
    FAILED = "failed"
    """The attempt ended in failure; once the retry policies have granted another one, that takes a new name."""
    CLOSED = "delivered"
    """The step ended: it succeeded. Earlier versions wrote this of a step that failed for good, too."""


class TryFacts(msgspec.Struct, frozen=True):
    """What a try knows of itself before it has read any record. ``now`` is in epoch seconds."""

    definition_digest: str
    max_tries: int
    try_number: int
    now: float


class StepRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename=STORED_AS):
    """One step of one Dag run, from its first try (or the user's clear) on.

    ``token`` is random and new for each attempt. ``started_at`` and ``evaluated_at`` are epoch seconds: of the first
    try, and of the moment at which the current request was resolved. ``max_tries`` is the task instance's: Airflow
    raises it when a user clears the task, which tells a clear from a retry. So a closed record under an unchanged
    ``max_tries`` is that of a try that died before Airflow heard of its end.

    ``active_try`` is the number of a try whose outcome is not recorded; a failed try stays active until the retry
    policies have run. ``failures`` counts the failed attempts, ``lost_tries`` the tries that ended without reporting
    a result, and ``policy_retries`` the retries that each retry policy has granted, by its position.

    ``submitted`` is set by steps for which the name does not say it: AWS has answered the attempt's call.
    ``identifiers`` are what AWS itself named of the current attempt, where it takes no name of ours.
    ``cache_attributes`` are the digests under which the attempt's result is kept for reuse, None where it is not.
    ``stop_target`` is how the attempt's job is stopped without the step's Dag
    (:mod:`airflow_sm_pipelines.step_types.stop_target`). ``given_up`` marks the last attempt of a step that failed for
    good; the job of one that was submitted may still run.
    """

    token: str
    definition_digest: str
    max_tries: int
    started_at: float
    evaluated_at: float
    active_try: int | None
    job_name: str = ""
    phase: Phase = Phase.SUBMITTING
    failures: int = 0
    lost_tries: int = 0
    policy_retries: dict[str, int] = {}
    submitted: bool = False
    identifiers: dict[str, str] = {}
    cache_attributes: dict[str, str] | None = None
    stop_target: dict[str, Any] = {}
    given_up: bool = False

    @property
    def attempt(self) -> int:
        """The number of the current attempt, from 1."""
        return self.failures + 1

    @property
    def is_closed(self) -> bool:
        """Whether no try was to follow."""
        return self.phase is Phase.CLOSED or self.given_up

    @property
    def may_have_job(self) -> bool:
        """Whether a job of this attempt may be running."""
        return self.phase is Phase.SUBMITTING and bool(self.job_name)

    # The beginning of a try ---------------------------------------------------------------------------------

    @classmethod
    def begin(cls, stored: StepRecord | None, facts: TryFacts) -> StepRecord:
        """The record with which a try goes on: the stored one, its next attempt, or a new one.

        A deferred try that comes back has its own number in ``active_try`` and goes on as it was. A failed attempt
        whose try is still active is one that the retry policies have not been asked about: it is looked at again,
        under its name.
        """
        if stored is not None and stored.active_try == facts.try_number and stored.phase is not Phase.FAILED:
            return stored
        if stored is None or stored.was_cleared(facts):
            return cls(
                token=new_token(),
                definition_digest=facts.definition_digest,
                max_tries=facts.max_tries,
                started_at=facts.now,
                evaluated_at=facts.now,
                active_try=facts.try_number,
            )
        if stored.phase is Phase.FAILED and stored.active_try is None and not stored.given_up:
            return stored._next_attempt(facts)
        lost = stored.is_closed or stored.active_try not in (None, facts.try_number)
        return replace(stored.reopened(), active_try=facts.try_number, lost_tries=stored.lost_tries + lost)

    def was_cleared(self, facts: TryFacts) -> bool:
        """Whether a user has cleared the task since this record was written."""
        # The definition's digest guards against a clear under an edited definition whose retries make up for the raise.
        edited = self.definition_digest != facts.definition_digest
        return self.max_tries != facts.max_tries or (self.is_closed and edited)

    def _next_attempt(self, facts: TryFacts) -> StepRecord:
        return replace(
            self,
            phase=Phase.SUBMITTING,
            job_name="",
            submitted=False,
            identifiers={},
            stop_target={},
            token=new_token(),
            evaluated_at=facts.now,
            active_try=facts.try_number,
            definition_digest=facts.definition_digest,
        )

    # The submission of a job --------------------------------------------------------------------------------

    def named(self, job_name: str) -> StepRecord:
        """The attempt under the name of its job, or under what AWS calls it."""
        return replace(self, job_name=job_name)

    def identified(self, identifiers: Mapping[str, str]) -> StepRecord:
        """With what AWS itself has named of the attempt, besides what is known of it."""
        return replace(self, identifiers={**self.identifiers, **identifiers})

    def cached_under(self, attributes: dict[str, str] | None) -> StepRecord:
        """With the digests under which the result is kept for reuse; None where it is not to be."""
        return replace(self, cache_attributes=attributes)

    def accepted(self) -> StepRecord:
        """AWS has answered the attempt's call."""
        return replace(self, submitted=True)

    def stoppable_by(self, stop_target: dict[str, Any]) -> StepRecord:
        """With the way to stop its job without the step; there is none where no job may be running."""
        return replace(self, stop_target=stop_target if self.may_have_job else {})

    # The end of a try ---------------------------------------------------------------------------------------

    def failed(self, try_number: int) -> StepRecord:
        """The attempt failed; the try stays active until the retry policies have run."""
        return replace(self, active_try=try_number, phase=Phase.FAILED, failures=self.failures + 1, stop_target={})

    def outcome_unknown(self, try_number: int) -> StepRecord:
        """The try failed, and its job may be running: a later try looks for it."""
        return replace(self, active_try=try_number)

    def closed(self) -> StepRecord:
        """The step ended, and none of its jobs is running: a try that finds this was started by a user's clear."""
        return replace(self, active_try=None, phase=Phase.CLOSED, stop_target={})

    def interrupted(self) -> StepRecord:
        """The try ended by an orderly shutdown of its worker, which does not count as a lost try."""
        return replace(self, active_try=None)

    # The answer of the retry policies -----------------------------------------------------------------------

    def retried_by(self, position: int) -> StepRecord:
        """A retry policy has granted one more attempt; ``position`` is the policy's among those of the step."""
        used = self.policy_retries.get(str(position), 0)
        return replace(self, active_try=None, policy_retries={**self.policy_retries, str(position): used + 1})

    def failed_for_good(self) -> StepRecord:
        """No policy grants another attempt. Whether the attempt has ended stays on record: for a sweep that looks for
        its job, and for a later try, should this one die before it reports.
        """
        return replace(self, given_up=True, active_try=None)

    def try_lost(self) -> StepRecord:
        """The try ended by no failure of the step, so the next one looks at the attempt again."""
        return replace(self.reopened(), lost_tries=self.lost_tries + 1, active_try=None)

    def reopened(self) -> StepRecord:
        """The attempt as it was before its end was put on record: for a later try that looks at it once more."""
        undone = self.phase is Phase.FAILED
        return replace(self, phase=Phase.SUBMITTING, failures=self.failures - undone, given_up=False)

    # The stored form ----------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Json]:
        stored: dict[str, Json] = msgspec.to_builtins(self)
        return stored

    @classmethod
    def from_json(cls, stored: Json) -> StepRecord:
        """Read a stored record.

        :raises TypeError: for one that another version wrote and this one cannot read
        """
        try:
            return msgspec.convert(stored, cls)
        except msgspec.ValidationError as error:
            raise TypeError(f"the step's record cannot be read: {error}") from None
