"""EMRServerless: a job run in an application that is there, or in one that is made for it (semantics 2.14, 14.7)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.amazon.aws.hooks.emr import EmrServerlessHook
from airflow.providers.amazon.aws.operators.emr import EmrServerlessStartJobOperator
from airflow.sdk.execution_time.context import NEVER_EXPIRE
from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import CallError, ExceptionType, StepFailure
from airflow_sm_pipelines.jobs.emr_serverless import (
    PATIENCE_SECONDS,
    OwnApplicationTrigger,
    Patience,
    await_application,
    dispose_in_worker,
    find_run,
    starts_by_itself,
)
from airflow_sm_pipelines.jobs.orphans import application_of, application_reach
from airflow_sm_pipelines.operators.job import JobStepOperator
from airflow_sm_pipelines.step_types.emr_serverless import KIND, RULES

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.jobs.console import Console
    from airflow_sm_pipelines.jobs.record import StepRecord

APPLICATION, RUN = "applicationId", "jobRunId"
CONFLICT = "ConflictException"
DEFAULT_LOG_GROUP = "/aws/emr-serverless"
RESULT_STORE_KEY = "sagemaker_emr_serverless_result"


class EmrServerlessStepOperator(JobStepOperator, EmrServerlessStartJobOperator):  # type: ignore[misc] # whose execute takes an event too
    """An EMRServerless step. Its result is the GetJobRun response.

    Its JobConfig is the StartJobRun request, and gets a generated ``name`` where it has none. Both CreateApplication
    and StartJobRun are made with the attempt's token on record, so a later try that makes them again gets the same
    application and job run.

    An application that the step makes is stopped and deleted after the attempt, however it ends; the job run goes with
    it, so its result is kept in the state store before. Where a kill leaves too little time (5 s for a running task,
    25 s in a trigger), the triggerer goes on. What cannot be guaranteed: an application that is not stopped in 5 min
    stays, as does one whose creation failed to the last try without an answer. The log says so; such an application
    stops by itself when it is idle.
    """

    kind = KIND
    provider_arguments = MappingProxyType(
        {"application_id": "", "execution_role_arn": "", "job_driver": {}, "client_request_token": "none"}
    )
    aws_hook_class = EmrServerlessHook  # type: ignore[assignment] # of the base class, whose hook is SageMaker's

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._application: dict[str, Json] = {}
        self._calling = KIND.create
        if self._owns_application:
            self.trigger_class = OwnApplicationTrigger

    @property
    def _owns_application(self) -> bool:
        return self.step.arguments.get("ApplicationConfig") is not None

    @property
    def _patience(self) -> Patience:
        return Patience(self.settings.poll_interval, PATIENCE_SECONDS)

    @override
    def _begin_try(self, context: Context) -> None:
        super()._begin_try(context)
        self._bind()

    def _bind(self) -> None:
        known = self.record.identifiers
        self.kind = replace(KIND, asked_with=known if RUN in known else {})

    def _note(self, context: Context, **identifiers: str) -> None:
        self.amend(identifiers={**self.record.identifiers, **identifiers})
        self._bind()
        self.save(context)

    @override
    def reach(self) -> dict[str, Json]:
        known = self.record.identifiers
        if self._owns_application:
            return application_reach(super().reach(), known[APPLICATION]) if APPLICATION in known else {}
        return super().reach() if RUN in known else {}

    @override
    def name_prefix(self) -> Value:
        return None

    @override
    def resolve(self, context: Context, scope: TaskScope) -> Json:
        request = super().resolve(context, scope)
        return {"CreateApplication": self._application, "StartJobRun": request} if self._application else request

    @override
    def complete_request(self, request: dict[str, Json]) -> dict[str, Json]:
        for path, fault in RULES.broken(request):
            raise StepFailure(f"Step {self.task_id!r} failed: {path} in its Arguments {fault}.")
        job, application = request["JobConfig"], request.get("ApplicationConfig", {})
        if not isinstance(job, dict) or not isinstance(application, dict):
            said = "JobConfig and ApplicationConfig are objects"
            raise StepFailure(f"Step {self.task_id!r} failed: in its Arguments {said}.")
        named = {"name": self.record.job_name}
        if self._owns_application:
            self._application = {**named, **application, "clientToken": self.record.token}
        completed = {**named, **job, "clientToken": self.record.token}
        if (role := request.get("ExecutionRoleArn", self.pipeline.role_arn)) is not None:
            completed.setdefault("executionRoleArn", role)
        completed.pop(APPLICATION, None)
        return completed if self._owns_application else {APPLICATION: request["ApplicationId"], **completed}

    @override
    def _left_by_earlier_try(self, context: Context, client: Any) -> dict[str, Any] | None:
        stored: Any = context["task_state_store"].get(RESULT_STORE_KEY)
        if isinstance(stored, dict) and stored["token"] == self.record.token:
            self.log.info("An earlier try has the result of the job run %s: it is taken", self.record.job_name)
            return dict(stored["result"])
        if RUN not in self.record.identifiers:
            # The calls are made again with the token on record: what they made before, they give again.
            return None
        described = super()._left_by_earlier_try(context, client)
        if described is None:
            said = f"the job run {self.record.job_name} of an earlier try is gone"
            self.fail_attempt(context, StepFailure(f"Step {self.task_id!r} failed: {said}."))
        return described

    @override
    def create(self, context: Context, client: Any) -> None:
        try:
            if self._owns_application:
                self._create_application(context, client)
                self.config = {APPLICATION: self.record.identifiers[APPLICATION], **self.config}
            self._calling = KIND.create
            started = client.start_job_run(**self.config)
        except ClientError as error:
            if CallError.of(error).code != CONFLICT:
                raise
            # The Arguments are no longer those that the token was first used with.
            said = f"{self._call_failed} {CallError.of(error)}. An earlier try made it as the definition was then"
            self.fail_attempt(context, StepFailure(f"{said}: look for {self.record.job_name} in EMR Serverless."))
        self._note(context, **{APPLICATION: started[APPLICATION], RUN: started[RUN]})
        self.log.info("The job run is %s in the application %s", started[RUN], started[APPLICATION])

    def _create_application(self, context: Context, client: Any) -> None:
        application = self.record.identifiers.get(APPLICATION)
        if application is None:
            self._calling = "CreateApplication"
            application = str(client.create_application(**self._application)[APPLICATION])
            self._note(context, **{APPLICATION: application})
            self.log.info("Created the application %s", application)
        try:
            await_application(client, application, ("CREATING",), self._patience)
            if not starts_by_itself(self._application):
                self._calling = "StartApplication"
                client.start_application(applicationId=application)
                await_application(client, application, ("CREATED", "STOPPED", "STARTING"), self._patience)
        except TimeoutError as error:
            self.fail_attempt(
                context, StepFailure(f"Step {self.task_id!r} failed: {error}.", ExceptionType.SERVICE_FAULT)
            )

    @property
    @override
    def _call_failed(self) -> str:
        return f"Step {self.task_id!r} failed: {KIND.service}:{self._calling} was refused."

    @override
    def log_address(self, console: Console) -> str | None:
        overrides: Any = self.config.get("configurationOverrides") or {}
        kept = overrides.get("monitoringConfiguration") or {}
        known = self.record.identifiers
        run = f"applications/{known.get(APPLICATION)}/jobs/{known.get(RUN)}"
        if (watch := kept.get("cloudWatchLoggingConfiguration") or {}).get("enabled"):
            prefix = str(watch.get("logStreamNamePrefix") or "").rstrip("/")
            return console.log(watch.get("logGroupName") or DEFAULT_LOG_GROUP, f"{prefix}/{run}")
        folder = str((kept.get("s3MonitoringConfiguration") or {}).get("logUri") or "").rstrip("/")
        return console.s3_folder(f"{folder}/{run}") if folder else None

    # The end ------------------------------------------------------------------------------------------------

    @override
    def _end(self, context: Context, described: dict[str, Any]) -> Any:
        result = super()._end(context, described)
        if self._owns_application:
            entry = {"token": self.record.token, "result": result}
            context["task_state_store"].set(RESULT_STORE_KEY, entry, retention=NEVER_EXPIRE)
            self._dispose()
        return result

    @override
    def fail_attempt(self, context: Context, failure: StepFailure) -> NoReturn:
        # What has no type is not retried: then nobody comes back for the application.
        if not failure.outcome_unknown or failure.exception_type is None:
            self._dispose()
        super().fail_attempt(context, failure)

    @override
    def stop_left_behind(self, left: StepRecord) -> None:
        application = application_of(left.job)
        if application is None:
            super().stop_left_behind(left)
        else:
            dispose_in_worker(self.access, application, self._patience)

    def _dispose(self) -> None:
        application = self.record.identifiers.get(APPLICATION)
        if self._owns_application and application is not None:
            dispose_in_worker(self.access, application, self._patience)

    @override
    def _stop_job(self) -> None:
        if self._job_in_flight is None:
            return
        if self._owns_application:
            self._dispose()
            return
        if RUN not in self.record.identifiers:
            self._look_for_run()
        if RUN in self.record.identifiers:
            super()._stop_job()
        else:
            self.log.warning("Whether the job run %s was started is not known", self._job_in_flight)

    def _look_for_run(self) -> None:
        """Find the run whose start a kill or time-out has interrupted, if it bears the generated name."""
        application, name = str(self.config.get(APPLICATION)), self.record.job_name
        if self.config.get("name") != name:
            return
        try:
            run = find_run(self.access.client(KIND.service), application, name)
        except (ClientError, BotoCoreError) as error:
            self.log.warning("EMR Serverless could not be asked for the job run %s: %s", name, CallError.of(error))
        else:
            if run is not None:
                self.amend(identifiers={APPLICATION: application, RUN: run})
                self._bind()
