"""Definitions to typed pipelines: the one entry of this room."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from airflow_sm_pipelines.definition.document import load_document
from airflow_sm_pipelines.definition.findings import DefinitionError, FindingCollector
from airflow_sm_pipelines.definition.limits import MAX_DISPLAY_NAME_LENGTH, MAX_ID_LENGTH, MAX_PARALLEL_STEPS
from airflow_sm_pipelines.definition.model import ExperimentConfig, MlflowConfig, Pipeline
from airflow_sm_pipelines.definition.ordering import in_document_order
from airflow_sm_pipelines.definition.parameters import read_metadata, read_parameters
from airflow_sm_pipelines.definition.paths import render_path, shorten
from airflow_sm_pipelines.definition.positions import with_positions
from airflow_sm_pipelines.definition.references import Names
from airflow_sm_pipelines.definition.scope import Options, Scope
from airflow_sm_pipelines.definition.steps import read_steps
from airflow_sm_pipelines.definition.values import is_expression, read_value
from airflow_sm_pipelines.definition.wrapping import VERSION_ID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_sm_pipelines.definition.document import Document, Source
    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.definition.replacing import Replacement
    from airflow_sm_pipelines.definition.scope import UnsupportedKeys, UnsupportedSteps
    from airflow_sm_pipelines.definition.step_types import KnownType
    from airflow_sm_pipelines.definition.syntax import Json

VERSION = "2020-12-01"
_TOP_KEYS = frozenset({"Version", "Metadata", "Parameters", "PipelineExperimentConfig", "MlflowConfig", "Steps"})
_EXPERIMENT_KEYS = frozenset({"ExperimentName", "TrialName"})
_MLFLOW_KEYS = frozenset({"MlflowResourceArn", "MlflowExperimentName"})
_PARALLELISM_KEYS = frozenset({"MaxParallelExecutionSteps"})


def read_definition(
    definition: Source,
    *,
    source: str | None = None,
    step_types: Mapping[str, KnownType] | None = None,
    unsupported_keys: UnsupportedKeys = "warn",
    unsupported_steps: UnsupportedSteps = "error",
) -> Pipeline:
    """Read a pipeline definition, or the describe-pipeline response around one.

    :param definition: a file, JSON text or bytes, or the parsed JSON.
    :param source: what to call the document in errors; by default the file's path.
    :param step_types: the step types that are known where the pipeline runs; None for all to be taken as they are.
    :param unsupported_keys: whether a key that is not known is a warning and ignored, or an error.
    :param unsupported_steps: whether a step of an unknown type is an error, or read as it is with a warning.
    :raises DefinitionError: with every finding of the document, in its order, if any of them is an error.
    """
    collector = FindingCollector()
    options = Options(step_types, unsupported_keys, unsupported_steps)
    reading = read_document(definition, collector, options)
    return reading.settle(collector, source or name_of(definition))


def name_of(definition: Source) -> str:
    """What a document is called where nobody says it."""
    return str(definition) if isinstance(definition, Path) else "definition"


class Reading(Struct, frozen=True):
    """The outcome of reading before its findings are settled: what could be read, whatever was found."""

    pipeline: Pipeline | None
    document: Document | None

    def settle(self, collector: FindingCollector, source: str) -> Pipeline:
        """The pipeline with its warnings.

        :raises DefinitionError: if the collector holds an error.
        """
        ordered = [*in_document_order(collector.findings, self.document), *collector.summaries()]
        findings = with_positions(ordered, collector.text, collector.place)
        if self.pipeline is None or collector.errors:
            raise DefinitionError(source, findings)
        warnings = tuple([finding.storable() for finding in findings])
        return replace(self.pipeline, warnings=warnings) if warnings else self.pipeline


def read_document(
    definition: Source, collector: FindingCollector, options: Options, replacements: Sequence[Replacement] = ()
) -> Reading:
    """Read as much as can be read, with what is replaced of it, with findings for the rest."""
    try:
        document = load_document(definition, collector, replacements)
        pipeline = None if document is None else _read_pipeline(document, Scope(collector, options))
    except RecursionError:
        # The limit of depth leaves room for a caller's stack, but not for any caller's.
        collector.error("the definition is nested too deeply for the stack that is left", "$", code="too-deep")
        return Reading(None, None)
    return Reading(pipeline, document)


def _read_pipeline(document: Document, scope: Scope) -> Pipeline:
    value = document.definition
    scope.check_keys(value, _TOP_KEYS, None, "a definition")
    parameters = read_parameters(scope, value.get("Parameters"), (None, "Parameters"))
    experiment = _read_experiment(scope, value.get("PipelineExperimentConfig"), (None, "PipelineExperimentConfig"))
    mlflow = _read_mlflow(scope, value.get("MlflowConfig"), (None, "MlflowConfig"))
    wrapper, around = document.wrapper or {}, document.wrapper_path
    pipeline = Pipeline(
        steps=read_steps(scope, value["Steps"], (None, "Steps")),
        parameters=parameters,
        digest=document.digest,
        version=_read_version(scope, value),
        metadata=read_metadata(scope, value.get("Metadata"), (None, "Metadata")),
        experiment=experiment,
        mlflow=mlflow,
        name=_read_name(scope, wrapper, around),
        display_name=_read_display_name(scope, wrapper, around),
        description=scope.text(wrapper, "PipelineDescription", around),
        role_arn=scope.text(wrapper, "RoleArn", around),
        max_parallel_steps=_read_parallelism(
            scope, wrapper.get("ParallelismConfiguration"), (around, "ParallelismConfiguration")
        ),
        logical_id=document.logical_id,
        version_id=_read_version_id(wrapper),
        wrapper=render_path(around),
    )
    names = Names(scope.collector, parameters, experiment)
    names.declare(pipeline.steps)
    names.check_child_names()
    names.check_top_level(scope.expressions)
    for step in pipeline.steps:
        names.check_step(step)
    return pipeline


def _read_name(scope: Scope, wrapper: dict[str, Json], around: JsonPath) -> str | None:
    name = scope.text(wrapper, "PipelineName", around, empty=False)
    if name is not None and len(name) > MAX_ID_LENGTH:
        message = (
            f"the name has {len(name)} characters and a dag id at most {MAX_ID_LENGTH}: the id is the name cut short"
        )
        scope.warning(message, (around, "PipelineName"), code="long-name")
    return name


def _read_display_name(scope: Scope, wrapper: dict[str, Json], around: JsonPath) -> str | None:
    name = scope.text(wrapper, "PipelineDisplayName", around)
    if name is None or len(name) <= MAX_DISPLAY_NAME_LENGTH:
        return name
    message = f"the name has {len(name)} characters, of which Airflow shows the first {MAX_DISPLAY_NAME_LENGTH}"
    scope.warning(message, (around, "PipelineDisplayName"), code="long-name")
    return name[:MAX_DISPLAY_NAME_LENGTH]


def _read_version(scope: Scope, value: dict[str, Json]) -> str | None:
    version = scope.text(value, "Version", None)
    if version is not None and version != VERSION:
        scope.warning(
            f"unknown version {shorten(version)!r}, read as {VERSION}", (None, "Version"), code="unknown-version"
        )
    return version


def _read_experiment(scope: Scope, value: Json, path: JsonPath) -> ExperimentConfig | None:
    if value is None or scope.object(value, path, "an object with ExperimentName and TrialName") is None:
        return None
    assert isinstance(value, dict)
    scope.check_keys(value, _EXPERIMENT_KEYS, path, "PipelineExperimentConfig")
    return ExperimentConfig(
        _read_text_value(scope, value, "ExperimentName", path), _read_text_value(scope, value, "TrialName", path)
    )


def _read_mlflow(scope: Scope, value: Json, path: JsonPath) -> MlflowConfig | None:
    if value is None or scope.object(value, path, "an object with MlflowResourceArn") is None:
        return None
    assert isinstance(value, dict)
    scope.check_keys(value, _MLFLOW_KEYS, path, "MlflowConfig")
    return MlflowConfig(
        _read_text_value(scope, value, "MlflowResourceArn", path),
        _read_text_value(scope, value, "MlflowExperimentName", path),
    )


def _read_text_value(scope: Scope, value: dict[str, Json], key: str, path: JsonPath) -> Value:
    found = value.get(key)
    if found is None:
        return None
    if not isinstance(found, str) and not is_expression(found):
        scope.wrong_type("a text or an expression", found, (path, key))
    return read_value(scope, found, (path, key))


def _read_version_id(wrapper: dict[str, Json]) -> int | None:
    """What this package has written itself; anything else there says nothing."""
    found = wrapper.get(VERSION_ID)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _read_parallelism(scope: Scope, value: Json, path: JsonPath) -> int | None:
    if value is None or scope.object(value, path, "an object with MaxParallelExecutionSteps") is None:
        return None
    assert isinstance(value, dict)
    scope.check_keys(value, _PARALLELISM_KEYS, path, "ParallelismConfiguration")
    found = value.get("MaxParallelExecutionSteps")
    if found is None:
        return None
    if isinstance(found, int) and not isinstance(found, bool) and 1 <= found <= MAX_PARALLEL_STEPS:
        return found
    expected = f"a whole number from 1 to {MAX_PARALLEL_STEPS}"
    scope.wrong_type(expected, found, (path, "MaxParallelExecutionSteps"))
    return None
