"""The execution that a request names, the version that it was made of, and what a request may ask of it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from airflow_sm_pipelines.api.arns import execution_of
from airflow_sm_pipelines.api.operation import Call
from airflow_sm_pipelines.api.runs import Run
from airflow_sm_pipelines.store.model import Stored, Version
from airflow_sm_pipelines.wire.errors import ApiError


def execution(call: Call) -> tuple[Stored, Run]:
    """The execution that a request names by its ARN, and its pipeline.

    :raises ApiError: ResourceNotFound
    """
    arn = call.request.get("PipelineExecutionArn") or ""
    named = execution_of(arn)
    found = call.pipeline(named.pipeline)
    run = call.ports.runs.find(found.record.name, named.execution_id)
    if run is None:
        raise ApiError("ResourceNotFound", f"Pipeline execution {arn!r} does not exist.")
    return found, run


def version_of(call: Call, found: Stored, run: Run) -> Version | None:
    """The version that a run was made of: the one that the call which started it has noted, else the latest one of
    before the run. None for a run of before the first.
    """
    noted, store = run.given.pipeline_version_id, call.ports.store
    if noted is not None:
        try:
            return store.version(found.record.name, noted)
        except LookupError:
            return None
    if found.version.created_at <= run.created_at.timestamp():
        return found.version
    # Newest first, and no further than needed: an execution is described at every poll.
    for number in range(found.version.number - 1, found.record.first - 1, -1):
        with suppress(LookupError):
            version = store.version(found.record.name, number)
            if version.created_at <= run.created_at.timestamp():
                return version
    return None


def known_version(call: Call, found: Stored, run: Run) -> Version:
    version = version_of(call, found, run)
    if version is None:
        raise ApiError(
            "ResourceNotFound",
            f"The run {run.run_id!r} is older than the pipeline {found.record.name!r}: its definition is not kept.",
        )
    return version


def display_name(run: Run) -> str:
    """As AWS names an execution that was given no name."""
    return run.given.pipeline_execution_display_name or f"execution-{int(run.created_at.timestamp() * 1000)}"


def arn_answer(call: Call, found: Stored, run: Run) -> dict[str, Any]:
    """The answer of the operations that change an execution: its ARN alone."""
    arns = call.arns(found.version.role_arn)
    return {"PipelineExecutionArn": arns.execution(found.record.name, run.execution_id)}


def parallelism_limit(call: Call) -> int | None:
    """How many steps may run at once, where a request says so.

    :raises ApiError: ValidationException where executions share their pipeline's limit
    """
    config = call.request.get("ParallelismConfiguration")
    if config is None:
        return None
    if call.ports.shared_pools:
        raise ApiError(
            "ValidationException",
            "ParallelismConfiguration: in this deployment a pipeline's limit is over all its executions"
            " ([sagemaker_pipelines] pool_scope = pipeline), so that an execution has none of its own.",
        )
    return int(config["MaxParallelExecutionSteps"])
