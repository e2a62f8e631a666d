"""What the API shows of executions: all but their steps."""

from __future__ import annotations

from typing import Any

from airflow_sm_pipelines.api.arns import pipeline_of
from airflow_sm_pipelines.api.definitions import plan_of
from airflow_sm_pipelines.api.named_execution import display_name, execution, known_version, version_of
from airflow_sm_pipelines.api.operation import Call, given, user_context
from airflow_sm_pipelines.api.paging import next_token, page_size, paged, position_of
from airflow_sm_pipelines.api.parameters import shown_parameters
from airflow_sm_pipelines.api.runs import Run, RunFilter
from airflow_sm_pipelines.api.statuses import failure_reason, status_of
from airflow_sm_pipelines.api.times import time_in
from airflow_sm_pipelines.definition.expressions import format_expression
from airflow_sm_pipelines.definition.parameters import SELECTED_STEPS, SOURCE_RUN
from airflow_sm_pipelines.expressions.given_execution import GivenExecution
from airflow_sm_pipelines.expressions.identity import execution_id
from airflow_sm_pipelines.graph import Plan
from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.wire.errors import ApiError

MAX_REASON_LENGTH = 1300
MAX_LISTED_REASON_LENGTH = 3072


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
        FailureReason=_cut(failure_reason(run), MAX_REASON_LENGTH),
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
                PipelineExecutionFailureReason=_cut(failure_reason(run), MAX_LISTED_REASON_LENGTH),
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


def _execution_id(dag_id: str, run_id: str) -> str:
    return execution_id(Place(dag_id), run_id)


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
