"""CreatePipeline, UpdatePipeline, DescribePipeline, DeletePipeline, ListPipelines, and the versions."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any

from airflow_sm_pipelines.api.arns import pipeline_of
from airflow_sm_pipelines.api.definitions import checked
from airflow_sm_pipelines.api.operation import Call, given, user_context
from airflow_sm_pipelines.api.paging import paged
from airflow_sm_pipelines.api.times import epoch_in
from airflow_sm_pipelines.store.model import Stored, Version, VersionLabel
from airflow_sm_pipelines.store.pipelines import PipelineExistsError, TokenUsedError
from airflow_sm_pipelines.wire.errors import ApiError


def create_pipeline(call: Call) -> dict[str, Any]:
    request, store = call.request, call.ports.store
    name, token = request["PipelineName"], digest_of(request["ClientRequestToken"])
    members = {"name": name, **_members(call), "definition": _definition(call)}
    if members["definition"] is None:
        raise ApiError(
            "ValidationException", "One of PipelineDefinition and PipelineDefinitionS3Location must be given."
        )
    if (file := call.ports.runs.taken_by(name)) is not None:
        raise ApiError(
            "ConflictException",
            f"Airflow has a Dag of the id {name!r} that is no pipeline of this API: {file} makes it.",
        )
    _lint(call, members)
    tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags") or ()}
    try:
        made = store.create(members, user=call.caller.user, token=token, tags=tags)
    except PipelineExistsError:
        made = call.pipeline(name)
        if made.record.token != token:
            # The SDK's upsert goes on with UpdatePipeline by these words.
            raise ApiError(
                "ValidationException",
                "Pipeline names must be unique within an AWS account and region. Pipeline with name"
                f" ({made.record.name}) already exists.",
            ) from None
    except TokenUsedError:
        raise ApiError(
            "ConflictException",
            f"The ClientRequestToken has created a pipeline {name!r} before, which was deleted since.",
        ) from None
    return {"PipelineArn": _arn(call, made)}


def update_pipeline(call: Call) -> dict[str, Any]:
    present = call.pipeline(call.request["PipelineName"])
    members, definition = _members(call), _definition(call)
    if definition is not None:
        members["definition"] = definition
    document = {**{name: getattr(present.version, name) for name in Version.__struct_fields__}, **members}
    _lint(call, document)
    changed = call.ports.store.update(present.record.name, members, user=call.caller.user)
    return {"PipelineArn": _arn(call, changed), "PipelineVersionId": changed.version.number}


def describe_pipeline(call: Call) -> dict[str, Any]:
    found = call.pipeline(pipeline_of(call.request["PipelineName"]))
    record, current = found.record, found.version
    version = _version(call, found, call.request.get("PipelineVersionId") or current.number)
    label = record.labels.get(str(version.number), VersionLabel())
    latest = call.ports.runs.latest([record.name]).get(record.name)
    return given(
        PipelineArn=_arn(call, found),
        PipelineName=record.name,
        PipelineDisplayName=version.display_name or record.name,
        PipelineDefinition=version.definition,
        PipelineDescription=version.description,
        RoleArn=version.role_arn,
        PipelineStatus="Active",
        CreationTime=record.created_at,
        LastModifiedTime=current.created_at,
        LastRunTime=None if latest is None else latest.timestamp(),
        CreatedBy=user_context(record.created_by),
        LastModifiedBy=user_context(current.user),
        ParallelismConfiguration=_parallelism(version),
        PipelineVersionDisplayName=label.display_name,
        PipelineVersionDescription=label.description,
    )


def delete_pipeline(call: Call) -> dict[str, Any]:
    """Take a pipeline out. A call that comes twice does not take out what was created between."""
    name, token = call.request["PipelineName"], digest_of(call.request["ClientRequestToken"])
    if (gone := call.ports.store.deleted_by(name, token)) is not None:
        return {"PipelineArn": _arn(call, gone)}
    found = call.pipeline(name)
    if call.ports.runs.has_unfinished(found.record.name):
        raise ApiError(
            "ConflictException",
            f"Pipeline {found.record.name!r} has executions that have not ended: stop them first.",
        )
    call.ports.store.delete(found.record.name, token)
    return {"PipelineArn": _arn(call, found)}


def list_pipelines(call: Call) -> dict[str, Any]:
    """The pipelines that the caller may read."""
    request = call.request
    prefix = str(request.get("PipelineNamePrefix") or "").lower()
    after, before = epoch_in(request, "CreatedAfter"), epoch_in(request, "CreatedBefore")
    found = [
        each
        for each in call.ports.store.all()
        if each.record.name.lower().startswith(prefix)
        and (after is None or each.record.created_at > after)
        and (before is None or each.record.created_at < before)
    ]
    readable = set(call.caller.allowed("read", [each.record.name for each in found]))
    found = [each for each in found if each.record.name in readable]
    by_name = request.get("SortBy") == "Name"

    def key(each: Stored) -> tuple[float | str, str]:
        name = each.record.name.lower()
        return (name, name) if by_name else (each.record.created_at, name)

    page, following = paged(request, found, key, descending=request.get("SortOrder") != "Ascending")
    latest = call.ports.runs.latest([each.record.name for each in page])
    return {"PipelineSummaries": [_summary(call, each, latest) for each in page], **following}


def list_pipeline_versions(call: Call) -> dict[str, Any]:
    request = call.request
    found = call.pipeline(pipeline_of(request["PipelineName"]))
    arns, record = call.arns(found.version.role_arn), found.record
    after, before = epoch_in(request, "CreatedAfter"), epoch_in(request, "CreatedBefore")
    versions = [
        version
        for version in call.ports.store.versions(record.name)
        if (after is None or version.created_at > after) and (before is None or version.created_at < before)
    ]
    descending = request.get("SortOrder") != "Ascending"
    page, following = paged(request, versions, lambda version: (version.number,), descending=descending)
    latest = call.ports.runs.latest_of_versions(record.name, [version.number for version in page])
    return {
        "PipelineVersionSummaries": [
            given(
                PipelineArn=arns.pipeline(record.name),
                PipelineVersionId=version.number,
                CreationTime=version.created_at,
                PipelineVersionDescription=record.labels.get(str(version.number), VersionLabel()).description,
                PipelineVersionDisplayName=record.labels.get(str(version.number), VersionLabel()).display_name,
                LastExecutionPipelineExecutionArn=(
                    arns.execution(record.name, latest[version.number]) if version.number in latest else None
                ),
            )
            for version in page
        ],
        **following,
    }


def update_pipeline_version(call: Call) -> dict[str, Any]:
    request = call.request
    found = call.pipeline(pipeline_of(request["PipelineArn"]))
    number = request["PipelineVersionId"]
    _version(call, found, number)
    older = found.record.labels.get(str(number), VersionLabel())
    label = VersionLabel(
        request.get("PipelineVersionDisplayName", older.display_name),
        request.get("PipelineVersionDescription", older.description),
    )
    call.ports.store.label(found.record.name, number, label)
    return {"PipelineArn": _arn(call, found), "PipelineVersionId": number}


def digest_of(token: str) -> str:
    """A ClientRequestToken as it is kept."""
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def _members(call: Call) -> dict[str, Any]:
    """What a request gives beside the definition, by the names of a version's members."""
    request = call.request
    members = {
        "display_name": request.get("PipelineDisplayName"),
        "description": request.get("PipelineDescription"),
        "role_arn": request.get("RoleArn"),
        "parallelism": (request.get("ParallelismConfiguration") or {}).get("MaxParallelExecutionSteps"),
    }
    return {name: value for name, value in members.items() if value is not None}


