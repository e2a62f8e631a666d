"""JSON that others wrote, and values of it that cannot be used."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.expressions.json_text import (
    JsonLimitError,
    JsonTextError,
    number_in,
    number_too_large,
    quoted,
    read_json,
    shown,
    unusable,
)


def test_whole_numbers_are_exact_and_nan_is_read() -> None:
    text = f'{{"a": {"7" * 40}, "b": NaN, "c": 1e999, "d": "\\ud800"}}'
    value: Any = read_json(text)
    assert value["a"] == int("7" * 40)
    assert [unusable(value[name]) is None for name in "abcd"] == [True, False, False, False]
    assert read_json("é".join('""').encode()) == read_json(b'\xef\xbb\xbf"\xc3\xa9"') == "é"


@pytest.mark.parametrize("text", ["", "no JSON", b"\xff\xff\xff", b"\xff", "[1,", '{"a": 1} {"b": 2}', "\0"])
def test_what_is_no_json(text: str | bytes) -> None:
    with pytest.raises(JsonTextError) as told:
        read_json(text)
    assert len(str(told.value)) < 200


@pytest.mark.parametrize("text", ["[" * 250_000, '{"a":' * 250_000, "9" * 5000, '{"a": [-' + "9" * 4300 + "]}"])
def test_json_of_which_there_is_too_much(text: str) -> None:
    with pytest.raises(JsonLimitError) as told:
        read_json(text)
    assert len(str(told.value)) < 200


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"a": ["é", 1, 2**200, 1.5, None, True]}, None),
        ({"a": ["\0"]}, "has U+0000 at character 1 of a text, which cannot be stored"),
        ({"\udfff": 1}, "has U+DFFF at character 1 of a text, which cannot be stored"),
        ([float("nan")], "is nan, which is no number that JSON can write"),
        (float("-inf"), "is -inf, which is no number that JSON can write"),
    ],
)
def test_what_cannot_be_used(value: object, told: str | None) -> None:
    assert unusable(value) == told


def test_numbers() -> None:
    assert number_in("-12") == -12
    assert number_in("1.5e3") == 1500.0
    assert number_in("9" * 4300) == int("9" * 4300)
    assert number_in("9" * 4301) is None
    assert number_too_large({"a": [2**63 - 1, -(2**63), True, 9e18]}) is None
    assert number_too_large({"a": [1, {"b": 2**63}]}) == 2**63
    assert number_too_large([-1e22]) == -1e22


def test_values_in_messages() -> None:
    assert shown({"a": "é\0"}) == '{"a": "é\\u0000"}'
    assert shown("\ud800") == '"\ufffd"'
    assert quoted("a\0\ud800") == r"'a\x00\ud800'"
    for text in (shown("x" * 10_000), quoted("x" * 10_000), shown(10**5000), quoted(10**5000)):
        assert len(text) < 150
