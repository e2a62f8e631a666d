"""What is to be known of a step type without running it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from airflow_sm_pipelines.aws.failures import ExceptionType
from airflow_sm_pipelines.step_types.console_locations import NOWHERE, ConsoleLocations
from airflow_sm_pipelines.step_types.datasets import NO_DATASETS, DatasetPaths, ModelPackageVersion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_sm_pipelines.definition.model import RetryPolicy
    from airflow_sm_pipelines.definition.step_types import StepSyntax
    from airflow_sm_pipelines.step_types.adapter import JobAdapter
    from airflow_sm_pipelines.step_types.argument_rules import ArgumentRules
    from airflow_sm_pipelines.step_types.job_kind import JobKind


JOB_OPERATOR = "airflow_sm_pipelines.operators.job.JobStepOperator"
"""The operator of a type that names none, and runs a kind of job."""


INTERNAL_ERROR = ExceptionType.JOB_INTERNAL_ERROR.value


class RetryTypes(Enum):
    """Which exception types the RetryPolicies of a step can name (semantics 7)."""

    ALL = "all"
    ALL_BUT_INTERNAL = f"all but {INTERNAL_ERROR}"
    CALLS = "Step.SERVICE_FAULT and Step.THROTTLING"
    NONE = "none"

    def honoured(self, policies: Sequence[RetryPolicy]) -> tuple[RetryPolicy, ...]:
        """The policies, without the exception type for which the service starts no other job of this type.

        A policy of which nothing is left keeps its place, by which a step's record counts its retries.
        """
        if self is not RetryTypes.ALL_BUT_INTERNAL:
            return tuple(policies)
        return tuple([replace(policy, exception_types=_without_internal(policy)) for policy in policies])


def _without_internal(policy: RetryPolicy) -> tuple[str, ...]:
    return tuple([name for name in policy.exception_types if name != INTERNAL_ERROR])


class ApiShape(Struct, frozen=True):
    """The input or output of an API ``operation`` of a ``service`` in botocore's model, or one ``member`` of it."""

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


class Guide(Struct, frozen=True):
    """What a user must know of a step type beyond its row in the table: a section of docs/step-types.md.

    ``title`` is its heading, ``text`` is Markdown. Types with the same guide share the section.
    """

    title: str
    text: str


class RequestPart(Struct, frozen=True):
    """A member of Arguments that is (a part of) a request, where the Arguments as a whole are none.

    ``path`` names the member; each element is one where it is a list. ``inside`` is the member of the request, at any
    depth, that it is: the request itself where it is empty. ``filled`` are required members that are filled in.
    """

    path: str
    api: ApiShape
    inside: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()


class Variant(Struct, frozen=True):
    """Another API by which a step type runs, taken where the Arguments have one of ``members`` (null does not count).

    ``kind``, ``calls``, ``arguments`` and ``properties`` stand in the place of the step type's own; None is as it is
    there.
    """

    members: tuple[str, ...]
    kind: JobKind
    calls: tuple[str, ...] | None = None
    arguments: ApiShape | None = None
    properties: ApiShape | None = None


