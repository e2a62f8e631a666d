"""What a definition names, against what the deployment allows: what is literal is judged when it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.expressions import JsonGet, PropertyFileReference
from airflow_sm_pipelines.step_types import cleanup
from airflow_sm_pipelines.step_types.roles import NO_REPLACEMENT, RoleReplacement, roles_of
from airflow_sm_pipelines.validation.allow_list import AllowList

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.model import Pipeline, Step
    from airflow_sm_pipelines.step_types.step_type import StepType

CHECKS = frozenset({"QualityCheck", "ClarifyCheck"})
"""The types whose job's outputs Airflow reads: the violations report is among them."""


def check_allowed(
    pipeline: Pipeline,
    step_types: Mapping[str, StepType],
    allowed: AllowList,
    collector: FindingCollector,
    roles: RoleReplacement = NO_REPLACEMENT,
) -> None:
    """A finding for each literal that is not allowed. What an expression gives is judged when the step runs.

    Judged are the roles that stand for those of the definition.
    """
    if allowed == AllowList():
        return
    if pipeline.role_arn is not None and (refusal := allowed.refuse_role(roles.of(pipeline.role_arn))) is not None:
        collector.error(refusal, "$.RoleArn", code="not-allowed")
    steps = {step.name: step for step in pipeline.all_steps}
    for step in steps.values():
        for path, refusal in _refusals(step, step_types.get(step.type), steps, allowed, roles):
            collector.error(refusal, path, step=step.name, code="not-allowed")


def _refusals(
    step: Step,
    step_type: StepType | None,
    steps: Mapping[str, Step],
    allowed: AllowList,
    roles: RoleReplacement,
) -> Iterator[tuple[str, str]]:
    judged = [(f"{step.path}.Type", allowed.refuse_step_type(step.type))]
    judged += [
        (f"{step.path}.Arguments.{path}", allowed.refuse_role(roles.of(role, path)))
        for path, role in named_roles(step, step_type)
        if isinstance(role, str)
    ]
    function, queue = step.settings.get("FunctionArn"), step.settings.get("SqsQueueUrl")
    if isinstance(function, str):
        judged.append((f"{step.path}.FunctionArn", allowed.refuse_function(function)))
    if isinstance(queue, str):
        judged.append((f"{step.path}.SqsQueueUrl", allowed.refuse_queue(queue)))
    judged += [(path, allowed.refuse_s3(uri)) for path, uri in _places_read(step, steps)]
    for path, refusal in judged:
        if refusal is not None:
            yield path, refusal


def named_roles(step: Step, step_type: StepType | None) -> Iterator[tuple[str, Value]]:
    """The roles that a step hands to AWS, with their paths in the Arguments: None for the pipeline's own."""
    if step_type is not None:
        yield from roles_of(step_type.used_with(step.arguments), step.arguments)


def _places_read(step: Step, steps: Mapping[str, Step]) -> Iterator[tuple[str, str]]:
    """The literal S3 URIs from which Airflow itself reads for a step, or which it deletes."""
    for located in step.expressions:
        if isinstance(located.expression, JsonGet):
            source = located.expression.source
            if isinstance(source, PropertyFileReference):
                yield from ((located.path, uri) for uri in _output_of_file(source, steps))
            elif isinstance(source, str):
                yield located.path, source
    if step.type == cleanup.NAME:
        for index, entry in cleanup.listed_sources(step.arguments):
            uris = entry.get(cleanup.URIS)
            for position, uri in enumerate(uris if isinstance(uris, tuple) else ()):
                if isinstance(uri, str):
                    yield f"{step.path}.Arguments.Resources.S3[{index}].S3Uris[{position}]", uri
    if step.type in CHECKS:
        for path, _, uri in _outputs(step):
            yield path, uri


def _output_of_file(source: PropertyFileReference, steps: Mapping[str, Step]) -> Iterator[str]:
    writer = steps.get(source.step)
    files = () if writer is None else writer.property_files
    names = {file.output_name for file in files if file.name == source.property_file}
    if writer is not None:
        yield from (uri for _, name, uri in _outputs(writer) if name in names)


def _outputs(step: Step) -> Iterator[tuple[str, object, str]]:
    """The outputs of a processing job that are literal: path, name and S3 URI."""
    config = step.arguments.get("ProcessingOutputConfig")
    outputs = config.get("Outputs") if isinstance(config, Mapping) else None
    for index, output in enumerate(outputs if isinstance(outputs, tuple) else ()):
        place = output.get("S3Output") if isinstance(output, Mapping) else None
        uri = place.get("S3Uri") if isinstance(place, Mapping) else None
        if isinstance(uri, str) and isinstance(output, Mapping):
            path = f"{step.path}.Arguments.ProcessingOutputConfig.Outputs[{index}].S3Output.S3Uri"
            yield path, output.get("OutputName"), uri
