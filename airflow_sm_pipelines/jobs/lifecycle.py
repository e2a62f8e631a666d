"""The life of a job, once for all step types that run one: begin a try, submit or adopt, wait, finish, stop.

It holds no Airflow. What differs by step type is asked of the run's
:class:`~airflow_sm_pipelines.step_types.adapter.JobAdapter`; links, logs, lineage and assets follow what happens
(:mod:`airflow_sm_pipelines.jobs.observers`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NoReturn

from msgspec import Struct
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import JobUnreachable, StepFailure
from airflow_sm_pipelines.expressions.scope import JOB_KEY
from airflow_sm_pipelines.expressions.values import resolve_object
from airflow_sm_pipelines.jobs.admission import Admission, Pause
from airflow_sm_pipelines.jobs.enrich_request import enrich_request
from airflow_sm_pipelines.jobs.job_end import failure_of_job, job_facts
from airflow_sm_pipelines.jobs.job_result import leave_failed_result, publish_result
from airflow_sm_pipelines.jobs.job_stopper import JobStopper
from airflow_sm_pipelines.jobs.kill_verdict import Awaited
from airflow_sm_pipelines.jobs.log_text import in_lines
from airflow_sm_pipelines.jobs.naming import name_job
from airflow_sm_pipelines.jobs.observers import JobEnd
from airflow_sm_pipelines.jobs.poll_schedule import PollPace
from airflow_sm_pipelines.jobs.step_lifecycle import Finished, StepLifecycle
from airflow_sm_pipelines.jobs.step_run import StepKilled, StepTimedOut
from airflow_sm_pipelines.jobs.submission import JobSubmission
from airflow_sm_pipelines.jobs.success_line import success_line
from airflow_sm_pipelines.jobs.waiting import WaitBounds, WaitEnd, end_of, wait_for_job
from airflow_sm_pipelines.step_types.job_kind import JobKind, JobState

if TYPE_CHECKING:
    from datetime import timedelta

    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.jobs.job_result import ToResult
    from airflow_sm_pipelines.jobs.job_run import StepJobRun
    from airflow_sm_pipelines.jobs.observers import CachedResult, ResultCache
    from airflow_sm_pipelines.jobs.record import StepRecord

STALE_SECONDS = 60.0
"""How long AWS may answer that a job runs which somebody else has seen to have ended."""


class JobWait(Struct, frozen=True):
    """The job runs, and this is what it takes to wait for it."""

    kind: JobKind
    job_name: str
    pace: PollPace
    bounds: WaitBounds


class JobLifecycle(StepLifecycle):
    """One try of a step that runs a job.

    :param cache: the step cache
    :param to_result: makes a step's result of a Describe response
    :param time_limit: the task's execution_timeout
    :param admission: when its calls may be made; by default at once
    """

    awaited = Awaited.JOB
    run: StepJobRun

    def __init__(
        self,
        run: StepJobRun,
        *,
        cache: ResultCache,
        to_result: ToResult,
        time_limit: timedelta | None = None,
        admission: Admission | None = None,
    ) -> None:
        self.run = run
        self.adapter = run.adapter
        self._cache = cache
        self._to_result = to_result
        self._time_limit = time_limit
        self._cache_attributes: dict[str, str] | None = None
        self.result: dict[str, Json] | None = None
        """The result of a job that this try has seen succeed."""
        self._stopper = JobStopper(run)
        self._submission = JobSubmission(run, self._stopper, admission or Admission.of_job(run))
        self._end_reported = False

    @property
    def admission(self) -> Admission:
        """When the calls of this try may be made, and what it keeps over its pauses."""
        return self._submission.admission

    # The beginning ------------------------------------------------------------------------------------------

    @override
    def begun(self) -> None:
        self._stopper.in_flight = self.run.recorded_name or None

    def resolve(self) -> dict[str, Any]:
        """Resolve the request of the Create call; what the UI shows of it.

        :raises Exception: for what cannot be resolved
        """
        run, adapter = self.run, self.adapter
        adapter.resolve_settings()
        if not run.record.job_name:
            name_job(run)
        for observer in run.observers:
            observer.job_named(run)
        scope = run.scope()
        step_type = run.step_type.used_with(run.step.arguments)
        arguments = run.pipeline.roles.replaced_in(step_type, resolve_object(run.step.arguments, scope))
        for path, fault in () if run.step_type.rules is None else run.step_type.rules.broken(arguments):
            raise run.failure(f"{path} in its Arguments {fault}.")
        self._cache_attributes = self._cache.attributes(run, arguments, scope)
        for member in run.step_type.refused_by_pipelines:
            if member in arguments:
                message = "SageMaker Pipelines refuses %s in a step of type %s; it is passed on"
                run.log.warning(message, member, run.step.type)
        request = enrich_request(run, adapter.complete_request(arguments), scope, warns=run.name_is_new)
        run.request = adapter.finish_request(request)
        return adapter.shown_request(run.request)

    def submit_or_adopt(self) -> Finished | JobWait | Pause:
        """Create the job, or adopt the one that an earlier try has left; the pause, where that is to be done later."""
        run = self.run
        with self.recording_failures():
            run.check_alive()
            described = self._submission.adopt() if run.record.job_name and not run.name_is_new else None
            if described is None or run.kind.state_of(described) is JobState.RUNNING:
                # A job that has ended has its result taken, however many tries it took.
                run.check_lost_tries()
            if described is None:
                run.check_resolved()
                run.change(run.record.cached_under(self._cache_attributes))
                if run.name_is_new and not run.record.failures and (found := self._cached()) is not None:
                    return Finished(self._reuse(found))
                submitted = self._submission.submit()
                if isinstance(submitted, Pause):
                    return submitted
                described = submitted
            return self._wait_or_end(described)

    # The step cache -----------------------------------------------------------------------------------------

    def _cached(self) -> CachedResult | None:
        if self._cache_attributes is None:
            return None
        found = self._cache.lookup(self.run)
        # Who comes back from a turn of the pace has asked before.
        if found is not None or not self.admission.held.again:
            for observer in self.run.observers:
                observer.cache_asked(self.run, hit=found is not None)
        return found

    def _reuse(self, found: CachedResult) -> dict[str, Json]:
        run, own = self.run, self.run.record.named("")
        run.output.push(JOB_KEY, {**found.job, "cache_source": found.source})
        run.secrets.republish(found.published)
        self._cache.reused(found)
        # The links of the task lead to the old job.
        run.change(own.named(str(found.job.get("job_name"))).identified(found.job.get("asked_with") or {}))
        self._job_known()
        # The record names no job: a later try, should this one die before it reports, looks at the cache again. And
        # this task has read and written nothing.
        run.request = {}
        run.save(own.closed())
        return found.published.shown

    # The waiting --------------------------------------------------------------------------------------------

    def _wait_or_end(self, described: dict[str, Any] | None) -> Finished | JobWait:
        run, kind = self.run, self.run.kind
        self._job_known()
        if run.is_watched:
            # Should the task be killed, a step that runs upon that finds the job by this.
            run.output.push(JOB_KEY, job_facts(run, described or {}))
        if described is None and (kind.usually_done or kind.status_field is None):
            described = run.describe()
        if described is not None and kind.state_of(described) is not JobState.RUNNING:
            return Finished(self._end(described))
        return self._job_wait()

    def _job_wait(self, deadline: float | None = None) -> JobWait:
        run, name = self.run, self.run.record.job_name
        self._stopper.in_flight = name
        if deadline is None and self._time_limit is not None:
            # Airflow raises in a task that runs for too long, once; a callback of the event loop may swallow that.
            deadline = run.clock.time() + self._time_limit.total_seconds()
        return JobWait(run.kind, name, run.pace, WaitBounds(deadline, run.settings.max_runtime_grace))

    def wait(self, wait: JobWait) -> dict[str, Any]:
        """Wait for the job in the worker; the step's result."""

        def polled() -> None:
            for observer in self.run.observers:
                observer.polled(self.run)

        end, seen = asyncio.run(wait_for_job(self.run.aws, wait.kind, wait.job_name, wait.pace, wait.bounds, polled))
        self.run.renew_access()
        return self._finish(end, seen)

    def resume(self, end: WaitEnd, seen: str, deadline: float | None = None) -> Finished | JobWait:
        """Go on where a trigger has waited for the job until ``deadline``. ``seen`` is what it saw last.

        What the trigger could not look at is looked at here: this process has read the connection anew.
        """
        run = self.run
        self._job_known()
        if end is WaitEnd.UNREADABLE and not run.was_killed and (described := self._look_here()) is not None:
            wait, now = self._job_wait(deadline), run.clock.time()
            found = end_of(run.kind, described, wait.bounds.max_runtime_grace, now)
            if found is None and (deadline is None or now < deadline) and not run.was_killed:
                message = "The triggerer cannot look at the %s %s (%s). This worker can: it runs, and is waited for"
                run.log.warning(message, run.kind.noun, wait.job_name, seen)
                return wait
            end, seen = found or (WaitEnd.TIMED_OUT, "")
        return Finished(self._finish(end, seen))

    def _look_here(self) -> dict[str, Any] | None:
        """The job's description; None where there is none, or AWS refuses it.

        :raises JobUnreachable: where AWS cannot say for now
        """
        with self.recording_failures():
            try:
                return self.run.describe()
            except JobUnreachable:
                raise
            except StepFailure:
                # What the trigger saw is the reason.
                return None

    def _job_known(self) -> None:
        for observer in self.run.observers:
            observer.job_known(self.run)

    def _finish(self, end: WaitEnd, seen: str) -> dict[str, Any]:
        run, noun, name = self.run, self.run.kind.noun, self.run.record.job_name
        if run.was_killed:
            raise StepKilled(f"Step {run.step.name!r} was killed, and its {noun} {self._stopper.outcome}.")
        self._stopper.in_flight = name
        if end is WaitEnd.TIMED_OUT:
            self._report_end(JobEnd.TIMED_OUT)
            what = f"Step {run.step.name!r}: the {noun} {name} {self._stopper.outcome}, as the execution_timeout of"
            reason = f"{what} {self._time_limit} is over."
            run.log.error("%s", in_lines(run.secrets.hide(reason)))
            raise StepTimedOut(run.with_notes(reason, with_log=False))
        with self.recording_failures():
            if end is WaitEnd.UNREADABLE:
                self._report_end(JobEnd.UNREADABLE)
                message = f"the {noun} {name} can no longer be looked at ({seen}). It may still be running."
                raise run.job_failure(message, outcome_unknown=True)
            if end is WaitEnd.OVERDUE:
                self._report_end(JobEnd.OVERDUE)
                # Whether it obeys the stop is not known yet.
                self.stop()
                what = f"the {noun} {name} (attempt {run.record.attempt}) exceeded the limit of its request, and"
                raise run.job_failure(f"{what} {self._stopper.outcome}: {seen}.", outcome_unknown=True)
            described = self._described_at_its_end()
            if described is None:
                self._report_end(JobEnd.UNREADABLE)
                raise run.failure(f"the {noun} {name} is gone.")
            return self._end(described)

    def _described_at_its_end(self) -> dict[str, Any] | None:
        """The description of a job that has been seen to have ended; None where it is gone.

        :raises JobUnreachable: where AWS keeps on answering this process that it runs
        """
        run, until = self.run, self.run.clock.monotonic() + STALE_SECONDS
        while True:
            described = run.describe()
            if described is None or run.kind.state_of(described) is not JobState.RUNNING:
                return described
            message = f"the {run.kind.noun} {run.record.job_name} was seen to have ended, and is shown as one that runs"
            if run.clock.monotonic() > until:
                raise JobUnreachable(f"Step {run.step.name!r}: {message}. A later try looks again.")
            run.log.warning("For now %s: it is looked at again", message)
            run.clock.sleep(run.pause)
            run.check_alive()

    # The end ------------------------------------------------------------------------------------------------

    def _end(self, described: dict[str, Any]) -> dict[str, Any]:
        run, kind = self.run, self.run.kind
        self._stopper.in_flight = None
        try:
            self.adapter.check_end(described)
            if kind.state_of(described) is JobState.FAILED:
                raise failure_of_job(run, described)
        except StepFailure:
            self._report_end(JobEnd.FAILED)
            run.output.push(JOB_KEY, job_facts(run, described))
            leave_failed_result(run, described, self._to_result)
            raise
        real, published = publish_result(run, described, self._to_result)
        result = published.shown
        job = job_facts(run, described)
        run.output.push(JOB_KEY, job)
        self._cache.store(run, job, published)
        run.close()
        self.adapter.keep_result(real)
        self._stopper.stop_leftover()
        self.result = result
        self._report_end(JobEnd.SUCCEEDED)
        for observer in run.observers:
            observer.succeeded(run, result)
        run.log.info("%s", run.secrets.hide(success_line(kind.noun, run.record.job_name, described)))
        return result

    def _report_end(self, end: JobEnd) -> None:
        # A kill may follow upon the end of the time, and a task that ends is killed too.
        if not self._end_reported:
            self._end_reported = True
            for observer in self.run.observers:
                observer.job_ended(self.run, end)

    @override
    def kill(self, *, timed_out: bool = False) -> None:
        if self._stopper.in_flight is not None:
            self._report_end(JobEnd.TIMED_OUT if timed_out else JobEnd.KILLED)
        super().kill(timed_out=timed_out)

    @override
    def fail(self, failure: StepFailure) -> NoReturn:
        """Record that this attempt failed, and raise the failure."""
        # What has no type is not retried: then nobody comes back for what was made for the job.
        if not failure.outcome_unknown or failure.exception_type is None:
            self._stopper.stop_leftover()
        self.run.fail(failure)

    @override
    def stop(self) -> None:
        self._stopper.stop()

    @override
    def stop_left_behind(self, left: StepRecord) -> None:
        self._stopper.stop_left_behind(left)
