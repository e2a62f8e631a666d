"""Faults on demand: answer a call with an error, late, when asked to, or not at all."""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from airflow_sm_pipelines.local.errors import ErrorShape
from airflow_sm_pipelines.local.limits import MAX_COUNT, MAX_DELAY
from airflow_sm_pipelines.local.paused_calls import Side
from airflow_sm_pipelines.local.reader import Node

Drop = Literal["before", "after"]
KEYS = ("service", "action", "name", "times", "skip", "error", "delay", "drop", "pause", "hold")
NAMING = ("Name", "Arn", "Id", "Key", "Bucket", "Url")


@dataclass(frozen=True)
class Fault:
    """A rule: which calls it meets and what happens to them.

    ``service`` and ``action`` are globs (``sagemaker``, ``Create*``), ``name`` is one over the values of the
    request's top-level members that name something. The first ``skip`` matching calls pass, the next ``times``
    are hit. ``delay`` is in seconds of the endpoint's clock; ``drop`` closes the connection before or after the
    call took effect. ``pause`` lets the call wait before or after it took effect, until it is resumed, and then goes
    on with the fault's error or drop; in JSON its older name ``hold`` is read too.
    """

    service: str = "*"
    action: str = "*"
    name: str = "*"
    times: int = 1
    skip: int = 0
    error: ErrorShape | None = None
    delay: float = 0.0
    drop: Drop | None = None
    pause: Side | None = None

    def matches(self, service: str, action: str, parameters: Mapping[str, Any]) -> bool:
        """Whether this rule is about such a call."""
        return (
            fnmatch.fnmatchcase(service, self.service)
            and fnmatch.fnmatchcase(action, self.action)
            and (self.name == "*" or any(fnmatch.fnmatchcase(name, self.name) for name in names(parameters)))
        )


def names(parameters: Mapping[str, Any]) -> list[str]:
    """The values of a request's top-level members that name a resource."""
    return [value for key, value in parameters.items() if isinstance(value, str) and key.endswith(NAMING)]


def read_fault(node: Node) -> Fault:
    """A fault from its JSON form; raises :class:`ScenarioError` that names what is wrong."""
    members = node.only(KEYS)
    drop = members["drop"].one_of(("before", "after")) if "drop" in members else None
    pausing = members.get("pause", members.get("hold"))
    pause = None if pausing is None else pausing.one_of(("before", "after"))
    fault = Fault(
        service=members["service"].name() if "service" in members else "*",
        action=members["action"].name() if "action" in members else "*",
        name=members["name"].name() if "name" in members else "*",
        times=members["times"].integer(1, MAX_COUNT) if "times" in members else 1,
        skip=members["skip"].integer(0, MAX_COUNT) if "skip" in members else 0,
        error=_read_error(members["error"]) if "error" in members else None,
        delay=members["delay"].number(0, MAX_DELAY) if "delay" in members else 0.0,
        drop="before" if drop == "before" else "after" if drop == "after" else None,
        pause="before" if pause == "before" else "after" if pause == "after" else None,
    )
    if not (fault.error or fault.delay or fault.drop or fault.pause):
        raise node.fail("does nothing: give one of error, delay, drop, pause")
    if fault.error and fault.drop:
        raise node.fail("error and drop exclude each other")
    if fault.pause == "after" and (fault.error or fault.drop == "before"):
        raise node.fail("a call that takes no effect can be paused only before it")
    return fault


def _read_error(node: Node) -> ErrorShape:
    members = node.only(("code", "message", "status"))
    if "code" not in members:
        raise node.fail("an error needs a code")
    code = members["code"].name()
    return ErrorShape(
        code=code,
        message=members["message"].text() if "message" in members else code,
        status=members["status"].integer(400, 599) if "status" in members else 400,
    )


class FaultBook:
    """The faults in force and how often each has been met. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[tuple[Fault, int]] = []

    def replace(self, faults: tuple[Fault, ...]) -> None:
        """Forget all faults and start with these."""
        with self._lock:
            self._rules = [(fault, 0) for fault in faults]

    def add(self, fault: Fault) -> None:
        """Put one more fault in force, after those already there."""
        with self._lock:
            self._rules.append((fault, 0))

    def meet(self, service: str, action: str, parameters: Mapping[str, Any]) -> Fault | None:
        """The fault that hits this call, if any; counts the call against every rule up to that one."""
        with self._lock:
            for index, (fault, seen) in enumerate(self._rules):
                if seen >= fault.skip + fault.times or not fault.matches(service, action, parameters):
                    continue
                self._rules[index] = (fault, seen + 1)
                if seen >= fault.skip:
                    return fault
        return None
