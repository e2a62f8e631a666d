"""What a trigger hands to Airflow, in a form that Airflow's database takes.

The triggerer writes events, and the tracebacks of triggers that failed, as JSON. What PostgreSQL refuses there ends the
triggerer, and ends it again at every start (Airflow 3.3.2).
"""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import TriggerEvent

from airflow_sm_pipelines.definition.text import storable, storable_value, unstorable

if TYPE_CHECKING:
    from collections.abc import Iterator


class TriggerError(Exception):
    """What a trigger failed with, without the characters that cannot be stored."""


def storable_event(payload: dict[str, Any]) -> TriggerEvent:
    """An event with U+FFFD for each character of its texts that cannot be stored."""
    return TriggerEvent(storable_value(payload))


@contextmanager
def storable_failure() -> Iterator[None]:
    """Give an exception with text that cannot be stored another form, with U+FFFD in its place.

    :raises TriggerError: for such an exception; any other is raised as it is
    """
    try:
        yield
    except Exception as error:
        text = "".join(traceback.format_exception(error))
        if unstorable(text) is None:
            raise
        raise TriggerError(storable(text)) from None
