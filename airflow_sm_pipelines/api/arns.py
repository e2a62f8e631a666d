"""The ARNs of pipelines and executions, and what they name."""

from __future__ import annotations

import re

from msgspec import Struct

from airflow_sm_pipelines.definition.limits import MAX_ID_LENGTH
from airflow_sm_pipelines.store.pipeline_names import name_in
from airflow_sm_pipelines.wire.errors import ApiError

_EXECUTION = re.compile(r"arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]*:[0-9]{12}:pipeline/([^/]+)/execution/([^/]+)")
_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}


class Named(Struct, frozen=True):
    """An execution as its ARN names it. The pipeline's name is in lower case there, as AWS writes it."""

    pipeline: str
    execution_id: str


class Arns(Struct, frozen=True):
    """Writes the ARNs of one account and region."""

    region: str
    account: str

    def pipeline(self, name: str) -> str:
        return self.resource(f"pipeline/{name.lower()}")

    def resource(self, resource: str) -> str:
        """Any of SageMaker's, by its kind and name."""
        partition = next((found for start, found in _PARTITIONS.items() if self.region.startswith(start)), "aws")
        return f"arn:{partition}:sagemaker:{self.region}:{self.account}:{resource}"

    def execution(self, name: str, execution_id: str) -> str:
        return f"{self.pipeline(name)}/execution/{execution_id}"


def pipeline_of(name_or_arn: str) -> str:
    """The name of a pipeline that is given by its name or its ARN.

    The ARN's region and account are not compared: a step that runs knows the account of its own credentials.

    :raises ApiError: ResourceNotFound for a name that no pipeline of this API can have
    """
    try:
        return _possible(name_in(name_or_arn))
    except ValueError:
        raise ApiError("ResourceNotFound", f"Pipeline {name_or_arn!r} does not exist.") from None


def new_pipeline(name: str) -> str:
    """The name of a pipeline that is to be made.

    :raises ApiError: ValidationException for a name that SageMaker takes, and Airflow does not
    """
    try:
        return _possible(name)
    except ValueError as error:
        raise ApiError("ValidationException", str(error)) from None


def execution_of(arn: str) -> Named:
    """What the ARN of an execution names.

    :raises ApiError: ResourceNotFound for an ARN of anything else
    """
    found = _EXECUTION.fullmatch(arn)
    try:
        if found is not None:
            return Named(_possible(name_in(found[1])), found[2])
    except ValueError:
        pass
    raise ApiError("ResourceNotFound", f"Pipeline execution {arn!r} does not exist.")


def tagged_pipeline(arn: str) -> str:
    """The pipeline whose tags are meant.

    :raises ApiError: ValidationException for a resource that is no pipeline: this API has no others; ResourceNotFound
        for a name that no pipeline of this API can have
    """
    try:
        name_in(arn)
    except ValueError:
        raise ApiError(
            "ValidationException",
            f"{arn!r} is not the ARN of a pipeline: this API keeps the tags of pipelines only, and sends nothing on to"
            " AWS.",
        ) from None
    return pipeline_of(arn)


def _possible(name: str) -> str:
    """:raises ValueError: for a name that is too long for a dag id"""
    if len(name) > MAX_ID_LENGTH:
        raise ValueError(
            f"The name of the pipeline has {len(name)} characters: it is the id of a Dag, too, for which Airflow takes"
            f" at most {MAX_ID_LENGTH}."
        )
    return name
