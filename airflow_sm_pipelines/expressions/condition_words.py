"""Evaluated conditions as people write them: ``4.63 <= 6.0``, for the log of a Condition step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from airflow_sm_pipelines.expressions.json_text import shown

if TYPE_CHECKING:
    from airflow_sm_pipelines.expressions.stringify import Json

SIGNS = {
    "Equals": "==",
    "NotEquals": "!=",
    "GreaterThan": ">",
    "GreaterThanOrEqualTo": ">=",
    "LessThan": "<",
    "LessThanOrEqualTo": "<=",
}


def conditions_in_words(conditions: Json) -> str:
    """Conditions whose operands are resolved, all of which have to hold; an empty text for none."""
    return " and ".join(map(_in_words, conditions)) if isinstance(conditions, Sequence) else ""


def _in_words(condition: Json) -> str:
    if not isinstance(condition, Mapping):
        return ""
    kind = str(condition.get("Type"))
    if kind == "Not":
        return f"not ({_in_words(condition.get('Condition'))})"
    if kind == "Or":
        inner = condition.get("Conditions")
        return f"({' or '.join(map(_in_words, inner))})" if isinstance(inner, Sequence) else ""
    if kind == "In":
        return f"{shown(condition.get('QueryValue'))} in {shown(condition.get('Values'))}"
    return f"{shown(condition.get('LeftValue'))} {SIGNS.get(kind, kind)} {shown(condition.get('RightValue'))}"
