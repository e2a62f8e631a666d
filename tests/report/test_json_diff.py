"""Where two JSON values differ."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.report.json_diff import ABSENT, Difference, differences, display_text


def pairs(left: Any, right: Any) -> list[tuple[str, Any, Any]]:
    return [(one.path, one.left, one.right) for one in differences(left, right)]


@pytest.mark.parametrize("value", [1, "a", None, [], {}, {"a": [1, {"b": None}]}])
def test_a_value_equals_itself(value: Any) -> None:
    assert pairs(value, value) == []


def test_the_innermost_places_are_told() -> None:
    left = {"a": {"b": 1, "c": [1, 2]}, "gone": True}
    right = {"a": {"b": 2, "c": [1]}, "new key": None}
    assert pairs(left, right) == [
        ("$.a.b", 1, 2),
        ("$.a.c[1]", 2, ABSENT),
        ("$.gone", True, ABSENT),
        ("$['new key']", ABSENT, None),
    ]


def test_named_elements_are_found_again_in_another_order() -> None:
    left = [{"InputName": "a", "S3": 1}, {"InputName": "b", "S3": 2}]
    assert pairs(left, [left[1], left[0]]) == []
    assert pairs(left, [{"InputName": "b", "S3": 3}]) == [
        ("$[0]", {"InputName": "a", "S3": 1}, ABSENT),
        ("$[0].S3", 2, 3),
    ]


def test_elements_with_one_name_are_compared_by_position() -> None:
    twice = [{"Name": "a", "x": 1}, {"Name": "a", "x": 2}]
    assert pairs(twice, [twice[0], {"Name": "a", "x": 3}]) == [("$[1].x", 2, 3)]


@pytest.mark.parametrize(
    ("left", "right", "equal"), [(1, True, False), (1, 1.0, True), ("1", 1, False), ({}, [], False)]
)
def test_types_count(left: Any, right: Any, equal: bool) -> None:
    assert (pairs(left, right) == []) is equal


def test_a_side_that_has_nothing_is_left_out_of_the_json() -> None:
    assert Difference("$.a", ABSENT, None).to_json("service", "ours") == {"path": "$.a", "ours": None}
    assert display_text(ABSENT) == "nothing"
    assert display_text({"ä": 1}) == '{"ä": 1}'
