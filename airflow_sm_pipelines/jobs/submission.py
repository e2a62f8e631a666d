"""The beginning of a job: one try makes its Create call, or finds the job that an earlier try has left.

Whatever dies in between, a later try finds the job by its name, or through the idempotency token of the call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from airflow_sm_pipelines.aws.calls import is_existing
from airflow_sm_pipelines.aws.failures import ExceptionType, StepFailure, is_lost
from airflow_sm_pipelines.jobs.admission import Pause
from airflow_sm_pipelines.jobs.enrich_request import without_unreachable_experiment
from airflow_sm_pipelines.jobs.unanswered import until_answered

if TYPE_CHECKING:
    from airflow_sm_pipelines.jobs.admission import Admission
    from airflow_sm_pipelines.jobs.job_run import StepJobRun
    from airflow_sm_pipelines.jobs.job_stopper import JobStopper


class JobSubmission:
    """Submits or adopts the job of one try.

    :param stopper: told what may be running, so that a kill finds it
    :param admission: when the Create call may be made
    """

    def __init__(self, run: StepJobRun, stopper: JobStopper, admission: Admission) -> None:
        self._run = run
        self._adapter = run.adapter
        self._stopper = stopper
        self.admission = admission

    def adopt(self) -> dict[str, Any] | None:
        """Find the job of an earlier try by the name on record, and go on with it; None where there is no such job."""
        run = self._run
        described = self._find()
        if described is not None:
            run.log.info("Going on with the %s %s of an earlier try", run.kind.noun, run.record.job_name)
            if run.record.definition_digest != run.pipeline.digest and self._adapter.adopts_as_submitted:
                run.log.warning("The definition has changed since: the job is waited for as it was submitted")
            run.save()
            for observer in run.observers:
                observer.job_adopted(run)
        return described

    def submit(self) -> dict[str, Any] | Pause | None:
        """Create the job when that is admitted, again where AWS has throttled the call.

        :return: the pause, where the call is to be made later; the job's description, where the call had no answer and
            the job was found; None after an answer
        :raises StepFailure: where AWS has refused the call
        """
        run, adapter = self._run, self._adapter
        # Before anything is on record: who is killed in a pause leaves nothing to be looked for.
        if (pause := self.admission.admit(adapter.create_call)) is not None:
            return pause
        adapter.prepare()
        run.request = without_unreachable_experiment(run, run.request)
        # The submission is on record before the call: whatever dies from here on, the job can be found.
        run.save()
        while True:
            try:
                described = self._submit_once()
                break
            except StepFailure as failure:
                if failure.exception_type is not ExceptionType.THROTTLING or failure.outcome_unknown:
                    raise
                # The attempt stays on record under its name: nothing has come of the call, and it is made again.
                if (pause := self.admission.throttled(adapter.create_call, failure)) is not None:
                    return pause
        for observer in run.observers:
            observer.job_begun(run)
        return described

    def _submit_once(self) -> dict[str, Any] | None:
        run, name = self._run, self._run.record.job_name
        self._stopper.in_flight = name
        problem = f"{run.kind.service}:{self._adapter.create_call} for {name} got no answer"
        try:
            described = until_answered(run, problem, self._adapter.create, self._find)
        except (ClientError, BotoCoreError) as error:
            taken = isinstance(error, ClientError) and is_existing(error)
            if not (taken and self._adapter.taken_name_is_own):
                if not taken and not is_lost(error) and self._adapter.leftover() is None:
                    # Nothing has come of the call: a kill from here on finds nothing to stop.
                    self._stopper.in_flight = None
                raise self._adapter.refusal(error) from error
            run.log.info("The %s %s exists: the reply to an earlier call was lost", run.kind.noun, name)
        else:
            self.admission.taken(self._adapter.create_call)
            if described is not None:
                run.log.info("The %s %s is there: only the answer was lost", run.kind.noun, run.record.job_name)
                run.save()
                return described
            message = "Created the %s %s (attempt %d)"
            run.log.info(message, run.kind.noun, run.record.job_name, run.record.attempt)
            if run.was_killed:
                # The kill came while the call was under way, and found no job to stop.
                self._stopper.stop()
                run.check_alive()
        run.retry_transient(f"the {run.kind.noun} {name} could not be looked for", self._adapter.confirm)
        return None

    def _find(self) -> dict[str, Any] | None:
        problem = f"the {self._run.kind.noun} {self._run.record.job_name} could not be looked for"
        return self._run.retry_transient(problem, self._adapter.find)
