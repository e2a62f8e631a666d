"""Calls that wait at the endpoint until whoever steers it lets them go on."""

import fnmatch
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Hold = Literal["before", "after"]


@dataclass(frozen=True, eq=False)
class HeldCall:
    """A call under way: what it asks for, and on which side of its effect it waits."""

    service: str
    action: str
    parameters: Mapping[str, Any]
    side: Hold

    def to_json(self) -> dict[str, Any]:
        return {
            "service": self.service,
            "action": self.action,
            "parameters": dict(self.parameters),
            "side": self.side,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "HeldCall":
        return cls(value["service"], value["action"], value["parameters"], value["side"])


class Holds:
    """The calls that are held. Safe to use from several threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: list[HeldCall] = []

    def hold(self, call: HeldCall) -> None:
        """Wait until the call is released."""
        with self._changed:
            self._held.append(call)
            self._changed.wait_for(lambda: call not in self._held)

    def held(self) -> tuple[HeldCall, ...]:
        """What is held now, in order of arrival."""
        with self._changed:
            return tuple(self._held)

    def release(self, action: str = "*") -> None:
        """Let the held calls of the actions of this glob go on."""
        with self._changed:
            self._held = [call for call in self._held if not fnmatch.fnmatchcase(call.action, action)]
            self._changed.notify_all()
