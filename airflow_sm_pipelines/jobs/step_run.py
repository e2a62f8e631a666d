"""One try of a step: its record, and what it works with. It is made in the worker, and holds no Airflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from msgspec import Struct

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.expressions.end_note import END_KEY, EndNote
from airflow_sm_pipelines.jobs.clock import SYSTEM_CLOCK, Clock
from airflow_sm_pipelines.jobs.job_labels import JobLabels
from airflow_sm_pipelines.jobs.log_text import in_lines
from airflow_sm_pipelines.jobs.record import STORE_KEY, StepRecord, TryFacts
from airflow_sm_pipelines.jobs.step_secrets import StepSecrets
from airflow_sm_pipelines.observing.log_fields import bind_fields
from airflow_sm_pipelines.observing.metrics import LOST, RETRIES
from airflow_sm_pipelines.observing.spans import describe_span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_sm_pipelines.aws.access import AwsAccess
    from airflow_sm_pipelines.aws.failures import ExceptionType
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.expressions.iteration import Iteration
    from airflow_sm_pipelines.expressions.pipeline import PipelineContext
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.settings import Settings
    from airflow_sm_pipelines.step_types.adapter import Log
    from airflow_sm_pipelines.step_types.step_type import StepType


class TaskTry(Struct, frozen=True):
    """Which task it is, and which of its tries; ``map_index`` is -1 where the task is not mapped."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    try_number: int
    max_tries: int


class TaskStore(Protocol):
    """What a task keeps from one try to the next, also when a user clears it: JSON values by key."""

    def get(self, key: str) -> Any:
        """The value, or None."""

    def set(self, key: str, value: Any) -> None:
        """Keep a value."""


class TaskOutput(Protocol):
    """What a task lets others read: JSON values by key."""

    def push(self, key: str, value: Any) -> None:
        """Let them read a value from now on."""


class StepKilled(Exception):  # noqa: N818 # it is no error
    """The try was killed: nothing more is to be done, and nothing to be recorded."""


class StepTimedOut(Exception):  # noqa: N818 # it is no error
    """The task's execution_timeout is over: what it waits for is stopped."""


class LostTriesExceeded(StepFailure):
    """Too many tries were lost. What they may have begun is stopped, and stays on record until that is sure."""


class StepParts(Struct, frozen=True):
    """What a try of a step is made of, however it came to be."""

    step: Step
    step_type: StepType
    pipeline: PipelineContext
    settings: Settings
    iteration: Iteration | None
    log: Log


