"""The life of a job, once for all step types that run one: begin a try, submit or adopt, wait, finish, stop.

It holds no Airflow. What differs by step type is asked of the run's
:class:`~airflow_sm_pipelines.step_types.adapter.JobAdapter`; links, logs, lineage and assets follow what happens
(:mod:`airflow_sm_pipelines.jobs.observers`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NoReturn

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct
from typing_extensions import override

from airflow_sm_pipelines.aws.calls import is_existing
from airflow_sm_pipelines.aws.failures import ExceptionType, JobUnreachable, StepFailure, is_lost
from airflow_sm_pipelines.expressions.scope import JOB_KEY, RESULT_KEY
from airflow_sm_pipelines.expressions.values import resolve_object
from airflow_sm_pipelines.jobs.admission import Admission, Pause
from airflow_sm_pipelines.jobs.enrich_request import enrich_request, without_unreachable_experiment
from airflow_sm_pipelines.jobs.job import in_form_of_result
from airflow_sm_pipelines.jobs.job_end import failure_of_job, job_facts
from airflow_sm_pipelines.jobs.job_stopper import JobStopper
from airflow_sm_pipelines.jobs.kill_verdict import Awaited
from airflow_sm_pipelines.jobs.log_text import in_lines
from airflow_sm_pipelines.jobs.naming import name_job
from airflow_sm_pipelines.jobs.observers import JobEnd
from airflow_sm_pipelines.jobs.poll_schedule import PollPace
from airflow_sm_pipelines.jobs.step_lifecycle import Finished, StepLifecycle
from airflow_sm_pipelines.jobs.step_run import StepKilled, StepTimedOut
from airflow_sm_pipelines.jobs.success_line import success_line
from airflow_sm_pipelines.jobs.unanswered import until_answered
from airflow_sm_pipelines.jobs.waiting import WaitBounds, WaitEnd, end_of, wait_for_job
from airflow_sm_pipelines.jobs.xcom_bound import bound_of
from airflow_sm_pipelines.step_types.adapter import JobAdapter
from airflow_sm_pipelines.step_types.job_kind import JobKind, JobState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from airflow_sm_pipelines.expressions.stringify import Json
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
        to_result: Callable[[Mapping[str, Any]], dict[str, Json]],
        time_limit: timedelta | None = None,
        admission: Admission | None = None,
    ) -> None:
        self.run = run
        self.adapter = run.adapter
        self._cache = cache
        self._to_result = to_result
        self._time_limit = time_limit
        self.admission = admission or Admission.of_job(run)
        self._cache_attributes: dict[str, str] | None = None
        self.result: dict[str, Json] | None = None
        """The result of a job that this try has seen succeed."""
        self._stopper = JobStopper(run)
        self._end_reported = False

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
        run, adapter = self.run, self.adapter
        with self.recording_failures():
            run.check_alive()
            described = self._adopt() if run.record.job_name and not run.name_is_new else None
            if described is None or run.kind.state_of(described) is JobState.RUNNING:
                # A job that has ended has its result taken, however many tries it took.
                run.check_lost_tries()
            if described is None:
                run.check_resolved()
                run.change(run.record.cached_under(self._cache_attributes))
                if run.name_is_new and not run.record.failures and (found := self._cached()) is not None:
                    return Finished(self._reuse(found))
                # Before anything is on record: who is killed in a pause leaves nothing to be looked for.
                if (pause := self.admission.admit(adapter.create_call)) is not None:
                    return pause
                adapter.prepare()
                run.request = without_unreachable_experiment(run, run.request)
                # The submission is on record before the call: whatever dies from here on, the job can be found.
                run.save()
                submitted = self._submit()
                if isinstance(submitted, Pause):
                    return submitted
                described = submitted
                for observer in run.observers:
                    observer.job_begun(run)
            return self._wait_or_end(described)

    def _adopt(self) -> dict[str, Any] | None:
        run = self.run
        described = self._find()
        if described is not None:
            run.log.info("Going on with the %s %s of an earlier try", run.kind.noun, run.record.job_name)
            if run.record.definition_digest != run.pipeline.digest and self.adapter.adopts_as_submitted:
                run.log.warning("The definition has changed since: the job is waited for as it was submitted")
            run.save()
            for observer in run.observers:
                observer.job_adopted(run)
        return described

    def _find(self) -> dict[str, Any] | None:
        problem = f"the {self.run.kind.noun} {self.run.record.job_name} could not be looked for"
        return self.run.retry_transient(problem, self.adapter.find)

    def _submit(self) -> dict[str, Any] | Pause | None:
        """Make the Create call, again where AWS has throttled it; the job, where there was no answer and it was found
        by its name.
        """
        while True:
            try:
                return self._submit_once()
            except StepFailure as failure:
                if failure.exception_type is not ExceptionType.THROTTLING or failure.outcome_unknown:
                    raise
                # The attempt stays on record under its name: nothing has come of the call, and it is made again.
                if (pause := self.admission.throttled(self.adapter.create_call, failure)) is not None:
                    return pause

    def _submit_once(self) -> dict[str, Any] | None:
        run, name = self.run, self.run.record.job_name
        self._stopper.in_flight = name
        problem = f"{run.kind.service}:{self.adapter.create_call} for {name} got no answer"
        try:
            described = until_answered(run, problem, self._create, self._find)
        except (ClientError, BotoCoreError) as error:
            taken = isinstance(error, ClientError) and is_existing(error)
            if not (taken and self.adapter.taken_name_is_own):
                if not taken and not is_lost(error) and self.adapter.leftover() is None:
                    # Nothing has come of the call: a kill from here on finds nothing to stop.
                    self._stopper.in_flight = None
                raise self.adapter.refusal(error) from error
            run.log.info("The %s %s exists: the reply to an earlier call was lost", run.kind.noun, name)
        else:
            self.admission.taken(self.adapter.create_call)
            if described is not None:
                run.log.info("The %s %s is there: only the answer was lost", run.kind.noun, run.record.job_name)
                run.save()
                return described
            message = "Created the %s %s (attempt %d)"
            run.log.info(message, run.kind.noun, run.record.job_name, run.record.attempt)
            if run.was_killed:
                # The kill came while the call was under way, and found no job to stop.
                self.stop()
                run.check_alive()
        run.retry_transient(f"the {run.kind.noun} {name} could not be looked for", self.adapter.confirm)
        return None

    def _create(self) -> None:
        self.adapter.create()

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
            # For a step that runs upon the failure; the note that StepRun.fail leaves says that it is no success.
            left = self._to_result(self.adapter.failed_result(described))
            bound = bound_of(run, left, left)
            run.output.push(RESULT_KEY, run.secrets.publish(left, readable_again=True, bound=bound).shown)
            raise
        problem = f"the result of the {kind.noun} {run.record.job_name} could not be read"
        real = run.retry_transient(problem, lambda: self._to_result(self.adapter.result(described)))
        as_described = type(self.adapter).result is JobAdapter.result
        again = real if as_described else self._to_result(in_form_of_result(run.client(), kind, described))
        published = run.secrets.publish(real, readable_again=as_described, bound=bound_of(run, real, again))
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
