"""What ``make bench`` tells of its figures. The figures themselves are asserted nowhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from bench.measuring import Figure, Spread, in_turn, ratios
from bench.results import Measured, page
from bench.rows import ROWS, Row

ROOT = Path(__file__).parents[2]
ROW = ROWS[0]


def test_sides_are_measured_in_turn_after_a_first_time_that_does_not_count() -> None:
    order: list[str] = []

    def side(name: str) -> float:
        order.append(name)
        return float(len(order))

    taken = in_turn({"a": lambda: side("a"), "b": lambda: side("b")}, rounds=2)
    assert order == ["a", "b"] * 3
    assert taken == {"a": [3, 5], "b": [4, 6]}


def test_a_ratio_is_that_of_measurements_that_follow_each_other() -> None:
    # The machine was ten times slower in the second turn.
    assert ratios([1, 30, 2], [2, 100, 4]) == Spread(0.3, 0.5, 0.5)


def test_quartiles_stand_around_the_median_of_four_values_and_more() -> None:
    assert Spread.of([1, 2, 3, 4, 5]) == Spread(2, 3, 4)


@pytest.mark.parametrize(("value", "told"), [(1.2, "1 of 1 figures with a target meet it."), (1.21, "Not met:")])
def test_a_figure_beyond_its_target_is_told_at_the_top(value: float, told: str) -> None:
    figure = Figure("10 steps", "2 s", "1 s", Spread(1, value, 2), 1.2)
    text = page([Measured(ROW, [figure], 1)], "")
    assert told in text
    assert ("10 steps: 1.21x, and not ≤ 1.20x" in text) == (value > 1.2)


def test_a_row_that_could_not_be_measured_is_told_at_the_top() -> None:
    assert "0 of 0 figures" in (text := page([Measured(ROW, [], 1, failed="no database")], ""))
    assert f"- {ROW.what}: no database" in text


def test_the_page_says_which_versions_were_measured() -> None:
    text = page([], "")
    for name in ("Python", "apache-airflow", "apache-airflow-providers-amazon", "botocore", "commit"):
        assert re.search(rf"\b{name} \w", text), name


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_row_has_a_module_and_a_line_in_the_page_of_benchmarks(row: Row) -> None:
    assert importlib.util.find_spec(f"bench.rows.{row.name}") is not None
    assert f"| `{row.name}` |" in (ROOT / "docs/benchmarks.md").read_text()
