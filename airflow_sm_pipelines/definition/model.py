"""A pipeline definition as frozen, typed objects: what the JSON says, before any meaning is given to it.

Source of the shapes: the SageMaker SDK's emitted JSON (Version 2020-12-01) and the CreatePipeline,
DescribePipeline and Create*Job API models.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cached_property
from typing import TypeAlias

from msgspec import Struct, field

from airflow_sm_pipelines.definition.expressions import LocatedExpression, Object, Scalar, Value
from airflow_sm_pipelines.definition.findings import Finding
from airflow_sm_pipelines.definition.frozen import LastFieldNotCompared
from airflow_sm_pipelines.definition.paths import JsonPath, render_path


class ParameterType(Enum):
    """The declared type of a pipeline parameter; an absent ``Type`` is read as String."""

    STRING = "String"
    INTEGER = "Integer"
    FLOAT = "Float"
    BOOLEAN = "Boolean"


class Parameter(LastFieldNotCompared, frozen=True):
    """One of ``$.Parameters``. ``has_default`` distinguishes an absent DefaultValue from one that is empty.

    ``type_is_default`` says that the document names no Type; it is not compared.
    """

    name: str
    type: ParameterType
    location: JsonPath
    has_default: bool = False
    default: str | int | float | bool | None = None
    enum_values: tuple[str, ...] = ()
    description: str | None = None
    type_is_default: bool = False

    @property
    def path(self) -> str:
        return render_path(self.location)


class RetryPolicy(Struct, frozen=True):
    """One of a step's ``RetryPolicies``; a key that is absent in the JSON is None here."""

    exception_types: tuple[str, ...]
    interval_seconds: int | float | None = None
    backoff_rate: int | float | None = None
    max_attempts: int | None = None
    expire_after_minutes: int | float | None = None


class CacheConfig(Struct, frozen=True):
    """A step's ``CacheConfig``; ``expire_after`` is the lenient ISO-8601 duration as written."""

    enabled: Value
    expire_after: str | None = None


class PropertyFile(Struct, frozen=True):
    """One of a Processing step's ``PropertyFiles``: a JSON file in one of its outputs."""

    name: str
    output_name: str
    file_path: str


class Comparison(Enum):
    """The condition types that compare two operands."""

    EQUALS = "Equals"
    NOT_EQUALS = "NotEquals"
    GREATER_THAN = "GreaterThan"
    GREATER_THAN_OR_EQUAL_TO = "GreaterThanOrEqualTo"
    LESS_THAN = "LessThan"
    LESS_THAN_OR_EQUAL_TO = "LessThanOrEqualTo"


class Compare(Struct, frozen=True):
    """``{"Type": "Equals" | ..., "LeftValue": ..., "RightValue": ...}``"""

    comparison: Comparison
    left: Value
    right: Value


class In(Struct, frozen=True):
    """``{"Type": "In", "QueryValue": ..., "Values": [...]}``, or the older ``{"Value": ..., "In": [...]}``."""

    query: Value
    values: tuple[Value, ...]


class Not(Struct, frozen=True):
    """``{"Type": "Not", "Condition": {...}}``, the older ``Expression``, and what ``NotIn`` stands for."""

    condition: Condition


class Or(Struct, frozen=True):
    """``{"Type": "Or", "Conditions": [...]}``"""

    conditions: tuple[Condition, ...]


Condition: TypeAlias = Compare | In | Not | Or


class Branches(Struct, frozen=True):
    """What a Condition step holds instead of a request. The conditions are ANDed."""

    conditions: tuple[Condition, ...]
    if_steps: tuple[Step, ...]
    else_steps: tuple[Step, ...]


class ForEachBody(Struct, frozen=True):
    """What a ForEach step holds instead of a request; the steps of ``body`` are run for each item."""

    items: Value
    body: tuple[Step, ...]
    max_concurrency: int
    selector: Value = None


class Trigger(Enum):
    """The end of a step upon which another one runs (semantics 5.1)."""

    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"
    ANY = "Any"


