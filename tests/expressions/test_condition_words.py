"""Evaluated conditions in the words of the log."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.expressions.condition_words import conditions_in_words


def compare(kind: str, left: Any, right: Any) -> dict[str, Any]:
    return {"Type": kind, "LeftValue": left, "RightValue": right}


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ([compare("LessThanOrEqualTo", 4.63, 6.0)], "4.63 <= 6.0"),
        ([compare("Equals", "a", "b"), compare("GreaterThan", 2, 1)], '"a" == "b" and 2 > 1'),
        ([{"Type": "In", "QueryValue": "x", "Values": ["x", 1]}], '"x" in ["x", 1]'),
        ([{"Type": "Not", "Condition": compare("NotEquals", True, False)}], "not (true != false)"),
        ([{"Type": "Or", "Conditions": [compare("LessThan", 1, 2), compare("Equals", 1, 2)]}], "(1 < 2 or 1 == 2)"),
        ([], ""),
    ],
)
def test_words(conditions: Any, words: str) -> None:
    assert conditions_in_words(conditions) == words
