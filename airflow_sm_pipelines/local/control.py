"""What one can ask of an endpoint and do to it, in process or over HTTP."""

from __future__ import annotations

import abc
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow_sm_pipelines.local.faults import Drop
from airflow_sm_pipelines.local.paused_calls import PausedCall, Side
from airflow_sm_pipelines.local.records import JobRecord, LoggedRequest
from airflow_sm_pipelines.local.scenario import load_scenario


class EndpointControl(abc.ABC):
    """The common face of :class:`LocalEndpoint` and :class:`EndpointClient`."""

    @abc.abstractmethod
    def requests(self, service: str | None = None, action: str | None = None) -> tuple[LoggedRequest, ...]:
        """Requests answered since the start or the last reset, in order of arrival.

        ``service`` is boto3's name (``sagemaker``), ``action`` the operation's (``CreateTrainingJob``).
        """

    @abc.abstractmethod
    def jobs(self, kind: str | None = None) -> tuple[JobRecord, ...]:
        """Jobs and other SageMaker resources in order of creation; ``kind`` as in a scenario, or ``model`` etc."""

    def wait(self, name: str, kind: str | None = None, *, timeout: float = 10.0) -> JobRecord:
        """Wait until the job of that name has ended; ``timeout`` in real seconds, then ``TimeoutError``."""
        deadline = time.monotonic() + timeout
        while True:
            found = [job for job in self.jobs(kind) if job.name == name]
            if found and found[-1].ended is not None:
                return found[-1]
            if time.monotonic() > deadline:
                state = found[-1].status if found else "not there"
                raise TimeoutError(f"{name} has not ended within {timeout:g} s: it is {state}")
            time.sleep(0.01)

    @abc.abstractmethod
    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass on the endpoint's clock at once; what is due by then has happened."""

    @abc.abstractmethod
    def paused(self) -> tuple[PausedCall, ...]:
        """The calls that a fault pauses now, in order of arrival."""

    @abc.abstractmethod
    def resume(self, action: str = "*") -> None:
        """Let the paused calls of the actions of this glob go on; a reset lets all of them go on."""

    def held(self) -> tuple[PausedCall, ...]:
        """The name of :meth:`paused` before 0.2, kept for one release."""
        return self.paused()

    def release(self, action: str = "*") -> None:
        """The name of :meth:`resume` before 0.2, kept for one release."""
        self.resume(action)

    def add_fault(
        self,
        service: str = "*",
        action: str = "*",
        *,
        name: str = "*",
        times: int = 1,
        skip: int = 0,
        error: str | Mapping[str, Any] | None = None,
        delay: float | None = None,
        drop: Drop | None = None,
        pause: Side | None = None,
        hold: Side | None = None,
    ) -> None:
        """Make coming calls fail, wait or lose their connection; the arguments are a fault's (docs/local-endpoint.md).

        ``hold`` is the name of ``pause`` before 0.2, kept for one release.

        ``error`` is a code or ``{"code", "message"?, "status"?}``. Raises :class:`ScenarioError` when the
        arguments make no fault.
        """
        what: dict[str, Any] = {"error": {"code": error} if isinstance(error, str) else error}
        what |= {"delay": delay, "drop": drop, "pause": pause or hold}
        rule = {"service": service, "action": action, "name": name, "times": times, "skip": skip}
        self._add_fault(rule | {key: value for key, value in what.items() if value is not None})

    def load_scenario(self, scenario: Path | Mapping[str, Any]) -> None:
        """Follow another scenario from now on: its rules, faults and S3 objects. Jobs and the log stay."""
        self._load_scenario(load_scenario(scenario))

    def reset(self, scenario: Path | Mapping[str, Any] | None = None) -> None:
        """Clear jobs, everything moto holds, the log and the faults; start with ``scenario``.

        Without one the endpoint starts with the scenario it was made with.
        """
        self._reset(None if scenario is None else load_scenario(scenario))

    @abc.abstractmethod
    def _add_fault(self, fault: Mapping[str, Any]) -> None: ...

    @abc.abstractmethod
    def _load_scenario(self, scenario: Mapping[str, Any]) -> None: ...

    @abc.abstractmethod
    def _reset(self, scenario: Mapping[str, Any] | None) -> None: ...
