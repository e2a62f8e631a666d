"""The fuzzer's short round, whose inputs are always the same; ``make fuzz`` takes other ones each time."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.__main__ import SHORT_SEED, WAYS, run
from tests.fuzz.shrinking import shrunk
from tests.fuzz.storable import check_storable
from tests.system.processes import postgres_database

ROOT = Path(__file__).parent.parent.parent


def test_documents_and_values() -> None:
    tally = run("reading", SHORT_SEED, range(WAYS["reading"].short), math.inf)
    assert not tally.finds, "\n".join(tally.finds.values())
    assert tally.came.keys() == {"plan", "findings"}


@pytest.mark.airflow
def test_the_whole_way_on_postgresql() -> None:
    """In a process of its own: Airflow reads its settings as it is imported."""
    with postgres_database():
        pass  # without a server the test is skipped here
    ways = [argument for name in WAYS if name != "reading" for argument in ("--way", name)]
    command = [sys.executable, "-W", "ignore", "-m", "tests.fuzz", "--short", *ways]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    came = {line.split()[0]: line for line in done.stdout.splitlines()[: len(ways)] if line}
    for name, outcomes in {"meeting": ("result", "failure"), "configuring": ("taken", "refused")}.items():
        assert all(outcome in came[name] for outcome in outcomes), came[name]
    assert all(outcome in came["answering"] for outcome in ("answered", "refused", "queued")), came["answering"]


@pytest.mark.parametrize("value", ["\0", "a\\\0", "\ud800", 2**64, -(2**63) - 1, 1e22, -1e308, math.nan, {"\0": 1}])
def test_what_airflow_cannot_store_is_noticed(value: Any) -> None:
    with pytest.raises((ValueError, OverflowError)):
        check_storable([value])


@pytest.mark.parametrize("value", ["\\u0000", "\U0001f600", 2**64 - 1, 1e15, 5e-324, None, {"a": [True]}])
def test_what_airflow_can_store_passes(value: Any) -> None:
    check_storable([value])


def test_a_find_is_shown_with_as_little_as_shows_it() -> None:
    def attempt(folder: dict[str, str]) -> None:
        if any('"bad"' in text for text in folder.values()):
            raise KeyError("bad")

    found = {"a.json": "{}", "b.json": json.dumps({"x": [1, {"y": "bad", "z": 2}], "w": 3})}
    assert shrunk(found, attempt) == {"b.json": '{"x": [{"y": "bad"}]}'}
