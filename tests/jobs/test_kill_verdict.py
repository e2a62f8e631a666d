"""The verdict on a kill, as a table: who is killed, what it waits for, and in which state the server has the task."""

from __future__ import annotations

import pytest
from airflow.utils.state import State

from airflow_sm_pipelines.jobs.kill_verdict import ENDED, AskedBy, Awaited, Verdict, on_kill_verdict

STOP, LEAVE, NEXT = Verdict.STOP, Verdict.LEAVE, Verdict.LEAVE_TO_NEXT_TRY
# state: a worker's job, a trigger's job, a worker's message, a trigger's message, the sweep
TABLE = {
    "success": (STOP, STOP, STOP, STOP, STOP),
    "failed": (STOP, STOP, STOP, STOP, STOP),
    "skipped": (STOP, STOP, STOP, STOP, STOP),
    "upstream_failed": (STOP, STOP, STOP, STOP, STOP),
    "removed": (STOP, STOP, STOP, STOP, STOP),
    # A user has cleared the task while it ran: its next try begins anew.
    "restarting": (STOP, STOP, NEXT, NEXT, LEAVE),
    # The worker is shut down, or was lost to the server: the next try goes on.
    "running": (NEXT, STOP, NEXT, NEXT, LEAVE),
    "queued": (NEXT, STOP, NEXT, NEXT, LEAVE),
    "scheduled": (NEXT, STOP, NEXT, NEXT, LEAVE),
    "up_for_retry": (NEXT, STOP, NEXT, NEXT, LEAVE),
    None: (NEXT, STOP, NEXT, NEXT, LEAVE),
    # Another triggerer owns the trigger, or the task was cleared and has deferred again.
    "deferred": (NEXT, LEAVE, NEXT, LEAVE, LEAVE),
    # The server did not answer. A trigger is killed by a user far more often than taken over.
    "unknown": (NEXT, STOP, NEXT, STOP, LEAVE),
}
COLUMNS = (
    (AskedBy.WORKER, Awaited.JOB),
    (AskedBy.TRIGGER, Awaited.JOB),
    (AskedBy.WORKER, Awaited.ANSWER),
    (AskedBy.TRIGGER, Awaited.ANSWER),
    (AskedBy.SWEEP, Awaited.JOB),
)


def test_the_last_states_are_those_of_airflow() -> None:
    assert {str(state) for state in State.finished} == ENDED


@pytest.mark.parametrize("state", TABLE)
def test_the_table(state: str | None) -> None:
    verdicts = tuple(on_kill_verdict(state, asked_by, awaited, timed_out=False) for asked_by, awaited in COLUMNS)
    assert verdicts == TABLE[state]


@pytest.mark.parametrize("state", TABLE)
def test_a_time_out_is_the_last_word(state: str | None) -> None:
    for asked_by, awaited in COLUMNS:
        assert on_kill_verdict(state, asked_by, awaited, timed_out=True) is STOP
