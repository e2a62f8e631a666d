"""StartPipelineExecution: a run of the Dag."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from airflow_sm_pipelines.api.arns import execution_of, pipeline_of
from airflow_sm_pipelines.api.definitions import plan_of
from airflow_sm_pipelines.api.named_execution import parallelism_limit
from airflow_sm_pipelines.api.operation import Call
from airflow_sm_pipelines.api.parameters import typed_parameters
from airflow_sm_pipelines.api.pipelines import digest_of
from airflow_sm_pipelines.api.runs import NewRun, NotParsedError, PausedError, RefusedError, Run
from airflow_sm_pipelines.definition.parameters import SELECTED_STEPS, SOURCE_RUN
from airflow_sm_pipelines.expressions.given_execution import GivenExecution
from airflow_sm_pipelines.graph import Plan
from airflow_sm_pipelines.store.model import Stored
from airflow_sm_pipelines.wire.errors import ApiError

RUN_ID_PREFIX = "api__"


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
        max_parallel_execution_steps=parallelism_limit(call),
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


def _repeated(call: Call, found: Stored, run: Run, digest: str) -> str:
    """The ARN of the run that an earlier call of the same token has made."""
    if run.given.request != digest:
        raise ApiError("ConflictException", "The ClientRequestToken was used before, for another request.")
    return call.arns(found.version.role_arn).execution(found.record.name, run.execution_id)


def _request_digest(request: Any) -> str:
    compared = {name: value for name, value in request.items() if name != "ClientRequestToken"}
    compared["PipelineName"] = pipeline_of(request["PipelineName"]).lower()
    return hashlib.sha256(json.dumps(compared, sort_keys=True).encode()).hexdigest()[:32]
