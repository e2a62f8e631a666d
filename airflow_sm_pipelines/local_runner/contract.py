"""What a kind of job asks of the runner: its inputs, configuration, command, outputs, and how its end is reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from airflow_sm_pipelines.local_runner.folder import JobFolder
from airflow_sm_pipelines.local_runner.transfers import Input, Output

HOST = "algo-1"


@dataclass(frozen=True)
class Request:
    """A Create request of the API, and what the endpoint makes of it. ``model`` is that of a transform job."""

    name: str
    arn: str
    region: str
    body: Mapping[str, Any]
    model: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Command:
    """What a job runs. Paths are the job's own; ``requirements`` is a file on this machine to install first."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    working_folder: str = "/"
    requirements: Path | None = None


@dataclass(frozen=True)
class End:
    """How the process of a job ended. ``tail`` are the last lines of its log."""

    exit_code: int
    tail: Sequence[str]
    command: Sequence[str]


@dataclass(frozen=True)
class Outcome:
    """What becomes of a job. ``detail`` is a training job's last secondary status, ``members`` what Describe adds."""

    status: str
    reason: str | None = None
    detail: str | None = None
    members: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


class ContractError(Exception):
    """The job cannot run here. The message is its FailureReason."""


class Contract(Protocol):
    """One job of a kind; made anew for each job."""

    request: Request

    def inputs(self) -> tuple[Input, ...]:
        """What is fetched first."""
        ...

    def outputs(self) -> tuple[Output, ...]:
        """What is sent, continuously or at the end."""
        ...

    def configure(self, folder: JobFolder) -> Mapping[str, Any]:
        """Make the job's folders; its configuration files are the answer, by path."""
        ...

    def command(self, folder: JobFolder) -> Command:
        """What to run, with the inputs in place; raises :class:`ContractError`."""
        ...

    def line(self, text: str) -> None:
        """Hear a line of the job's log."""
        ...

    def finish(self, folder: JobFolder, end: End, status: str) -> Outcome:
        """The outcome, by what the job has left; ``status`` is Stopped for one that was stopped."""
        ...

    def artifacts(self, folder: JobFolder, status: str) -> Mapping[str, bytes]:
        """Objects to write at the end, by address."""
        ...
