"""Dotted paths into JSON objects."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.step_types.member_paths import located_members_at, member_at, members_at, with_members_at

VALUE = {"a": {"b": 1, "none": None}, "list": [{"c": 2}, {}, "text", {"c": [{"d": 3}, {"d": 4}]}], "tuple": (5, 6)}


@pytest.mark.parametrize(
    ("path", "found"), [("a.b", 1), ("a.none", None), ("a.x", None), ("list.c", None), ("a.b.c", None)]
)
def test_one_member(path: str, found: Any) -> None:
    assert member_at(VALUE, path) == found


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b", [1]),
        ("a.x", [None]),
        ("x.y", []),
        ("list[].c", [2, None, [{"d": 3}, {"d": 4}]]),
        ("list[].c[].d", [3, 4]),
        ("tuple[]", [5, 6]),
        ("a[].b", []),
        ("a.b.c", []),
    ],
)
def test_all_members(path: str, found: list[Any]) -> None:
    assert list(members_at(VALUE, path)) == found


def test_each_member_with_its_own_path() -> None:
    found = [("list[3].c[0].d", 3), ("list[3].c[1].d", 4)]
    assert list(located_members_at(VALUE, "list[].c[].d")) == found
    assert list(located_members_at(VALUE, "a.x")) == [("a.x", None)]


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("a.b", {"a": {"b": 10}, "list": [{"c": 2}, {}, None]}),
        ("list[].c", {"a": {"b": 1}, "list": [{"c": 20}, {}, None]}),
        ("a.x", {"a": {"b": 1}, "list": [{"c": 2}, {}, None]}),
        ("a[].b", {"a": {"b": 1}, "list": [{"c": 2}, {}, None]}),
    ],
)
def test_a_value_with_changed_members(path: str, changed: Any) -> None:
    value = {"a": {"b": 1}, "list": [{"c": 2}, {}, None]}
    assert with_members_at(value, path, lambda member: member * 10) == changed
    assert value == {"a": {"b": 1}, "list": [{"c": 2}, {}, None]}
