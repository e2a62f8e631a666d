"""EMRServerless: a job run in an application that is there, or in one that is made for it (semantics 2.14, 14.7)."""

from __future__ import annotations

from airflow_sm_pipelines.step_types.argument_rules import ArgumentRules
from airflow_sm_pipelines.step_types.console_locations import ConsoleLocations
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import ApiShape, RetryTypes, StepType, Variant, job_calls

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
)
