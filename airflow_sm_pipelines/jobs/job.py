"""Looking at a job, and what AWS says where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace

from airflow_sm_pipelines.aws.calls import is_missing, operation
from airflow_sm_pipelines.aws.failures import (
    CallError,
    ExceptionType,
    StepFailure,
    is_transient,
    type_of_call_error,
)
from airflow_sm_pipelines.aws.letter_case import from_api
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.validation.service_model import PASCAL_CASED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.aws.access import AwsAccess
    from airflow_sm_pipelines.step_types.step_type import StepType


def look_for(client: Any, kind: JobKind, name: str) -> dict[str, Any] | None:
    """A job's Describe response, or None where there is no such job.

    :raises ClientError, BotoCoreError: when AWS cannot say; the job, if there is one, goes on
    """
    try:
        return cast("dict[str, Any]", operation(client, kind.describe)(**kind.asked_by(name)))
    except ClientError as error:
        if is_missing(error):
            return None
        raise


def describe(client: Any, kind: JobKind, name: str) -> dict[str, Any] | None:
    """A job's Describe response, or None where there is no such job, looked for once.

    :raises StepFailure: when AWS cannot say; the job, if there is one, goes on
    """
    try:
        return look_for(client, kind, name)
    except (ClientError, BotoCoreError) as error:
        raise _unknown(kind, name, error) from error


def _unknown(kind: JobKind, name: str, error: ClientError | BotoCoreError) -> StepFailure:
    return StepFailure(
        f"The {kind.noun} {name} could not be looked at: {CallError.of(error)}",
        # Expired credentials pass too: the next try makes a client of its own.
        type_of_call_error(error) or (ExceptionType.SERVICE_FAULT if is_transient(error) else None),
        outcome_unknown=True,
    )


def is_described(job: Mapping[str, Any], step_types: Mapping[str, StepType]) -> bool:
    """Whether what a step's ``sagemaker`` XCom names is a job that a Describe call describes."""
    step_type = step_types.get(str(job.get("step_type")))
    return step_type is not None and step_type.kind is not None


def describe_job(access: AwsAccess, job: Mapping[str, Any], step_types: Mapping[str, StepType]) -> dict[str, Any]:
    """Describe the job that a step's ``sagemaker`` XCom names, its secrets included, in the form of the step's result.

    :raises StepFailure: where there is no job, or AWS cannot say
    """
    step_type = step_types.get(job["step_type"])
    if step_type is None or step_type.kind is None:
        raise StepFailure(f"A {job['step_type']} step runs no job that a masked value could be read from.")
    own = step_type.kind
    kind = replace(own, describe_params=job.get("asked_with", {}), describe=job.get("describe", own.describe))
    client = access.client(kind.service)
    described = describe(client, kind, str(job["job_name"]))
    if described is None:
        raise StepFailure(f"The {kind.noun} {job['job_name']} is gone, and a value of it is needed.")
    return in_form_of_result(client, kind, described)


def in_form_of_result(client: Any, kind: JobKind, described: dict[str, Any]) -> dict[str, Any]:
    """A Describe response in the form of the step's result."""
    model = client.meta.service_model
    if model.service_id in PASCAL_CASED:
        described = cast("dict[str, Any]", from_api(described, model.operation_model(kind.describe).output_shape))
    return described if kind.result_field is None else cast("dict[str, Any]", described[kind.result_field])
