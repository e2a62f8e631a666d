"""By which members of a step's Arguments a role is handed to AWS, and what stands there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.step_types.step_type import StepType

ELEMENTS = "[]"


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
