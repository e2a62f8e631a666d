"""UpdatePipelineExecution, StopPipelineExecution and RetryPipelineExecution: what changes a run that there is."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from airflow_sm_pipelines.api.definitions import plan_of
from airflow_sm_pipelines.api.named_execution import arn_answer, execution, known_version, parallelism_limit
from airflow_sm_pipelines.api.operation import Call
from airflow_sm_pipelines.api.pipelines import digest_of
from airflow_sm_pipelines.api.retrying import tasks_to_retry
from airflow_sm_pipelines.api.runs import Run
from airflow_sm_pipelines.api.statuses import status_of
from airflow_sm_pipelines.expressions.given_execution import GivenExecution
from airflow_sm_pipelines.wire.errors import ApiError

MAX_TOKENS = 100
"""How many digests of tokens a run's conf keeps of the calls of one kind: the newest."""


def update_pipeline_execution(call: Call) -> dict[str, Any]:
    found, run = execution(call)
    request, limit = call.request, parallelism_limit(call)

    def changed(now: Run) -> GivenExecution | None:
        older = now.given
        if limit is not None and now.has_ended:
            raise ApiError("ConflictException", "The execution has ended: its parallelism cannot be changed any more.")
        newer = replace(
            older,
            pipeline_execution_display_name=request.get(
                "PipelineExecutionDisplayName", older.pipeline_execution_display_name
            ),
            pipeline_execution_description=request.get(
                "PipelineExecutionDescription", older.pipeline_execution_description
            ),
            max_parallel_execution_steps=older.max_parallel_execution_steps if limit is None else limit,
        )
        return None if newer == older else newer

    call.ports.runs.change(run, changed)
    return arn_answer(call, found, run)


def stop_pipeline_execution(call: Call) -> dict[str, Any]:
    """Stop a run, once for a ClientRequestToken: a stop that comes again does not stop the run that was retried."""
    found, run = execution(call)
    digest = digest_of(call.request["ClientRequestToken"])

    def stopped(now: Run) -> GivenExecution | None:
        older, status = now.given, status_of(now)
        if digest in older.stops:
            return None
        if status not in ("Executing", "Stopping", "Stopped"):
            raise ApiError(
                "ValidationException",
                f"Pipeline execution {run.execution_id} has the status {status}. Only pipeline executions with the"
                " status Executing can be stopped.",
            )
        at = call.ports.clock() if status == "Executing" else older.stopped_at
        return replace(older, stops=_noted(older.stops, digest), stopped_at=at)

    call.ports.runs.stop(run, stopped)
    return arn_answer(call, found, run)


def retry_pipeline_execution(call: Call) -> dict[str, Any]:
    """Let what has not succeeded run again: what failed, and what has not run since."""
    found, run = execution(call)
    digest, limit = digest_of(call.request["ClientRequestToken"]), parallelism_limit(call)

    def retried(now: Run) -> GivenExecution | None:
        older, status = now.given, status_of(now)
        if digest in older.retries:
            return None
        if status not in ("Failed", "Stopped", "CompletedWithFailures"):
            raise ApiError(
                "ValidationException",
                f"Pipeline execution {run.execution_id} has the status {status}. Only pipeline executions with the"
                " status Failed, Stopped or CompletedWithFailures can be retried.",
            )
        most = older.max_parallel_execution_steps if limit is None else limit
        return replace(older, retries=_noted(older.retries, digest), stopped_at=None, max_parallel_execution_steps=most)

    # Asked here too, before the tasks are looked at: the answer that counts is the one under the lock.
    if retried(run) is not None:
        plan = plan_of(known_version(call, found, run))
        call.ports.runs.retry(run, retried, tasks_to_retry(plan.graph, call.ports.runs.tasks(run)))
    return arn_answer(call, found, run)


def _noted(digests: tuple[str, ...], digest: str) -> tuple[str, ...]:
    return (*digests, digest)[-MAX_TOKENS:]
