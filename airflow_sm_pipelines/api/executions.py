"""StartPipelineExecution and what else there is to do with executions but their steps."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from airflow_sm_pipelines.api.arns import execution_of, pipeline_of
from airflow_sm_pipelines.api.definitions import plan_of
from airflow_sm_pipelines.api.operation import Call, given, user_context
from airflow_sm_pipelines.api.paging import next_token, page_size, paged, position_of
from airflow_sm_pipelines.api.parameters import shown_parameters, typed_parameters
from airflow_sm_pipelines.api.pipelines import digest_of
from airflow_sm_pipelines.api.retrying import tasks_to_retry
from airflow_sm_pipelines.api.runs import NewRun, NotParsedError, PausedError, RefusedError, Run, RunFilter
from airflow_sm_pipelines.api.statuses import failure_reason, status_of
from airflow_sm_pipelines.api.times import time_in
from airflow_sm_pipelines.definition.expressions import format_expression
from airflow_sm_pipelines.definition.parameters import SELECTED_STEPS, SOURCE_RUN
from airflow_sm_pipelines.expressions.given_execution import GivenExecution
from airflow_sm_pipelines.expressions.identity import execution_id
from airflow_sm_pipelines.graph import Plan
from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.store.model import Stored, Version
from airflow_sm_pipelines.wire.errors import ApiError

RUN_ID_PREFIX = "api__"
LONGEST_REASON = 1300
LONGEST_LISTED_REASON = 3072
MOST_TOKENS = 100
"""How many digests of tokens a run's conf keeps of the calls of one kind: the newest."""


def start_pipeline_execution(call: Call) -> dict[str, Any]:
    """A run of the Dag. The same ClientRequestToken gives the same run, whatever has become of it since."""
    request, runs = call.request, call.ports.runs
    found = call.pipeline(pipeline_of(request["PipelineName"]))
    name, version = found.record.name, found.version
    digest = _request_digest(request)
    run_id = RUN_ID_PREFIX + digest_of(request["ClientRequestToken"])
    if (present := runs.started(name, run_id)) is not None:
        return {"PipelineExecutionArn": _repeated(call, found, present, digest)}
    wanted = request.get("PipelineVersionId")
    if wanted is not None and wanted != version.number:
        raise ApiError(
            "ValidationException",
            f"Airflow runs the current version of a pipeline, which is {version.number} of {name!r}, and not"
            f" {wanted}: make that the current one with UpdatePipeline.",
        )
    plan = plan_of(version)
    conf = _conf(call, found, plan, digest)
    try:
        note = request.get("PipelineExecutionDescription") or None
        made, is_new = runs.start(
            NewRun(dag_id=name, run_id=run_id, version=version.number, conf=conf, user=call.caller.user, note=note)
        )
    except NotParsedError:
        call.ports.store.remind(name)
        raise
    except PausedError:
        raise ApiError(
            "ConflictException",
            f"The Dag {name!r} is paused in Airflow: unpause it there. With [sagemaker_pipelines]"
            " pipelines_api_unpaused new pipelines are not paused.",
        ) from None
    except RefusedError as error:
        raise ApiError("ValidationException", str(error)) from None
    if not is_new:
        return {"PipelineExecutionArn": _repeated(call, found, made, digest)}
    # The run may have another id than the call has asked for.
    return {"PipelineExecutionArn": call.arns(version.role_arn).execution(name, made.execution_id)}


def describe_pipeline_execution(call: Call) -> dict[str, Any]:
    found, run = execution(call)
    arns, given_, plan = call.arns(found.version.role_arn), run.given, None
    version = version_of(call, found, run)
    if version is not None:
        plan = plan_of(version)
    selected, source = run.conf.get(SELECTED_STEPS), run.conf.get(SOURCE_RUN)
    limit = given_.limit or (None if version is None else version.parallelism)
    return given(
        PipelineArn=arns.pipeline(found.record.name),
        PipelineExecutionArn=arns.execution(found.record.name, run.execution_id),
        PipelineExecutionDisplayName=display_name(run),
        PipelineExecutionStatus=status_of(run),
        PipelineExecutionDescription=given_.pipeline_execution_description,
        PipelineExperimentConfig=None if plan is None else _experiment(plan, found.record.name, run),
        FailureReason=_cut(failure_reason(run), LONGEST_REASON),
        CreationTime=run.created_at.timestamp(),
        LastModifiedTime=(run.changed_at or run.created_at).timestamp(),
        CreatedBy=user_context(run.user),
        ParallelismConfiguration=None if limit is None else {"MaxParallelExecutionSteps": limit},
        SelectiveExecutionConfig=(
            None
            if not isinstance(selected, list)
            else given(
                SelectedSteps=[{"StepName": str(step)} for step in selected],
                SourcePipelineExecutionArn=(
                    None
                    if not isinstance(source, str)
                    else arns.execution(found.record.name, _execution_id(found.record.name, source))
                ),
            )
        ),
        PipelineVersionId=None if version is None else version.number,
        MLflowConfig=None if plan is None else _mlflow(plan, given_),
    )