def _definition(call: Call) -> str | None:
    request = call.request
    text, location = request.get("PipelineDefinition"), request.get("PipelineDefinitionS3Location")
    if text is not None and location is not None:
        raise ApiError(
            "ValidationException",
            "PipelineDefinition and PipelineDefinitionS3Location cannot both be given.",
        )
    if location is not None:
        return call.ports.read_s3(location["Bucket"], location["ObjectKey"], location.get("VersionId"))
    return text


def _lint(call: Call, members: dict[str, Any]) -> None:
    version = Version(**{**members, "number": 1, "created_at": 0.0, "user": ""})
    checked(call.ports.lint, version.document())


def _version(call: Call, found: Stored, number: int) -> Version:
    record, current = found.record, found.version.number
    with suppress(LookupError):
        version = call.ports.store.version(record.name, number)
        if version.first == record.first:
            return version
    raise ApiError("ResourceNotFound", f"Pipeline {record.name!r} has no version {number}: the latest is {current}.")


def _arn(call: Call, found: Stored) -> str:
    return call.arns(found.version.role_arn).pipeline(found.record.name)


def _parallelism(version: Version) -> dict[str, int] | None:
    return None if version.parallelism is None else {"MaxParallelExecutionSteps": version.parallelism}


def _summary(call: Call, each: Stored, latest: dict[str, Any]) -> dict[str, Any]:
    record, version, run = each.record, each.version, latest.get(each.record.name)
    return given(
        PipelineArn=_arn(call, each),
        PipelineName=record.name,
        PipelineDisplayName=version.display_name or record.name,
        PipelineDescription=version.description,
        RoleArn=version.role_arn,
        CreationTime=record.created_at,
        LastModifiedTime=version.created_at,
        LastExecutionTime=None if run is None else run.timestamp(),
    )
