"""Glue jobs as steps of a pipeline: a step type of one's own, in one file and one entry point.

A step ``{"Type": "GlueJob", "Arguments": {"JobName": "etl", …}}`` is one run of the Glue job: its Arguments are those
of StartJobRun, its properties those of GetJobRun's JobRun.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError
from typing_extensions import override

from airflow_sm_pipelines import StepType
from airflow_sm_pipelines.aws.failures import CallError, ExceptionType, StepFailure
from airflow_sm_pipelines.step_types.adapter import JobAdapter
from airflow_sm_pipelines.step_types.argument_rules import ArgumentRules
from airflow_sm_pipelines.step_types.console_locations import LOG_CALLS, ConsoleLocations
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import ApiShape, Guide, RetryTypes, job_calls
from airflow_sm_pipelines.step_types.stop_target import StopTarget

JOB, RUN = "JobName", "RunId"
NAME_ARGUMENT = "--pipelines-run-name"
"""Glue names a run itself, and has no token that makes a call happen once: the step's own name for it stands here."""

KIND = JobKind(
    noun="Glue job run",
    create="StartJobRun",
    describe="GetJobRun",
    stop="BatchStopJobRun",
    name_field=NAME_ARGUMENT,
    describe_field=RUN,
    arn_field="JobRun.Id",
    status_field="JobRun.JobRunState",
    succeeded=("SUCCEEDED",),
    failed=("FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"),
    service="glue",
    name_limit=255,
    role_field=None,
    tags_field=None,
    reason_field="JobRun.ErrorMessage",
    result_field="JobRun",
)


class GlueJobAdapter(JobAdapter):
    """A run of a Glue job. What an earlier try has started is found among the job's runs by the step's name for it."""

    @property
    @override
    def kind(self) -> JobKind:
        known = self.run.record.identifiers
        if RUN not in known:
            return KIND
        return KIND.bound(describe_params=dict(known), stop_params={JOB: known[JOB], "JobRunIds": [known[RUN]]})

    @override
    def complete_request(self, request: dict[str, Any]) -> dict[str, Any]:
        arguments = {**(request.get("Arguments") or {}), NAME_ARGUMENT: self.run.record.job_name}
        return {**request, "Arguments": arguments}

    @override
    def prepare(self) -> None:
        # A later try looks among the runs of this job, though its own Arguments could not be resolved.
        self.run.identify(**{JOB: str(self.run.request[JOB])})

    @override
    def create(self) -> None:
        response = self.run.client_calling_once().start_job_run(**self.run.request)
        self.run.identify(**{RUN: response["JobRunId"]})
        self.run.save()

    @override
    def refusal(self, error: Any) -> StepFailure:
        if isinstance(error, ClientError) and CallError.of(error).code == "ConcurrentRunsExceededException":
            return self.run.failure(f"glue:StartJobRun was refused. {CallError.of(error)}", ExceptionType.THROTTLING)
        return super().refusal(error)

    @override
    def find(self) -> dict[str, Any] | None:
        self.locate()
        return self.run.describe() if RUN in self.run.record.identifiers else None

    @override
    def locate(self) -> None:
        known = self.run.record.identifiers
        if RUN in known or JOB not in known:
            return
        for page in self.run.client().get_paginator("get_job_runs").paginate(JobName=known[JOB]):
            for found in page["JobRuns"]:
                if found.get("Arguments", {}).get(NAME_ARGUMENT) == self.run.record.job_name:
                    self.run.identify(**{RUN: found["Id"]})
                    self.run.save()
                    return

    @override
    def stop_target(self) -> StopTarget | None:
        return super().stop_target() if RUN in self.run.record.identifiers else None

    @override
    def result(self, described: dict[str, Any]) -> dict[str, Any]:
        job_run: dict[str, Any] = described["JobRun"]
        return job_run

    @override
    def console_values(self) -> dict[str, str]:
        return {**super().console_values(), **self.run.record.identifiers}


STEP_TYPE = StepType(
    name="GlueJob",
    kind=KIND,
    adapter=GlueJobAdapter,
    calls=(*job_calls(KIND), "glue:GetJobRuns", *LOG_CALLS),
    arguments=ApiShape("glue", "StartJobRun"),
    properties=ApiShape("glue", "GetJobRun", "JobRun"),
    rules=ArgumentRules(required=("JobName",), forbidden=("JobRunId",)),
    retries=RetryTypes.ALL,
    console=ConsoleLocations(
        "gluestudio/home?region={region}#/job/{JobName}/run/{RunId}", "/aws-glue/jobs/error", "{RunId}"
    ),
    limits=("as many concurrent runs as the Glue job allows",),
    guide=Guide("GlueJob", "One run of a Glue job. A killed step stops its run."),
)
