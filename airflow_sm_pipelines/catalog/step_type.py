"""What is to be known of a step type without running it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from airflow_sm_pipelines.catalog.places import NOWHERE, Places

if TYPE_CHECKING:
    from airflow_sm_pipelines.catalog.argument_rules import ArgumentRules
    from airflow_sm_pipelines.catalog.kind import JobKind


class RetryTypes(Enum):
    """Which exception types the RetryPolicies of a step can name (semantics 7)."""

    ALL = "all"
    CALLS = "Step.SERVICE_FAULT and Step.THROTTLING"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ApiShape:
    """The input or output of an API operation in botocore's model, or one member of it."""

    service: str
    operation: str
    member: str | None = None


@dataclass(frozen=True, slots=True)
class CacheKey:
    """What of a step must be as it was for an earlier result to stand for a new one (semantics 8).

    ``arguments`` are dotted paths into its resolved Arguments, none for all of them; ``settings`` are keys beside
    Arguments.
    """

    arguments: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepType:
    """A step type of SageMaker Pipelines (semantics 2.1).

    ``operator`` is the dotted path of the Airflow operator that runs it, None where none does yet, and ``instance_of``
    the class of Airflow or of the Amazon provider that its task is an instance of. ``calls`` are the AWS operations it
    makes, with their service. ``arguments`` is the request that the step's Arguments are, and ``properties`` the
    response that ``Steps.<name>.…`` refers to; ``extra_properties`` are top-level members that the response lacks.
    ``cached`` tells whether the service caches the type, and ``cache_key`` by what. ``rules`` are what its Arguments
    keep to beyond that request. ``places`` are where AWS shows what the step runs, and its log.
    """

    name: str
    operator: str | None = None
    instance_of: str | None = None
    kind: JobKind | None = None
    calls: tuple[str, ...] = ()
    arguments: ApiShape | None = None
    properties: ApiShape | None = None
    extra_properties: tuple[str, ...] = ()
    retries: RetryTypes = RetryTypes.NONE
    cached: bool = False
    cache_key: CacheKey = CacheKey()
    rules: ArgumentRules | None = None
    places: Places = NOWHERE


def sagemaker(operation: str) -> ApiShape:
    """An operation of the SageMaker API."""
    return ApiShape("sagemaker", operation)


def job_calls(kind: JobKind) -> tuple[str, ...]:
    """The operations by which a job lives."""
    return tuple(f"{kind.service}:{name}" for name in (kind.create, kind.describe, kind.stop) if name is not None)