def list_pipeline_executions(call: Call) -> dict[str, Any]:
    request = call.request
    found = call.pipeline(pipeline_of(request["PipelineName"]))
    arns, size = call.arns(found.version.role_arn), page_size(request)
    by_arn = request.get("SortBy") == "PipelineExecutionArn"
    which = RunFilter(
        created_after=time_in(request, "CreatedAfter"),
        created_before=time_in(request, "CreatedBefore"),
        order_by="execution_id" if by_arn else "number",
        descending=request.get("SortOrder") != "Ascending",
        after=_position(request, str if by_arn else int),
        limit=size + 1,
    )
    runs = call.ports.runs.page(found.record.name, which)
    page, last = runs[:size], runs[size - 1] if len(runs) > size else None
    return {
        "PipelineExecutionSummaries": [
            given(
                PipelineExecutionArn=arns.execution(found.record.name, run.execution_id),
                StartTime=run.created_at.timestamp(),
                PipelineExecutionStatus=status_of(run),
                PipelineExecutionDescription=run.given.pipeline_execution_description,
                PipelineExecutionDisplayName=display_name(run),
                PipelineExecutionFailureReason=_cut(failure_reason(run), LONGEST_LISTED_REASON),
            )
            for run in page
        ],
        **({} if last is None else {"NextToken": next_token(request, last.execution_id if by_arn else last.number)}),
    }


def list_pipeline_parameters(call: Call) -> dict[str, Any]:
    found, run = execution(call)
    plan = plan_of(known_version(call, found, run))
    shown = shown_parameters(plan.pipeline.parameters, run.conf, call.ports.is_secret)
    page, following = paged(call.request, enumerate(shown.items()), lambda each: (each[0],))
    return {"PipelineParameters": [{"Name": name, "Value": value} for _, (name, value) in page], **following}


def describe_definition_for_execution(call: Call) -> dict[str, Any]:
    found, run = execution(call)
    version = known_version(call, found, run)
    return {"PipelineDefinition": version.definition, "CreationTime": version.created_at}


def update_pipeline_execution(call: Call) -> dict[str, Any]:
    found, run = execution(call)
    request, limit = call.request, _limit(call)

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
    return _arn(call, found, run)


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
    return _arn(call, found, run)


def retry_pipeline_execution(call: Call) -> dict[str, Any]:
    """Let what has not succeeded run again: what failed, and what has not run since."""
    found, run = execution(call)
    digest, limit = digest_of(call.request["ClientRequestToken"]), _limit(call)

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
    return _arn(call, found, run)


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


def display_name(run: Run) -> str:
    """As AWS names an execution that was given no name."""
    return run.given.pipeline_execution_display_name or f"execution-{int(run.created_at.timestamp() * 1000)}"


def known_version(call: Call, found: Stored, run: Run) -> Version:
    version = version_of(call, found, run)
    if version is None:
        raise ApiError(
            "ResourceNotFound",
            f"The run {run.run_id!r} is older than the pipeline {found.record.name!r}: its definition is not kept.",
        )
    return version


