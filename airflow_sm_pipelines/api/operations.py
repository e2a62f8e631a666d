"""The operations of the API, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from airflow_sm_pipelines.api import callbacks, changing, executions, pipelines, starting, steps, tags
from airflow_sm_pipelines.api.arns import execution_of, new_pipeline, pipeline_of, tagged_pipeline
from airflow_sm_pipelines.api.operation import Operation


def _by_name(request: Mapping[str, Any]) -> str:
    return pipeline_of(request["PipelineName"])


def _by_new_name(request: Mapping[str, Any]) -> str:
    return new_pipeline(request["PipelineName"])


def _by_arn(request: Mapping[str, Any]) -> str:
    return pipeline_of(request["PipelineArn"])


def _by_execution(request: Mapping[str, Any]) -> str:
    return execution_of(request.get("PipelineExecutionArn") or "").pipeline


def _by_resource(request: Mapping[str, Any]) -> str:
    return tagged_pipeline(request["ResourceArn"])


OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "CreatePipeline": Operation("write", pipelines.create_pipeline, _by_new_name),
        "UpdatePipeline": Operation("write", pipelines.update_pipeline, _by_name),
        "UpdatePipelineVersion": Operation("write", pipelines.update_pipeline_version, _by_arn),
        "DeletePipeline": Operation("write", pipelines.delete_pipeline, _by_name),
        "DescribePipeline": Operation("read", pipelines.describe_pipeline, _by_name),
        "ListPipelines": Operation("read", pipelines.list_pipelines),
        "ListPipelineVersions": Operation("read", pipelines.list_pipeline_versions, _by_name),
        "StartPipelineExecution": Operation("start", starting.start_pipeline_execution, _by_name),
        "DescribePipelineExecution": Operation("read", executions.describe_pipeline_execution, _by_execution),
        "ListPipelineExecutions": Operation("read", executions.list_pipeline_executions, _by_name),
        "ListPipelineExecutionSteps": Operation("read", steps.list_pipeline_execution_steps, _by_execution),
        "ListPipelineParametersForExecution": Operation("read", executions.list_pipeline_parameters, _by_execution),
        "DescribePipelineDefinitionForExecution": Operation(
            "read", executions.describe_definition_for_execution, _by_execution
        ),
        "UpdatePipelineExecution": Operation("start", changing.update_pipeline_execution, _by_execution),
        "StopPipelineExecution": Operation("start", changing.stop_pipeline_execution, _by_execution),
        "RetryPipelineExecution": Operation("start", changing.retry_pipeline_execution, _by_execution),
        "SendPipelineExecutionStepSuccess": Operation("start", callbacks.send_answer),
        "SendPipelineExecutionStepFailure": Operation("start", callbacks.send_answer),
        "AddTags": Operation("write", tags.add_tags, _by_resource),
        "ListTags": Operation("read", tags.list_tags, _by_resource),
        "DeleteTags": Operation("write", tags.delete_tags, _by_resource),
    }
)
"""What is not here is refused: it is no operation on pipelines, and nothing is sent on to AWS."""