class DependsOn(Struct, frozen=True):
    """One of a step's ``DependsOn``: a step's name, or ``{"Step": ..., "Trigger": ...}``.

    ``position`` is its place in the array.
    """

    step: str
    position: int
    trigger: Trigger = Trigger.COMPLETED

    def __str__(self) -> str:
        return self.step if self.trigger is Trigger.COMPLETED else f"{self.step} (Trigger {self.trigger.value})"


class Step(LastFieldNotCompared, frozen=True):
    """One step of any type.

    ``arguments`` is the request as written, expressions read; a Condition or ForEach step has its own shape in
    ``branches`` or ``for_each`` instead, and empty arguments. ``settings`` holds the type's keys that stand
    beside Arguments (``FunctionArn``, ``SqsQueueUrl``, ``OutputParameters``, ``CheckType`` and the like).
    ``location`` is where it stands, and ``path`` is that as text. ``expressions`` are all that stand anywhere in the
    step as it was read, those in a Join or JsonGet included and those of the steps inside it not, in the order
    CacheConfig, Arguments, settings, an inner one before its outer; they are not compared.
    """

    name: str
    type: str
    location: JsonPath
    arguments: Object = field(default_factory=dict)
    settings: Object = field(default_factory=dict)
    depends_on: tuple[DependsOn, ...] = ()
    display_name: str | None = None
    description: str | None = None
    retry_policies: tuple[RetryPolicy, ...] | None = None
    cache: CacheConfig | None = None
    property_files: tuple[PropertyFile, ...] = ()
    branches: Branches | None = None
    for_each: ForEachBody | None = None
    expressions: tuple[LocatedExpression, ...] = ()

    def __str__(self) -> str:
        # A mapped task's arguments stand in the serialized Dag as their text.
        return f"{self.type} step {self.name}"

    @property
    def path(self) -> str:
        return render_path(self.location)

    @property
    def inner_steps(self) -> tuple[Step, ...]:
        """The steps that stand inside this one, in document order."""
        if self.branches is not None:
            return (*self.branches.if_steps, *self.branches.else_steps)
        if self.for_each is not None:
            return self.for_each.body
        return ()


class ExperimentConfig(Struct, frozen=True):
    """``$.PipelineExperimentConfig``; a partial one has None for the absent name."""

    experiment_name: Value = None
    trial_name: Value = None


class MlflowConfig(Struct, frozen=True):
    """``$.MlflowConfig`` (SDK v3)."""

    resource_arn: Value = None
    experiment_name: Value = None


class Pipeline(Struct, frozen=True, dict=True):
    """One definition and, where it came in a describe-pipeline response or the like, what that says of it.

    ``name``, ``display_name``, ``description``, ``role_arn`` and ``max_parallel_steps`` are None for a bare
    definition, which carries none of them; the object that does stands at the JSON path ``wrapper``. ``logical_id`` is
    the name of the resource in a CloudFormation template. ``version_id`` is the PipelineVersionId that the
    Pipelines API of this package writes. ``digest`` is a SHA-256 in hex of the definition's JSON value
    (independent of white space and of the order of keys). ``warnings`` are the findings that do not refuse it.
    """

    steps: tuple[Step, ...]
    parameters: Mapping[str, Parameter]
    digest: str
    version: str | None = None
    metadata: Mapping[str, Scalar] = field(default_factory=dict)
    experiment: ExperimentConfig | None = None
    mlflow: MlflowConfig | None = None
    name: str | None = None
    display_name: str | None = None
    description: str | None = None
    role_arn: str | None = None
    max_parallel_steps: int | None = None
    version_id: int | None = None
    logical_id: str | None = None
    wrapper: str = "$"
    warnings: tuple[Finding, ...] = ()

    @cached_property
    def all_steps(self) -> tuple[Step, ...]:
        """Every step, those inside branches and bodies included, in document order."""
        found: list[Step] = []
        stack = list(reversed(self.steps))
        while stack:
            step = stack.pop()
            found.append(step)
            if step.branches is not None or step.for_each is not None:
                stack.extend(reversed(step.inner_steps))
        return tuple(found)
