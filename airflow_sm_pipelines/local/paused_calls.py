"""Calls that wait at the endpoint until whoever steers it resumes them."""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Side = Literal["before", "after"]
"""Of the call's effect."""


@dataclass(frozen=True, eq=False)
class PausedCall:
    """A call under way: what it asks for, and on which side of its effect it waits."""

    service: str
    action: str
    parameters: Mapping[str, Any]
    side: Side

    def to_json(self) -> dict[str, Any]:
        """The record as a JSON object."""
        return {
            "service": self.service,
            "action": self.action,
            "parameters": dict(self.parameters),
            "side": self.side,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> PausedCall:
        """Read back what :meth:`to_json` wrote."""
        return cls(value["service"], value["action"], value["parameters"], value["side"])


class PausedCalls:
    """The calls that are paused. Safe to use from several threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[PausedCall] = []

    def pause(self, call: PausedCall) -> None:
        """Wait until the call is resumed."""
        with self._changed:
            self._waiting.append(call)
            self._changed.wait_for(lambda: call not in self._waiting)

    def all(self) -> tuple[PausedCall, ...]:
        """What is paused now, in order of arrival."""
        with self._changed:
            return tuple(self._waiting)

    def resume(self, action: str = "*") -> None:
        """Let the paused calls of the actions of this glob go on."""
        with self._changed:
            self._waiting = [call for call in self._waiting if not fnmatch.fnmatchcase(call.action, action)]
            self._changed.notify_all()
