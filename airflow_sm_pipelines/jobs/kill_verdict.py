"""What becomes of a job, or of a Callback step's message, when whoever waits for it is killed.

A user's kill and the orderly shutdown of a worker reach a running task as the same signal, and a trigger is cancelled
when a user ends its task as well as when another triggerer has taken it over. The task's state on Airflow's server
says which it is: a user's action has changed it before the kill comes.
"""

from __future__ import annotations

from enum import Enum

DEFERRED = "deferred"
RESTARTING = "restarting"
GONE = "removed"
UNKNOWN = "unknown"
"""Stands for the state where Airflow's server does not say it."""
ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", GONE})
"""The states after which no try comes by itself."""


class Verdict(Enum):
    """What is done about the job or the message."""

    STOP = "stop"
    """Nobody waits for it any more: it is stopped."""
    LEAVE = "leave"
    """Somebody else waits for it already: it is left alone."""
    LEAVE_TO_NEXT_TRY = "leave to the next try"
    """The task is tried again: that try goes on with it, or stops it where a user has cleared the task."""


class AskedBy(Enum):
    """Who asks."""

    WORKER = "worker"
    TRIGGER = "trigger"
    SWEEP = "sweep"
    """The triggerer's search for jobs whose task has ended."""


class Awaited(Enum):
    """What is waited for."""

    JOB = "job"
    ANSWER = "answer to a message"


def on_kill_verdict(
    state: str | None, asked_by: AskedBy, awaited: Awaited = Awaited.JOB, *, timed_out: bool
) -> Verdict:
    """The verdict on a kill.

    :param state: the task's state on the server; None before a try of it is scheduled
    :param timed_out: whether the task's execution_timeout is over, rather than that somebody has ended the task
    """
    if timed_out or state in ENDED:
        return Verdict.STOP
    if asked_by is AskedBy.SWEEP:
        return Verdict.LEAVE
    if asked_by is AskedBy.TRIGGER and state == DEFERRED:
        # Another triggerer owns it, or the task was cleared and deferred again; either way it is left alone.
        return Verdict.LEAVE
    if awaited is Awaited.ANSWER:
        # The workers get one message for each kill. A next try knows whether it begins anew, and sends it then.
        return Verdict.STOP if asked_by is AskedBy.TRIGGER and state == UNKNOWN else Verdict.LEAVE_TO_NEXT_TRY
    if asked_by is AskedBy.TRIGGER or state == RESTARTING:
        return Verdict.STOP
    return Verdict.LEAVE_TO_NEXT_TRY