class StepType(Struct, frozen=True):
    """A step type of SageMaker Pipelines (semantics 2.1), or of a user's own: all that is to be known of it.

    ``operator`` is the Airflow operator that runs it: a subclass of
    :class:`airflow_sm_pipelines.operators.step.StepOperator`, or its dotted path, so that what only reads definitions
    imports no Airflow. ``instance_of`` is the dotted path of the class of Airflow or of the Amazon provider that its
    task is an instance of. A type that names no operator and has a ``kind`` is run as that kind of job. ``adapter`` is
    what differs in the life of its job, a subclass of :class:`JobAdapter`, None where its ``kind`` says everything.

    **AWS.** ``calls`` are the operations that it makes, as ``service:Operation``, and ``permissions`` the IAM actions
    that it needs besides. ``botocore`` is the first version that has the calls, None where the oldest that is supported
    has them. ``syntax`` lists the keys beside Arguments in its steps, None where they may have any.
    ``arguments`` is the request that the step's Arguments are, and ``properties`` the response
    that ``Steps.<name>.…`` refers to; ``extra_properties`` are top-level members that the response lacks. ``parts``
    are members of Arguments that are requests, or parts of them, where the whole is none. ``variants``
    are other APIs that it may have. ``rules`` are what its Arguments keep to beyond the request.

    **Roles.** ``defaulted_roles`` and ``passed_roles`` are the members of Arguments, beside the kind's ``role_field``,
    by which a role is handed to AWS. They are dotted paths, and ``[]`` goes through a list. Where one of
    ``defaulted_roles`` is missing, it has the pipeline's role.

    **Names.** ``user_named`` says that a name in the Arguments is the very name, and ``made_unique`` that the
    execution's id is added to it. For other types the name is a prefix of a generated one (semantics 14.8).
    ``refused_by_pipelines`` are members of the request that SageMaker Pipelines refuses though the API has them. They
    are passed on, and the task's log says so.

    **Results.** ``cached`` says whether the service caches the type, and ``cache_key`` by what. ``datasets`` are what
    is read and written in S3, ``model_package`` the version of a model package that is registered. ``console`` is where
    AWS shows what the step runs, and its log.

    **Words.** ``retries`` are the exception types that RetryPolicies can name, ``limits`` what bounds the step beside
    its kind's limits of name and time, and ``guide`` its section in the documentation.
    """

    name: str
    operator: str | type[Any] | None = None
    instance_of: str | None = None
    kind: JobKind | None = None
    adapter: type[JobAdapter] | None = None
    calls: tuple[str, ...] = ()
    botocore: str | None = None
    permissions: tuple[str, ...] = ()
    syntax: StepSyntax | None = None
    arguments: ApiShape | None = None
    parts: tuple[RequestPart, ...] = ()
    properties: ApiShape | None = None
    extra_properties: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()
    rules: ArgumentRules | None = None
    defaulted_roles: tuple[str, ...] = ()
    passed_roles: tuple[str, ...] = ()
    user_named: bool = False
    made_unique: bool = False
    refused_by_pipelines: tuple[str, ...] = ()
    cached: bool = False
    cache_key: CacheKey = CacheKey()
    datasets: DatasetPaths = NO_DATASETS
    model_package: ModelPackageVersion | None = None
    console: ConsoleLocations = NOWHERE
    retries: RetryTypes = RetryTypes.NONE
    limits: tuple[str, ...] = ()
    guide: Guide | None = None

    @property
    def apis(self) -> tuple[StepType | Variant, ...]:
        """What describes a request and its response: the step type, and its variants."""
        return (self, *self.variants)

    @property
    def every_call(self) -> tuple[str, ...]:
        """The calls of the type and of its variants, each once."""
        return tuple(dict.fromkeys(call for api in self.apis for call in api.calls or ()))

    @property
    def operator_path(self) -> str | None:
        """The dotted path of the operator, None where no operator runs the type."""
        if self.operator is None:
            return None if self.kind is None else JOB_OPERATOR
        return self.operator if isinstance(self.operator, str) else dotted_path(self.operator)

    def used_with(self, arguments: Mapping[str, object]) -> StepType:
        """The step type as it is for a step of these Arguments: where they are those of a variant, with its API."""
        for variant in self.variants:
            if any(arguments.get(member) is not None for member in variant.members):
                return replace(
                    self,
                    kind=variant.kind,
                    calls=self.calls if variant.calls is None else variant.calls,
                    arguments=variant.arguments or self.arguments,
                    properties=variant.properties or self.properties,
                )
        return self


def dotted_path(defined: type[Any]) -> str:
    """A class by its module and name."""
    return f"{defined.__module__}.{defined.__qualname__}"


def sagemaker(operation: str) -> ApiShape:
    """An operation of the SageMaker API."""
    return ApiShape("sagemaker", operation)


def job_calls(kind: JobKind) -> tuple[str, ...]:
    """The operations by which a job of this ``kind`` lives, for ``calls``: ``glue:StartJobRun`` and so on."""
    return tuple(f"{kind.service}:{name}" for name in (kind.create, kind.describe, kind.stop) if name is not None)
