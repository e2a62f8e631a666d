"""What is to be known of a step type without running it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from airflow_sm_pipelines.step_types.console_locations import NOWHERE, Places

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.step_types.argument_rules import ArgumentRules
    from airflow_sm_pipelines.step_types.job_kind import JobKind


class RetryTypes(Enum):
    """Which exception types the RetryPolicies of a step can name (semantics 7)."""

    ALL = "all"
    CALLS = "Step.SERVICE_FAULT and Step.THROTTLING"
    NONE = "none"


class ApiShape(Struct, frozen=True):
    """The input or output of an API operation in botocore's model, or one member of it."""

    service: str
    operation: str
    member: str | None = None


class CacheKey(Struct, frozen=True):
    """What of a step must be as it was for an earlier result to stand for a new one (semantics 8).

    ``arguments`` are dotted paths into its resolved Arguments, none for all of them; ``settings`` are keys beside
    Arguments.
    """

    arguments: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


class Variant(Struct, frozen=True):
    """Another API by which a step type runs, taken where the Arguments have one of ``members`` (null does not count).

    ``kind``, ``arguments`` and ``properties`` stand in the place of the step type's own; None is as it is there.
    """

    members: tuple[str, ...]
    kind: JobKind
    arguments: ApiShape | None = None
    properties: ApiShape | None = None


class StepType(Struct, frozen=True):
    """A step type of SageMaker Pipelines (semantics 2.1).

    ``operator`` is the dotted path of the Airflow operator that runs it, None where none does yet, and ``instance_of``
    the class of Airflow or of the Amazon provider that its task is an instance of. ``calls`` are the AWS operations it
    makes, with their service, and ``permissions`` the IAM actions that it needs besides. ``arguments`` is the request
    that the step's Arguments are, and ``properties`` the response that ``Steps.<name>.…`` refers to;
    ``extra_properties`` are top-level members that the response lacks. ``variants`` are other APIs that it may have.

    ``filled_roles`` and ``given_roles`` are the members of Arguments, beside the kind's ``role_field``, by which a role
    is handed to AWS, as dotted paths (``[]`` goes through a list): the first have the pipeline's role where they are
    missing. ``cached`` tells whether the service caches the type, and ``cache_key`` by what. ``rules`` are what its
    Arguments keep to beyond that request, ``limits`` in words what bounds it, beside its kind's limits of name and
    time. ``places`` are where AWS shows what the step runs, and its log.
    """

    name: str
    operator: str | None = None
    instance_of: str | None = None
    kind: JobKind | None = None
    calls: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    arguments: ApiShape | None = None
    properties: ApiShape | None = None
    extra_properties: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()
    filled_roles: tuple[str, ...] = ()
    given_roles: tuple[str, ...] = ()
    retries: RetryTypes = RetryTypes.NONE
    cached: bool = False
    cache_key: CacheKey = CacheKey()
    rules: ArgumentRules | None = None
    limits: tuple[str, ...] = ()
    places: Places = NOWHERE

    @property
    def apis(self) -> tuple[StepType | Variant, ...]:
        """What tells of a request and its response: the step type, and its variants."""
        return (self, *self.variants)

    def used_with(self, arguments: Mapping[str, object]) -> StepType:
        """The step type as it is for a step of these Arguments: where they are those of a variant, with its API."""
        for variant in self.variants:
            if any(arguments.get(member) is not None for member in variant.members):
                return replace(
                    self,
                    kind=variant.kind,
                    arguments=variant.arguments or self.arguments,
                    properties=variant.properties or self.properties,
                )
        return self


def sagemaker(operation: str) -> ApiShape:
    """An operation of the SageMaker API."""
    return ApiShape("sagemaker", operation)


def job_calls(kind: JobKind) -> tuple[str, ...]:
    """The operations by which a job lives."""
    return tuple(f"{kind.service}:{name}" for name in (kind.create, kind.describe, kind.stop) if name is not None)
