"""The forms in which people have a definition: what stands around it, and where in the document it is.

A definition comes as it is, as a text that holds it (``--query PipelineDefinition``), in a describe-pipeline
response, in the input of create-pipeline and update-pipeline (``--cli-input-json``), and as CloudFormation has it
(semantics 1.6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.definition.cloudformation import (
    PROPERTIES,
    RESOURCES,
    function_of,
    functions_in,
    is_resource,
    pipelines_in,
    without_no_values,
)
from airflow_sm_pipelines.definition.paths import describe, listed, render_path, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.definition.syntax import Json

DEFINITION = "PipelineDefinition"
BODY = "PipelineDefinitionBody"
S3_LOCATION = "PipelineDefinitionS3Location"
VERSION_ID = "PipelineVersionId"
READ_KEYS = (
    "PipelineName",
    "PipelineDisplayName",
    "PipelineDescription",
    "RoleArn",
    "ParallelismConfiguration",
    VERSION_ID,
)
"""What is read beside the definition; the rest (times, ARNs, tags of the pipeline) says nothing about it."""
WRAPPER_KEYS = (DEFINITION, S3_LOCATION, *READ_KEYS)

_OF_NO_EFFECT = {
    "RoleArn": "steps without a role of their own take the role_arn of the Dag or of the settings",
    "PipelineDisplayName": "the Dag shows its id",
    "PipelineDescription": "the Dag has no description",
}
"""What holds in the place of a member whose value only CloudFormation knows, where a run can do without it."""


class Wrapped(Struct, frozen=True):
    """A definition, as JSON or as the text of it, with its place, and what stands around it.

    ``wrapper`` has the members that are read; ``logical_id`` is the name of the resource in a template.
    """

    definition: Json
    path: JsonPath = None
    wrapper: dict[str, Json] | None = None
    wrapper_path: JsonPath = None
    logical_id: str | None = None


def unwrap(value: dict[str, Json], collector: FindingCollector) -> Wrapped | None:
    """The definition in a document, or None after a finding that says why there is none."""
    if "Steps" in value:
        return Wrapped(value)
    if is_resource(value):
        return of_resource(value, None, collector)
    if DEFINITION in value or S3_LOCATION in value:
        return _of_wrapper(value, None, collector, is_template=False)
    pipelines = pipelines_in(value)
    if len(pipelines) > 1:
        message = f"the template holds several pipelines ({listed(list(pipelines))}): load_dags makes a Dag of each"
        collector.error(message, "$", code="several-pipelines")
        return None
    for name, resource in pipelines.items():
        return of_resource(resource, ((None, RESOURCES), name), collector)
    return Wrapped(value)


def of_resource(resource: Json, path: JsonPath, collector: FindingCollector) -> Wrapped | None:
    """The definition in a resource of a template, which stands at ``path``, or None after a finding that says why."""
    logical_id = None if path is None else str(path[1])
    if logical_id is not None and logical_id.startswith("Fn::"):
        _tell_function_at(path, logical_id, collector)
        return None
    properties = resource.get(PROPERTIES) if isinstance(resource, dict) else None
    if not isinstance(properties, dict):
        found = describe(properties)
        collector.error(f"expected the Properties of a pipeline, found {found}", render_path(path), code="wrong-type")
        return None
    wrapped = _of_wrapper(properties, (path, PROPERTIES), collector, is_template=True)
    if wrapped is None or logical_id is None:
        return wrapped
    return Wrapped(wrapped.definition, wrapped.path, wrapped.wrapper, wrapped.wrapper_path, logical_id)


def _of_wrapper(
    wrapper: dict[str, Json], path: JsonPath, collector: FindingCollector, *, is_template: bool
) -> Wrapped | None:
    definition, place = wrapper.get(DEFINITION), (path, DEFINITION)
    location, location_path = wrapper.get(S3_LOCATION), (path, S3_LOCATION)
    if isinstance(definition, dict) and "Steps" not in definition:
        is_template = is_template or BODY in definition or function_of(definition) is not None
        if S3_LOCATION in definition and BODY not in definition:
            location, location_path = definition[S3_LOCATION], (place, S3_LOCATION)
            definition = None
        elif BODY in definition:
            definition, place = definition[BODY], (place, BODY)
    values = _values(wrapper, path, collector)
    if _refuse_function(definition, place, collector):
        return None
    # The skeleton that --generate-cli-skeleton writes has an empty text where there is none.
    if definition in (None, "") and location not in (None, ""):
        _refuse_location(location, location_path, collector)
        return None
    if isinstance(definition, dict) and is_template:
        definition = without_no_values(definition)
        if _refuse_functions(definition, place, collector):
            return None
    elif definition is None and DEFINITION not in wrapper:
        near = next(filter(None, (collector.guess(key, (DEFINITION,)) for key in wrapper)), None)
        collector.error(f"the key {DEFINITION!r} is missing", render_path(path), code="missing-key", suggestion=near)
        return None
    elif not isinstance(definition, str | dict):
        message = f"{DEFINITION} must be a JSON object or the text of one, found {describe(definition)}"
        collector.error(message, render_path(place), code="wrong-type")
        return None
    elif isinstance(definition, str) and definition.startswith(("file://", "fileb://")):
        message = "the address of a file is followed by the AWS command line alone, as an argument: put the text here"
        collector.error(message, render_path(place), code="not-json")
        return None
    return Wrapped(definition, place, values, path)


def _values(wrapper: Mapping[str, Json], path: JsonPath, collector: FindingCollector) -> dict[str, Json]:
    """What is read beside the definition, without what only CloudFormation knows, which is a finding."""
    values: dict[str, Json] = {}
    for key in READ_KEYS:
        value = without_no_values({key: wrapper[key]}) if key in wrapper else None
        if not isinstance(value, dict) or key not in value:
            continue
        functions = list(functions_in(value[key], (path, key)))
        if not functions:
            values[key] = value[key]
        for place, function in functions:
            if key in _OF_NO_EFFECT:
                message = (
                    f"{function} is a CloudFormation function, whose value is not known here: {_OF_NO_EFFECT[key]}"
                )
                collector.warning(message, render_path(place), code="cloudformation-function")
            else:
                _tell_function_at(place, function, collector)
    return values


def _refuse_function(value: Json, path: JsonPath, collector: FindingCollector) -> bool:
    function = function_of(value)
    return function is not None and _tell_function_at(path, function, collector)


def _refuse_functions(value: Json, path: JsonPath, collector: FindingCollector) -> bool:
    before = collector.errors
    for place, function in functions_in(value, path):
        _tell_function_at(place, function, collector)
    return collector.errors > before


def _tell_function_at(path: JsonPath, function: str, collector: FindingCollector) -> bool:
    message = (
        f"{shorten(function)} is a CloudFormation function, whose value is not known here: write the value, or take"
        " what describe-pipeline prints of the deployed pipeline"
    )
    collector.error(message, render_path(path), code="cloudformation-function")
    return True


def _refuse_location(location: Json, path: JsonPath, collector: FindingCollector) -> None:
    """That the definition is an object in S3, and how to fetch it: ``Key`` in CloudFormation, else ``ObjectKey``."""
    if _refuse_functions(location, path, collector):
        return
    members = location if isinstance(location, dict) else {}
    bucket, version = members.get("Bucket"), members.get("VersionId") or members.get("Version")
    key = members.get("ObjectKey") or members.get("Key")
    message = "the definition itself lies in S3: fetch that object and give it in the place of this file"
    if isinstance(bucket, str) and isinstance(key, str) and bucket and key:
        message = f"the definition itself lies in S3: fetch s3://{bucket}/{key}"
        command = f"aws s3 cp s3://{bucket}/{key} FILE"
        if isinstance(version, str) and version:
            message += f" in its version {version}"
            command = f"aws s3api get-object --bucket {bucket} --key {key} --version-id {version} FILE"
        message += f" ({command}) and give it in the place of this file"
    collector.error(message, render_path(path), code="definition-in-s3")
