"""The step types that installed distributions give: the entry points of the group ``airflow_sm_pipelines.step_types``.

An entry point leads to a :class:`StepType`, to several, to a function that gives one or several, or to a module, whose
``STEP_TYPE`` or else ``STEP_TYPES`` (several) is meant.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from airflow_sm_pipelines.definition.step_types import ENTRY_POINT_GROUP
from airflow_sm_pipelines.step_types.checking import StepTypeError, check_step_type
from airflow_sm_pipelines.step_types.step_type import StepType

if TYPE_CHECKING:
    from collections.abc import Collection
    from importlib.metadata import EntryPoint


LOG = logging.getLogger(__name__)


class EntryPointFault(Struct, frozen=True):
    """What is wrong with an entry point of the group: a type that it was to give is not known."""

    entry_point: str
    reason: str

    def __str__(self) -> str:
        return f"the entry point {self.entry_point} of the group {ENTRY_POINT_GROUP} cannot be used: {self.reason}"


def load_entry_points(taken: Collection[str]) -> tuple[dict[str, StepType], tuple[EntryPointFault, ...]]:
    """The step types of all entry points by name, and what is wrong with the others.

    Whatever goes wrong in one of them is logged and keeps nothing else from being loaded.

    :param taken: names that no entry point can give: those of this package
    """
    from importlib.metadata import entry_points

    found: dict[str, StepType] = {}
    given_by: dict[str, str] = dict.fromkeys(taken, "airflow_sm_pipelines")
    faults: list[EntryPointFault] = []
    # In an order of their own: that of the search path is another in another environment.
    for entry_point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=_title):
        title = _title(entry_point)
        given, reason = _loaded(entry_point)
        reasons = [] if reason is None else [reason]
        for step_type in given:
            if step_type.name in given_by:
                reasons.append(f"{step_type.name!r} is a step type of {given_by[step_type.name]} already")
            else:
                found[step_type.name], given_by[step_type.name] = step_type, title
        faults += [EntryPointFault(title, reason) for reason in reasons]
    for fault in faults:
        LOG.warning("%s", fault)
    return found, tuple(faults)


def _title(entry_point: EntryPoint) -> str:
    of = f" of {entry_point.dist.name} {entry_point.dist.version}" if entry_point.dist is not None else ""
    return f"{entry_point.name} = {entry_point.value}{of}"


def _loaded(entry_point: EntryPoint) -> tuple[tuple[StepType, ...], str | None]:
    """What an entry point gives, and what is wrong with it."""
    try:
        given = _step_types(entry_point.load())
        for step_type in given:
            check_step_type(step_type)
    except StepTypeError as error:
        return (), str(error)
    except (Exception, SystemExit) as error:  # code of others: no fault of it may hide anything else
        LOG.debug("The entry point %s", entry_point.name, exc_info=True)
        return (), f"{type(error).__name__}: {error}"
    return given, None


def _step_types(loaded: Any) -> tuple[StepType, ...]:
    """What an entry point leads to, as step types."""
    if isinstance(loaded, ModuleType):
        # The first of them: a module that imports this package's STEP_TYPES has the name too.
        one = getattr(loaded, "STEP_TYPE", None)
        loaded = getattr(loaded, "STEP_TYPES", None) if one is None else one
    elif callable(loaded):
        loaded = loaded()
    if isinstance(loaded, StepType):
        return (loaded,)
    if isinstance(loaded, Iterable) and not isinstance(loaded, str | bytes):
        return tuple(loaded)
    raise StepTypeError(
        "it leads to no StepType, nor to several, a function that gives them, or a module with STEP_TYPE or STEP_TYPES,"
        f" but to {type(loaded).__name__}"
    )
