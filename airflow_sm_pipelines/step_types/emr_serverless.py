"""EMRServerless: a job run in an application that is there, or in one that is made for it (semantics 2.14, 14.7)."""

from __future__ import annotations

from airflow_sm_pipelines.step_types.argument_rules import ArgumentRules
from airflow_sm_pipelines.step_types.console_locations import ConsoleLocations
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import ApiShape, Guide, RetryTypes, StepType, Variant, job_calls

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
`JobConfig` is the StartJobRun request as it is, in camelCase; `executionRoleArn` falls back to `ExecutionRoleArn`,
and without a `name` the run gets a generated one. A name is the very name, not a prefix. Both calls carry the
attempt's client token, so making them again after a lost reply makes nothing twice. When the definition is edited
between such calls, EMR Serverless refuses the second one; the step then fails and names what to look for.

**ApplicationId**: the application is neither started nor stopped; by its own default it starts for a job run.

**ApplicationConfig** is the CreateApplication request. The step waits until the application is there, starts it where
its `autoStartConfiguration` is off, and in the end, whatever that is, cancels what runs in it, stops it and deletes
it. Its job runs are deleted with it: the result is in XCom, the logs are where `monitoringConfiguration` puts them.
Stopping takes time that the end of a task does not always have: 5 s when a running task is killed, 25 s when a
deferred one is (Airflow's `[triggerer] on_kill_timeout` is 30 s), else 5 min. Where a kill did not leave enough, or
nobody was there to see to it, the triggerer goes on, one step at each of its looks (`orphan_jobs_interval`); the next
try of a cleared task does it before it begins (up to 5 min). What cannot be stopped otherwise is named in the log; it
stops by itself when idle (15 min, unless its `autoStopConfiguration` says otherwise), costs nothing then, and is to
be deleted by hand. So is one whose CreateApplication got no answer up to the last retry.

**Result.** The GetJobRun response: `Steps.X.jobRun.…`. `properties` whose names are those of secrets are masked in
XCom like those above.
""",
)

STEP_TYPE = StepType(
    name="EMRServerless",
    operator="airflow_sm_pipelines.operators.emr_serverless.EmrServerlessStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.emr.EmrServerlessStartJobOperator",
    kind=KIND,
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
    properties=ApiShape("emr-serverless", "GetJobRun"),
    retries=RetryTypes.ALL,
    defaulted_roles=("ExecutionRoleArn",),
    passed_roles=("JobConfig.executionRoleArn",),
    rules=RULES,
    console=ConsoleLocations("emr/home?region={region}#/serverless"),
    guide=GUIDE,
)