def _conf(call: Call, found: Stored, plan: Plan, digest: str) -> dict[str, Any]:
    request = call.request
    conf = typed_parameters(plan.pipeline.parameters, request.get("PipelineParameters") or (), call.ports.is_secret)
    conf |= _selection(call, found, plan)
    experiment = request.get("MlflowExperimentName")
    mlflow = plan.pipeline.mlflow
    if experiment is not None and (mlflow is None or mlflow.resource_arn is None):
        raise ApiError(
            "ValidationException",
            "MlflowExperimentName is given, and the pipeline definition has no MlflowConfig with an MlflowResourceArn.",
        )
    return GivenExecution(
        pipeline_execution_display_name=request.get("PipelineExecutionDisplayName"),
        pipeline_execution_description=request.get("PipelineExecutionDescription"),
        pipeline_version_id=found.version.number,
        max_parallel_execution_steps=_limit(call),
        mlflow_experiment_name=experiment,
        request=digest,
    ).put_into(conf)


def _selection(call: Call, found: Stored, plan: Plan) -> dict[str, Any]:
    config = call.request.get("SelectiveExecutionConfig")
    if config is None:
        return {}
    names = [step["StepName"] for step in config["SelectedSteps"]]
    known = {step.name for step in plan.graph.steps}
    if unknown := [name for name in names if name not in known]:
        raise ApiError(
            "ValidationException", f"SelectedSteps has steps that the pipeline has not: {', '.join(unknown)}."
        )
    conf: dict[str, Any] = {SELECTED_STEPS: names}
    if (arn := config.get("SourcePipelineExecutionArn")) is not None:
        named = execution_of(arn)
        source = None
        if named.pipeline.lower() == found.record.name.lower():
            source = call.ports.runs.find(found.record.name, named.execution_id)
        if source is None:
            raise ApiError("ResourceNotFound", f"Pipeline execution {arn!r} does not exist.")
        if not source.has_ended:
            raise ApiError("ValidationException", f"The source execution {arn!r} has not ended.")
        conf[SOURCE_RUN] = source.run_id
    return conf


def _noted(digests: tuple[str, ...], digest: str) -> tuple[str, ...]:
    return (*digests, digest)[-MOST_TOKENS:]


def _limit(call: Call) -> int | None:
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


def _repeated(call: Call, found: Stored, run: Run, digest: str) -> str:
    """The ARN of the run that an earlier call of the same token has made."""
    if run.given.request != digest:
        raise ApiError("ConflictException", "The ClientRequestToken was used before, for another request.")
    return call.arns(found.version.role_arn).execution(found.record.name, run.execution_id)


def _request_digest(request: Any) -> str:
    compared = {name: value for name, value in request.items() if name != "ClientRequestToken"}
    compared["PipelineName"] = pipeline_of(request["PipelineName"]).lower()
    return hashlib.sha256(json.dumps(compared, sort_keys=True).encode()).hexdigest()[:32]


def _execution_id(dag_id: str, run_id: str) -> str:
    return execution_id(Place(dag_id), run_id)


def _arn(call: Call, found: Stored, run: Run) -> dict[str, Any]:
    arns = call.arns(found.version.role_arn)
    return {"PipelineExecutionArn": arns.execution(found.record.name, run.execution_id)}


def _position(request: Any, kind: type[int] | type[str]) -> Any:
    position = position_of(request)
    if position is not None and not isinstance(position, kind):
        raise ApiError("ValidationException", "The NextToken is not one of this list with these filters.")
    return position


def _cut(text: str | None, longest: int) -> str | None:
    return text if text is None or len(text) <= longest else text[: longest - 1] + "…"


def _experiment(plan: Plan, name: str, run: Run) -> dict[str, str] | None:
    """The names, where they are texts or the names that SageMaker gives by itself."""
    config = plan.pipeline.experiment
    if config is None:
        return None
    known = {"Execution.PipelineName": name.lower(), "Execution.PipelineExecutionId": run.execution_id}
    texts = {"ExperimentName": config.experiment_name, "TrialName": config.trial_name}
    found = {member: _text(value, known) for member, value in texts.items()}
    return given(**found) or None


def _mlflow(plan: Plan, given_: GivenExecution) -> dict[str, str] | None:
    config = plan.pipeline.mlflow
    if config is None:
        return None
    experiment = given_.mlflow_experiment_name or _text(config.experiment_name, {})
    return given(MlflowResourceArn=_text(config.resource_arn, {}), MlflowExperimentName=experiment) or None


def _text(value: Any, known: dict[str, str]) -> str | None:
    if isinstance(value, str):
        return value
    return None if value is None else known.get(format_expression(value))
