"""What became of the keys outside of steps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.reader import VERSION
from airflow_sm_pipelines.naming import safe_dag_id
from airflow_sm_pipelines.report.model import Item, Status
from airflow_sm_pipelines.validation.severities import UNKNOWN_MEMBER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_sm_pipelines.definition.findings import Finding
    from airflow_sm_pipelines.definition.model import Parameter, Pipeline


def document_items(pipeline: Pipeline, unknown_keys: Iterable[Finding]) -> Iterator[Item]:
    """The keys of the response around the definition, and of the definition itself."""
    yield from _response_items(pipeline)
    if pipeline.version is None:
        yield Item("$.Version", Status.DEFAULTED, f"absent, read as {VERSION}")
    else:
        yield Item("$.Version", Status.HANDLED, pipeline.version)
    if pipeline.metadata:
        yield Item("$.Metadata", Status.IGNORED, "it has no effect on a run")
    for parameter in pipeline.parameters.values():
        yield from _parameter_items(parameter)
    if pipeline.experiment is not None:
        text = "jobs are attached to this experiment and trial, which are created where they are absent"
        yield Item("$.PipelineExperimentConfig", Status.HANDLED, text)
    if pipeline.mlflow is not None:
        text = "training jobs get it; no other job's API takes it"
        yield Item("$.MlflowConfig", Status.HANDLED, text)
    yield from unknown_key_items(unknown_keys)


def unknown_key_items(findings: Iterable[Finding]) -> Iterator[Item]:
    """The keys that nobody knows: ignored, or passed on to AWS within a request."""
    for finding in findings:
        status = Status.HANDLED if finding.code == UNKNOWN_MEMBER else Status.IGNORED
        yield Item(finding.path, status, finding.message)


def _response_items(pipeline: Pipeline) -> Iterator[Item]:
    around = pipeline.wrapper
    if pipeline.name is not None:
        yield Item(f"{around}.PipelineName", Status.HANDLED, f"the dag id is {safe_dag_id(pipeline.name)}")
    elif pipeline.logical_id is not None:
        text = f"absent, the dag id is the logical id, {safe_dag_id(pipeline.logical_id)}"
        yield Item(f"{around}.PipelineName", Status.DEFAULTED, text)
    if pipeline.display_name is not None:
        yield Item(f"{around}.PipelineDisplayName", Status.HANDLED, "the Dag's display name")
    if pipeline.description is not None:
        yield Item(f"{around}.PipelineDescription", Status.HANDLED, "the Dag's description")
    if pipeline.role_arn is not None:
        yield Item(f"{around}.RoleArn", Status.HANDLED, "fills a missing role in the request of a step")
    if pipeline.max_parallel_steps is not None:
        text = f"at most {pipeline.max_parallel_steps} steps of a run run at once: each run has a pool of that size"
        yield Item(f"{around}.ParallelismConfiguration", Status.HANDLED, text)


def _parameter_items(parameter: Parameter) -> Iterator[Item]:
    default = (
        f"default {json.dumps(parameter.default, ensure_ascii=False)}"
        if parameter.has_default
        else "every run has to give it"
    )
    choices = f", one of {', '.join(map(repr, parameter.enum_values))}" if parameter.enum_values else ""
    text = f"the Dag's param {parameter.name!r}, {parameter.type.value}{choices}, {default}"
    yield Item(parameter.path, Status.HANDLED, text)
    if parameter.type_is_default:
        yield Item(f"{parameter.path}.Type", Status.DEFAULTED, f"absent, read as {parameter.type.value}")
