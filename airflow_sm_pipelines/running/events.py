"""What a run reports while it goes on: lines of JSON from its process to whoever has started it."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec
from msgspec import Struct


class RunStarted(Struct, frozen=True, tag=True):
    """The run ``run_id`` of the Dag ``dag_id`` exists. ``steps`` are its tasks in their order, those of loops too."""

    dag_id: str
    run_id: str
    steps: tuple[str, ...]


class StepChanged(Struct, frozen=True, tag=True):
    """All that is known of a task, sent whenever some of it has changed.

    ``state`` is Airflow's for the ``task_id`` and its ``try_number``, but ``running`` from the start of a try to its
    end. ``started`` and ``ended`` are epoch
    seconds. ``map_index`` is -1 but for the children of a ForEach step. ``job`` is the name of what runs in AWS,
    ``console_url`` its page there, ``produced`` says what has come of it, ``reason`` in one line why it failed.
    """

    task_id: str
    map_index: int
    state: str
    try_number: int
    started: float | None = None
    ended: float | None = None
    job: str | None = None
    console_url: str | None = None
    produced: str = ""
    reason: str = ""

    @property
    def name(self) -> str:
        """The step, and which child of it where it is a loop's."""
        return self.task_id if self.map_index < 0 else f"{self.task_id} [{self.map_index}]"


class StepLeft(Struct, frozen=True, tag=True):
    """What a task has left for others, sent whenever some of it has changed: JSON, and None where it has left none.

    ``task_id`` and ``map_index`` name the task as in :class:`StepChanged`. ``job`` is its XCom ``sagemaker``, and
    ``result`` its return value, with secrets masked as Airflow shows it. ``note`` says how and why it has ended, and
    ``record`` is that of its attempts.
    """

    task_id: str
    map_index: int
    job: dict[str, Any] | None = None
    result: Any = None
    note: dict[str, Any] | None = None
    record: dict[str, Any] | None = None


class Stopping(Struct, frozen=True, tag=True):
    """No further step begins; ``jobs`` still have to end."""

    jobs: tuple[str, ...]


class RunEnded(Struct, frozen=True, tag=True):
    """The last event. ``state`` is ``success``, ``failed`` or ``stopped``, or ``refused`` where there was no run.

    ``reasons`` say why in a line each; ``left`` are the jobs that were asked to stop and had not ended, or that could
    not be asked.
    """

    state: str
    reasons: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


Event: TypeAlias = RunStarted | StepChanged | StepLeft | Stopping | RunEnded

_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def to_line(event: Event) -> bytes:
    """An event as one line."""
    return msgspec.json.encode(event) + b"\n"


def from_line(line: bytes) -> Event:
    """The event of a line."""
    return _DECODER.decode(line)
