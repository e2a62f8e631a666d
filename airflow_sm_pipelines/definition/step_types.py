"""What of a step type decides how its steps are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from airflow_sm_pipelines.definition.frozen import FrozenDict

MAX_TYPE_LENGTH = 100
"""Characters of a type's name that are shown; SageMaker's own are much shorter."""

NAME_ONLY_TYPES = ("Athena", "HubContent")
"""The types of which AWS's API model has the name and nothing of their Arguments."""

COMMON_KEYS = frozenset(
    {
        "Name",
        "Type",
        "Arguments",
        "DisplayName",
        "Description",
        "DependsOn",
        "RetryPolicies",
        "CacheConfig",
        "PropertyFiles",
    }
)
"""The keys of a step of any type."""

SettingKind: TypeAlias = Literal["text", "flag", "outputs", "check"]
"""A text or a flag (or an expression for one), output parameters, or the kind of a check."""


class StepSyntax(Struct, frozen=True):
    """The keys that stand beside Arguments in the steps of a type, and what each is.

    ``required`` is the one that has to be there, ``checks`` are the kinds of a check.
    """

    settings: Mapping[str, SettingKind]
    required: str | None = None
    checks: tuple[str, ...] = ()


ENTRY_POINT_GROUP = "airflow_sm_pipelines.step_types"
"""By which packages make step types known to every command (docs/extending.md)."""

NO_SETTINGS = StepSyntax(FrozenDict())
"""The steps of the type have the keys alone that steps of all types have."""


class KnownType(Protocol):
    """A step type, as far as its steps are read by it."""

    @property
    def syntax(self) -> StepSyntax | None:
        """The keys of its steps beside Arguments; None where they may have any, which are kept as they are."""


def cannot_be_run(step_type: str) -> str:
    """What to say of a step type that no operator runs, wherever it is met: at load, and when its task is reached."""
    if len(step_type) > MAX_TYPE_LENGTH:
        return f"unknown step type of {len(step_type)} characters"
    found = f"unknown step type {step_type!r}"
    if step_type in NAME_ONLY_TYPES:
        found = f"nothing is known of the step type {step_type!r} but its name"
    register = f"airflow_sm_pipelines.register_step_type(StepType(name={step_type!r}, operator=...))"
    return (
        f"{found}; to run it, register an operator of your own: {register} in the dags file, or an entry point of the"
        f" group {ENTRY_POINT_GROUP}, by which lint knows it too"
    )
