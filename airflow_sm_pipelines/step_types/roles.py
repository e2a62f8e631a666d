"""By which members of a step's Arguments a role is handed to AWS, and what stands there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.step_types.member_paths import located_members_at, with_members_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.step_types.step_type import StepType

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
            found = with_members_at(found, path, partial(self._replaced, path=path))
        return dict(found)

    def _replaced(self, value: Any, path: str) -> Any:
        return self.of(value, path) if isinstance(value, str) else value


NO_REPLACEMENT = RoleReplacement()


def defaulted_roles(step_type: StepType) -> tuple[str, ...]:
    """The members that have the pipeline's role where they are missing."""
    own = step_type.kind.role_field if step_type.kind is not None else None
    return (*((own,) if own is not None else ()), *step_type.defaulted_roles)


def roles_of(step_type: StepType, arguments: Mapping[str, Value]) -> Iterator[tuple[str, Value]]:
    """Every role that a step hands to AWS, with its path in the Arguments: None where the pipeline's own is handed."""
    for path in defaulted_roles(step_type):
        yield from located_members_at(arguments, path)
    for path in step_type.passed_roles:
        yield from (found for found in located_members_at(arguments, path) if found[1] is not None)
