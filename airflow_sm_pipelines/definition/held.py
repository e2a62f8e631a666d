"""A JSON value in the form in which Airflow holds it: where it is shown or stored, never where it is sent to AWS."""

from __future__ import annotations

from typing import Any

from airflow_sm_pipelines.definition.numbers import fits

_MARK = "__"
"""What the keys begin with by which Airflow's own encoding says what a JSON object stands for."""


def held(value: Any) -> Any:
    """``value`` with each number that cannot be handed on as its text, and keys like ``__var`` in quotes.

    Airflow takes an object with such a key for one that it has encoded itself. A value without any of that is
    returned as it is.
    """
    return _held(value) if _has_other_form(value) else value


def _has_other_form(value: object) -> bool:
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            if any(name.startswith(_MARK) for name in each):
                return True
            left.extend(each.values())
        elif isinstance(each, list):
            left.extend(each)
        elif isinstance(each, int | float) and not fits(each):
            return True
    return False


def _held(value: Any) -> Any:
    if isinstance(value, dict):
        return {(f'"{name}"' if name.startswith(_MARK) else name): _held(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_held(element) for element in value]
    if isinstance(value, int | float) and not fits(value):
        return str(value)
    return value
