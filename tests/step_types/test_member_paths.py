"""Dotted paths into JSON objects."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.step_types.member_paths import member_at, members_at

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
