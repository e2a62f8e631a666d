"""What the listeners share that are called as a process of Airflow starts, before it can be known which one it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def is_component(component: Any) -> bool:
    """Whether a component of Airflow starts: a task's process, which has no database, starts with a marker instead."""
    return hasattr(component, "job_type")


def hear(attribute: Any, handler: Callable[..., None]) -> None:
    """Call a handler whenever this attribute of a row is set in this process, however often this is asked for."""
    from sqlalchemy import event

    if not event.contains(attribute, "set", handler):
        event.listen(attribute, "set", handler)
