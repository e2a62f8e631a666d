"""Names that are made unique by the execution's id."""

from __future__ import annotations

import re

import pytest

from airflow_sm_pipelines.step_types.create_only import _holds
from airflow_sm_pipelines.step_types.unique_name import kept_of, unique_name

ID = "abcdefghij01"
# What the API takes (botocore, CreateEndpointConfig).
PATTERN = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


@pytest.mark.parametrize("name", ["a", "a-b", "x" * 50, "x" * 51, "x" * 63, "x" * 500, f"{'x' * 49}----y", "a--"])
@pytest.mark.parametrize("number", [1, 2, 100])
def test_a_name_fits_and_ends_with_the_id(name: str, number: int) -> None:
    made = unique_name(name, ID, 63, number)
    assert PATTERN.fullmatch(made)
    assert made.endswith(f"-{ID}" if number == 1 else f"-{ID}-{number}")
    assert made.startswith(name[:40].rstrip("-"))
    if number == 1:
        assert made == f"{kept_of(name, 63)}-{ID}"


@pytest.mark.parametrize(
    ("asked", "found", "holds"),
    [
        ({"A": 1}, {"A": 1.0, "B": "a default"}, True),
        ({"A": 1}, {"B": 1}, False),
        ({"A": {"B": [1, 2]}}, {"A": {"B": [1, 2]}}, True),
        ({"A": [{"B": 1}]}, {"A": [{"B": 1, "C": 1.0}]}, True),
        ({"A": [{"B": 1}]}, {"A": [{"B": 2}]}, False),
        ({"A": [1]}, {"A": [1, 2]}, False),
        ({"A": [], "B": False, "C": {}, "D": ""}, {}, True),
        ({"A": True}, {}, False),
    ],
)
def test_what_a_request_asks_for_may_be_there_with_defaults(asked: object, found: object, holds: bool) -> None:
    assert _holds(asked, found) is holds
