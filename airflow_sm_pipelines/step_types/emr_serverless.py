"""EMRServerless: a job run in an application that is there, or in one that is made for it (semantics 2.14, 14.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from airflow_sm_pipelines.aws.failures import CallError, ExceptionType, StepFailure
from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.adapter import JobAdapter
from airflow_sm_pipelines.step_types.argument_rules import ArgumentRules
from airflow_sm_pipelines.step_types.console_locations import ConsoleLocations
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import (
    ApiShape,
    Guide,
    RequestPart,
    RetryTypes,
    StepType,
    Variant,
    job_calls,
)
from airflow_sm_pipelines.step_types.stop_target import ApplicationTarget

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

    from airflow_sm_pipelines.step_types.adapter import Console, JobRun
    from airflow_sm_pipelines.step_types.stop_target import StopTarget

KIND = JobKind(
    noun="EMR Serverless job run",
    create="StartJobRun",
    describe="GetJobRun",
    stop="CancelJobRun",
    name_field="name",
    describe_field="jobRunId",
    arn_field="jobRun.arn",
    status_field="jobRun.state",
    succeeded=("SUCCESS",),
    failed=("FAILED", "CANCELLED"),
    service="emr-serverless",
    tags_field="tags",
    tags_are_a_map=True,
    name_limit=64,
    role_field=None,
    reason_field="jobRun.stateDetails",
)

RULES = ArgumentRules(
    required=("JobConfig",),
    one_of=(("ApplicationId", "ApplicationConfig"),),
    forbidden=("JobConfig.clientToken", "ApplicationConfig.clientToken"),
)

GUIDE = Guide(
    "EMRServerless",
    """\
```json
{"Name": "Count", "Type": "EMRServerless", "Arguments": {
  "ApplicationId": "00abcdefghijklmn",
  "ExecutionRoleArn": "arn:aws:iam::123456789012:role/Spark",
  "JobConfig": {"jobDriver": {"sparkSubmit": {"entryPoint": "s3://bucket/count.py"}}}}}
```

```text
Count  EmrServerlessStepOperator
```

The task calls `StartJobRun` for the application, and waits until the job run has ended.

**JobConfig** is the StartJobRun request as it is, in camelCase. `executionRoleArn` falls back to `ExecutionRoleArn`.
Without a `name` the run gets a generated one. A name is the very name, not a prefix.

**One run per attempt.** StartJobRun and CreateApplication carry the attempt's client token, so making them again
after a lost reply makes nothing twice. When the definition is edited between such calls, EMR Serverless refuses the
second one. The step then fails and names what to look for.

**ApplicationId**: the application is neither started nor stopped. By its own default it starts for a job run.

**ApplicationConfig** is the CreateApplication request. The step waits until the application is there, and starts it
where its `autoStartConfiguration` is off. In the end, whatever the end is, the step cancels what runs in the
application, stops it and deletes it. Its job runs are deleted with it: the result is in XCom, the logs are where
`monitoringConfiguration` puts them.

**Time to stop.** Stopping takes time that the end of a task does not always have:

| the task | time |
|---|---|
| is killed while it runs | 5 s |
| is killed while it is deferred | 25 s (Airflow's `[triggerer] on_kill_timeout` is 30 s) |
| ends otherwise | 5 min |

Where that was not enough, or no process was there to do it, the triggerer goes on, one step at each of its looks
(`orphan_jobs_interval`). For a task that was cleared, the next try does it before it begins (up to 5 min).

An application that cannot be stopped in these ways is named in the log. It stops by itself when idle (15 min, unless
its `autoStopConfiguration` says otherwise), and costs nothing then. Delete it by hand, and also one whose
CreateApplication got no answer up to the last retry.

**Result.** The GetJobRun response: `Steps.X.jobRun.…`. `properties` whose names are those of secrets are masked in
XCom like those of an EMR step.
""",
)


APPLICATION, RUN = "applicationId", "jobRunId"
CONFLICT = "ConflictException"
DEFAULT_LOG_GROUP = "/aws/emr-serverless"
RESULT_STORE_KEY = "sagemaker_emr_serverless_result"
MAX_START_SECONDS = 300.0
MAX_PAUSE_SECONDS = 5.0


class EmrServerlessAdapter(JobAdapter):
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

    # The token makes a repeated call harmless: what AWS still refuses is another request under the same token.
    taken_name_is_own = False

    def __init__(self, run: JobRun) -> None:
        super().__init__(run)
        self._application: dict[str, Any] = {}
        self._calling = KIND.create

    @property
    def _owns_application(self) -> bool:
        return self.run.step.arguments.get("ApplicationConfig") is not None

    @property
    @override
    def kind(self) -> JobKind:
        known = self.run.record.identifiers
        return super().kind.bound(describe_params=dict(known) if RUN in known else {})

    @property
    @override
    def create_call(self) -> str:
        return self._calling

    @override
    def name_prefix(self) -> None:
        return None

    @override
    def complete_request(self, request: dict[str, Any]) -> dict[str, Any]:
        job, application = request["JobConfig"], request.get("ApplicationConfig", {})
        if not isinstance(job, dict) or not isinstance(application, dict):
            raise self.run.failure("in its Arguments JobConfig and ApplicationConfig are objects.")
        named, token = {"name": self.run.record.job_name}, self.run.record.token
        if self._owns_application:
            self._application = {**named, **application, "clientToken": token}
        completed = {**named, **job, "clientToken": token}
        if (role := request.get("ExecutionRoleArn", self.run.role_arn)) is not None:
            completed.setdefault("executionRoleArn", role)
        completed.pop(APPLICATION, None)
        return completed if self._owns_application else {APPLICATION: request["ApplicationId"], **completed}

    @override
    def shown_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"CreateApplication": self._application, "StartJobRun": request} if self._application else request

    @override
    def find(self) -> dict[str, Any] | None:
        stored: Any = self.run.load_state(RESULT_STORE_KEY)
        if isinstance(stored, dict) and stored["token"] == self.run.record.token:
            self.run.log.info("An earlier try has kept the result of the job run: it is taken")
            return dict(stored["result"])
        if RUN not in self.run.record.identifiers:
            # The calls are made again with the token on record: what they made before, they give again.
            return None
        described = super().find()
        if described is None:
            raise self.run.failure(f"the job run {self.run.record.job_name} of an earlier try is gone.")
        return described

    @override
    def create(self) -> None:
        run, client = self.run, self.run.client_calling_once()
        if self._owns_application:
            self._create_application(client)
            run.request = {APPLICATION: run.record.identifiers[APPLICATION], **run.request}
        self._calling = KIND.create
        started = client.start_job_run(**run.request)
        run.identify(**{APPLICATION: started[APPLICATION], RUN: started[RUN]})
        run.save()
        run.log.info("The job run is %s in the application %s", started[RUN], started[APPLICATION])

    def _create_application(self, client: Any) -> None:
        run = self.run
        application = run.record.identifiers.get(APPLICATION)
        if application is None:
            self._calling = "CreateApplication"
            application = str(client.create_application(**self._application)[APPLICATION])
            run.identify(**{APPLICATION: application})
            run.save()
            run.log.info("Created the application %s", application)
        self._wait_while(application, ("CREATING",))
        # An application starts by itself with its first job run, unless it was made so that it does not.
        if not self._application.get("autoStartConfiguration", {}).get("enabled", True):
            self._calling = "StartApplication"
            client.start_application(applicationId=application)
            self._wait_while(application, ("CREATED", "STOPPED", "STARTING"))

    def _wait_while(self, application: str, passing: tuple[str, ...]) -> None:
        """Wait while a new application is in states that pass, such as CREATING."""
        client, deadline = self.run.client(), self.run.monotonic() + MAX_START_SECONDS
        while (state := client.get_application(applicationId=application)["application"]["state"]) in passing:
            if self.run.monotonic() > deadline:
                message = f"the application {application} is still {state}."
                raise self.run.failure(message, ExceptionType.SERVICE_FAULT)
            self.run.sleep(min(self.run.pause, MAX_PAUSE_SECONDS))

    @override
    def refusal(self, error: ClientError | BotoCoreError) -> StepFailure:
        if CallError.of(error).code != CONFLICT:
            return super().refusal(error)
        # The Arguments are no longer those that the token was first used with.
        return self.run.failure(
            f"{KIND.service}:{self.create_call} was refused. {CallError.of(error)}. An earlier try made it as the"
            f" definition was then: look for {self.run.record.job_name} in EMR Serverless."
        )

    @override
    def keep_result(self, result: dict[str, Any]) -> None:
        if self._owns_application:
            self.run.save_state(RESULT_STORE_KEY, {"token": self.run.record.token, "result": result})

    @override
    def leftover(self) -> StopTarget | None:
        application = self.run.record.identifiers.get(APPLICATION)
        if not self._owns_application or application is None:
            return None
        return ApplicationTarget(application, self.run.access)

    @override
    def stop_target(self) -> StopTarget | None:
        if self._owns_application:
            return self.leftover()
        return super().stop_target() if RUN in self.run.record.identifiers else None

    @override
    def locate(self) -> None:
        """Find the run whose start a kill or time-out has interrupted, if it bears the generated name."""
        application, name = self.run.request.get(APPLICATION), self.run.record.job_name
        if self._owns_application or application is None or self.run.request.get("name") != name:
            return
        for page in self.run.client().get_paginator("list_job_runs").paginate(applicationId=application):
            for found in page["jobRuns"]:
                if found.get("name") == name:
                    self.run.identify(**{APPLICATION: str(application), RUN: str(found["id"])})
                    return

    @override
    def log_address(self, console: Console) -> str | None:
        overrides: Any = self.run.request.get("configurationOverrides") or {}
        kept = overrides.get("monitoringConfiguration") or {}
        known = self.run.record.identifiers
        job_run = f"applications/{known.get(APPLICATION)}/jobs/{known.get(RUN)}"
        if (watch := kept.get("cloudWatchLoggingConfiguration") or {}).get("enabled"):
            prefix = str(watch.get("logStreamNamePrefix") or "").rstrip("/")
            return console.log(watch.get("logGroupName") or DEFAULT_LOG_GROUP, f"{prefix}/{job_run}")
        folder = str((kept.get("s3MonitoringConfiguration") or {}).get("logUri") or "").rstrip("/")
        return console.s3_folder(f"{folder}/{job_run}") if folder else None


STEP_TYPE = StepType(
    name="EMRServerless",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.emr.EmrServerlessStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.emr.EmrServerlessStartJobOperator",
    kind=KIND,
    adapter=EmrServerlessAdapter,
    calls=job_calls(KIND),
    variants=(
        Variant(
            ("ApplicationConfig",),
            KIND,
            calls=(
                *job_calls(KIND),
                *(f"emr-serverless:{name}Application" for name in ("Create", "Get", "Start", "Stop", "Delete")),
                "emr-serverless:ListJobRuns",
            ),
        ),
    ),
    parts=(
        RequestPart(
            "JobConfig",
            ApiShape("emr-serverless", "StartJobRun"),
            filled=("applicationId", "executionRoleArn", "clientToken"),
        ),
        RequestPart("ApplicationConfig", ApiShape("emr-serverless", "CreateApplication"), filled=("clientToken",)),
    ),
    properties=ApiShape("emr-serverless", "GetJobRun"),
    retries=RetryTypes.ALL,
    defaulted_roles=("ExecutionRoleArn",),
    passed_roles=("JobConfig.executionRoleArn",),
    rules=RULES,
    console=ConsoleLocations("emr/home?region={region}#/serverless"),
    guide=GUIDE,
)