class StepRun:
    """One try of a step."""

    def __init__(
        self,
        task: TaskTry,
        parts: StepParts,
        *,
        aws: AwsAccess,
        store: TaskStore,
        output: TaskOutput,
        clock: Clock = SYSTEM_CLOCK,
        secrets: StepSecrets | None = None,
    ) -> None:
        self.task = task
        self.step = parts.step
        self.pipeline = parts.pipeline
        self.settings = parts.settings
        self.iteration = parts.iteration
        self.log = parts.log
        self.aws = aws
        self.store = store
        self.output = output
        self.clock = clock
        self.secrets = secrets or StepSecrets()
        self.resolution_error: StepFailure | None = None
        self.was_killed = False
        self.recorded_name = ""
        self._record: StepRecord | None = None
        self._tries_found_lost = 0

    # The record ---------------------------------------------------------------------------------------------

    def begin(self) -> StepRecord | None:
        """Take up the record. From now on lines of the log say which attempt of which step they are about.

        :return: what was on record, where a user cleared the task since and its job may still be running
        """
        stored = self.store.get(STORE_KEY)
        left = None if stored is None else StepRecord.from_json(stored)
        task = self.task
        facts = TryFacts(self.pipeline.digest, task.max_tries, task.try_number, self.clock.time())
        self._record = StepRecord.begin(left, facts)
        self.recorded_name = self._record.job_name
        if left is not None and left.token == self._record.token:
            self._tries_found_lost = self._record.lost_tries - left.lost_tries
        fields = JobLabels.of(self).fields_of_step()
        bind_fields(**fields)
        describe_span(**fields)
        return left if left is not None and left.may_have_job and left.token != self._record.token else None

    @property
    def record(self) -> StepRecord:
        if self._record is None:
            raise RuntimeError(f"the step {self.task.task_id} has not begun a try")
        return self._record

    @property
    def is_watched(self) -> bool:
        """Whether another step may run upon a failure of this one."""
        return self.name_in_graph in self.pipeline.graph.watched

    @property
    def name_in_graph(self) -> str:
        """The step's name in the definition, which the children of a ForEach step share."""
        return self.step.name if self.iteration is None else self.iteration.body

    @property
    def has_begun(self) -> bool:
        """Whether the step has begun what it is for, in this try or an earlier one of the same life."""
        return bool(self.record.job_name or self.record.failures)

    def change(self, record: StepRecord) -> None:
        """Go on with a record that is not written yet."""
        self._record = record

    def save(self, record: StepRecord | None = None) -> None:
        """Write the record, or one that takes its place."""
        self._record = self.record if record is None else record
        self._record = self._record.stoppable_by(self.stop_target_json() if self._record.may_have_job else {})
        self.store.set(STORE_KEY, self._record.to_json())
        self.recorded_name = self._record.job_name
        # No policy is asked about a try whose worker has died. Not counted in begin: a try may begin again before it
        # has written anything, after a pause.
        if self._tries_found_lost:
            RETRIES.add(exception_type=LOST)
            self._tries_found_lost = 0

    def stop_target_json(self) -> dict[str, Any]:
        """How what the attempt has begun is stopped without this step; nothing where there is no way, or no need."""
        return {}

    # The end of the try -------------------------------------------------------------------------------------

    def failure(
        self,
        message: str,
        exception_type: ExceptionType | None = None,
        *,
        outcome_unknown: bool = False,
        job_stopped: bool = False,
        notes: Sequence[str] = (),
    ) -> StepFailure:
        """A failure of the step, to be raised; ``notes`` are lines below its message."""
        # It goes to logs, XCom and listeners, and AWS's part of it may quote the request.
        below = "".join(f"\n{note}" for note in notes)
        text = self.secrets.hide(f"Step {self.step.name!r} failed: {message}{below}")
        return StepFailure(
            text,
            exception_type,
            outcome_unknown=outcome_unknown,
            job_stopped=job_stopped,
            note_lines=below.count("\n"),
        )

    def fail(self, failure: StepFailure) -> NoReturn:
        """Record that this attempt failed, and raise the failure; the step's retry policies decide what follows.

        The try stays active on record until they have: should it die before, the next one examines the attempt again.
        """
        failure = failure.in_words(self.secrets.hide(str(failure)))
        # Do not persist a name that was never submitted: it may be someone else's job.
        record = self.record.named(self.recorded_name)
        number = self.task.try_number
        self.save(record.outcome_unknown(number) if failure.outcome_unknown else record.failed(number))
        self.report_failure(failure)
        raise failure

    def report_failure(self, failure: StepFailure) -> None:
        """Log how and why the step failed, and leave it: Airflow keeps neither, and other tasks are to show it."""
        # The reason comes first in the log, whole and by itself; Airflow's own line of the exception is one of many.
        self.log.error("%s", in_lines(self.secrets.hide(failure.headline)))
        self.output.push(END_KEY, EndNote.of(failure, self.recorded_name).to_json())

    def close(self) -> None:
        """Record that the step ended: who finds this record was cleared by a user."""
        self.save(self.record.closed())

    def record_interruption(self) -> None:
        """Record that this try ends by an orderly shutdown, so that the next one does not count it as lost."""
        if self.recorded_name and self.record.may_have_job:
            self.save(self.record.interrupted())

    # What keeps a try from going on -------------------------------------------------------------------------

    def check_alive(self) -> None:
        """:raises StepKilled: where the try was killed meanwhile"""
        if self.was_killed:
            raise StepKilled(f"Step {self.step.name!r} was killed.")

    def check_resolved(self) -> None:
        """:raises StepFailure: for what kept the request from being resolved"""
        if self.resolution_error is not None:
            raise self.resolution_error

    def check_lost_tries(self) -> None:
        """:raises LostTriesExceeded: where more tries were lost than the deployment allows"""
        lost, allowed = self.record.lost_tries, self.settings.max_lost_tries
        if lost > allowed:
            failure = LostTriesExceeded(
                f"Step {self.step.name!r} failed: {lost} tries were lost without reporting a result (their worker"
                f" died), and {allowed} may be: as retries in the Dag's default_args says, else [sagemaker_pipelines]"
                " max_lost_tries."
            )
            self.report_failure(failure)
            raise failure

    # What is kept and reported ------------------------------------------------------------------------------

    def load_state(self, key: str) -> Any:
        """What the step keeps under a key of its own beside its record, None where there is nothing."""
        return self.secrets.from_store(self.store.get(key))

    def save_state(self, key: str, value: Json) -> None:
        """Keep something beside the record."""
        self.store.set(key, self.secrets.to_store(value))

    def renew_access(self) -> None:
        """Let the calls from now on look for credentials anew: those of a long wait may have expired."""
        self.aws = self.aws.renewed()
