"""By which members of a step's Arguments a role is handed to AWS, and what stands there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from airflow_sm_pipelines.definition.frozen import FrozenDict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.step_types.step_type import StepType

ELEMENTS = "[]"
ANY_ROLE = "*"
ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
# Names of EMR's own roles and of an instance profile, which no role of SageMaker can stand for.
OWN_ROLES_OF_EMR = frozenset({"ServiceRole", "JobFlowRole", "AutoScalingRole"})


class RoleReplacement(Struct, frozen=True):
    """Which role stands for which of a definition's in this Dag; ``*`` is any but those of an EMR cluster."""

    roles: Mapping[str, str] = FrozenDict()

    @property
    def forced(self) -> str | None:
        """The role that stands for all, and for a missing one."""
        return self.roles.get(ANY_ROLE)

    def of(self, role: str, path: str = "") -> str:
        """What stands for a role that the member at a path of the Arguments names."""
        any_role = None if path.rpartition(".")[2] in OWN_ROLES_OF_EMR else self.forced
        return self.roles.get(role) or any_role or role

    def replaced_in(self, step_type: StepType, arguments: dict[str, Any]) -> dict[str, Any]:
        """Resolved Arguments with the roles that stand for those in them."""
        if not self.roles:
            return arguments
        found: Any = arguments
        for path in (*defaulted_roles(step_type), *step_type.passed_roles):
            found = self._replaced_at(found, path.split("."), path)
        return dict(found)

    def _replaced_at(self, value: Any, names: list[str], path: str) -> Any:
        if not names:
            return self.of(value, path) if isinstance(value, str) else value
        name = names[0].removesuffix(ELEMENTS)
        if not isinstance(value, Mapping) or value.get(name) is None:
            return value
        member = value[name]
        if name == names[0]:
            return {**value, name: self._replaced_at(member, names[1:], path)}
        if not isinstance(member, list):
            return value
        return {**value, name: [self._replaced_at(element, names[1:], path) for element in member]}


NO_REPLACEMENT = RoleReplacement()


def defaulted_roles(step_type: StepType) -> tuple[str, ...]:
    """The members that have the pipeline's role where they are missing."""
    own = step_type.kind.role_field if step_type.kind is not None else None
    return (*((own,) if own is not None else ()), *step_type.defaulted_roles)


def roles_of(step_type: StepType, arguments: Mapping[str, Value]) -> Iterator[tuple[str, Value]]:
    """Every role that a step hands to AWS, with its path in the Arguments: None where the pipeline's own is handed."""
    for path in defaulted_roles(step_type):
        yield from _at(arguments, path.split("."), "")
    for path in step_type.passed_roles:
        yield from (found for found in _at(arguments, path.split("."), "") if found[1] is not None)


def _at(value: Value, names: list[str], place: str) -> Iterator[tuple[str, Value]]:
    """What stands at the end of a path, None where it is missing there; nothing where the way to it is not there."""
    if not names:
        yield place.removeprefix("."), value
    elif isinstance(value, Mapping):
        name = names[0].removesuffix(ELEMENTS)
        member = value.get(name)
        if name != names[0]:
            for index, element in enumerate(member if isinstance(member, tuple) else ()):
                yield from _at(element, names[1:], f"{place}.{name}[{index}]")
        elif member is not None or len(names) == 1:
            yield from _at(member, names[1:], f"{place}.{name}")
