"""Text that Airflow cannot store."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_sm_pipelines.definition.text import storable, storable_value, unstorable, unstorable_in


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", None),
        ("é \n\t \x01 \ufffd 𐀀", None),
        ("ab\0c", "U+0000 at character 3"),
        ("\ud800", "U+D800 at character 1"),
        ("𐀀\udfff", "U+DFFF at character 2"),
        (json.loads('"\\ud800\\udc00"'), None),
    ],
)
def test_what_cannot_be_stored_is_told(text: str, told: str | None) -> None:
    assert unstorable(text) == told
    assert unstorable(storable(text)) is None
    assert (storable(text) == text) is (told is None)
    assert len(storable(text)) == len(text)


@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        (None, None),
        (1.5, 1.5),
        ({"a": ["b", {"c": 1}]}, {"a": ["b", {"c": 1}]}),
        ({"a": [True, {"c\0": "d"}]}, {"a": [True, {"c\ufffd": "d"}]}),
        (["a", ("\udc00", 2)], ["a", ["\ufffd", 2]]),
    ],
)
def test_all_texts_of_a_value(value: Any, cleaned: Any) -> None:
    assert (unstorable_in(value) is None) is (value == cleaned)
    assert storable_value(value) == cleaned


def test_a_value_of_any_depth_is_looked_through() -> None:
    value: Any = "x"
    for _ in range(100_000):
        value = [value]
    assert unstorable_in(value) is None
    assert storable_value(value) is value
