"""In which order the files of tests run: long ones first, for the last that starts decides when all have ended.

Those which share a running Airflow come one after the other, so that each process starts one Airflow for them.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

ROOT = "tests"
LONG = (
    # Each starts an Airflow of its own.
    "faults/test_fault_matrix.py",
    "system/test_compose.py",
    "system/test_pools.py",
    "system/test_web_ui.py",
    "system/test_callbacks.py",
    "system/test_containment.py",
    "server/test_pace_rows.py",
    # One Airflow for all.
    "system/test_selective_execution.py",
    "system/test_for_each.py",
    "system/test_kill_and_recovery.py",
    # No Airflow runs.
    "local_runner/test_containment.py",
    "local_runner/test_training.py",
    "test_hostile.py",
    "cli/test_pull.py",
)
"""The longest files, in the order in which they start. Others follow: those of a running Airflow, then the rest."""

_PLACES = {f"{ROOT}/{name}": place for place, name in enumerate(LONG)}


def in_order(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The same items; those of a file stay together and as they were."""
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(_file_of(item), []).append(item)
    ordered = sorted(files.values(), key=lambda one: (_kind(one), _PLACES.get(_file_of(one[0]), len(LONG))))
    return [item for one in ordered for item in one]


def _file_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _kind(items: Sequence[pytest.Item]) -> int:
    for kind, mark in enumerate(("system", "airflow")):
        if any(item.get_closest_marker(mark) for item in items):
            return kind
    return 2
