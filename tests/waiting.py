"""Waiting for what a test means. The time-out bounds a hang, and is told by no test."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

# On a machine with thirty busy processes the first run of a Dag in a process takes minutes.
PATIENCE_SECONDS = 600.0
LOOK_SECONDS = 0.02

T = TypeVar("T")


def until(check: Callable[[], T | None], what: str = "") -> T:
    """The first answer of ``check`` that is true.

    :raises AssertionError: when none has come after :data:`PATIENCE_SECONDS`
    """
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not (answer := check()):
        assert time.monotonic() < give_up, f"it has not happened: {what or check}"
        time.sleep(LOOK_SECONDS)
    return answer
