"""The rows of the matrix that are deaths: who is killed with ``kill -9``, and how far a step has come then."""

from dataclasses import dataclass
from enum import Enum

from tests.faults.cells import Column, Expected, Row


class Victim(Enum):
    """Who dies, or seems to. A worker is a task's process and its supervisor."""

    WORKER = "kill -9 worker"
    TRIGGERER = "kill -9 triggerer"
    SCHEDULER = "kill -9 scheduler"
    SCHEDULER_HOST = "kill -9 scheduler and all workers"
    API_SERVER = "kill -9 api-server"
    RESTARTED_WORKER = "orderly shutdown of the worker, four times"
    HUNG_TRIGGERER = "the triggerer hangs until another one has taken over"


class Phase(Enum):
    """How far the step has come."""

    BEFORE_INTENT = "before the intent is on record"
    BEFORE_CREATE = "between intent and Create"
    REPLY_LOST = "Create took effect, its reply is lost"
    RUNNING = "while the job runs"
    COMPLETED = "between completion and XCom"
    STOPPING = "while the job is stopped (marked failed)"
    MARKED_FAILED = "before the step is marked failed"
    CLEARED = "before the step is cleared"


KEYS = {
    Victim.WORKER: "Worker",
    Victim.TRIGGERER: "Triggerer",
    Victim.SCHEDULER: "Scheduler",
    Victim.SCHEDULER_HOST: "Host",
    Victim.API_SERVER: "Api",
    Victim.RESTARTED_WORKER: "Restarted",
    Victim.HUNG_TRIGGERER: "Hung",
    Phase.BEFORE_INTENT: "Intent",
    Phase.BEFORE_CREATE: "Create",
    Phase.REPLY_LOST: "Reply",
    Phase.RUNNING: "Running",
    Phase.COMPLETED: "Done",
    Phase.STOPPING: "Stop",
    Phase.MARKED_FAILED: "Failed",
    Phase.CLEARED: "Cleared",
}
WAITING = (Phase.RUNNING, Phase.STOPPING, Phase.MARKED_FAILED, Phase.CLEARED)
"""The phases in which the step waits for its job."""
# What the dead cannot stop is stopped all the same.
EXPECTED = {
    Phase.STOPPING: Expected(state="failed", stopped=1),
    Phase.MARKED_FAILED: Expected(state="failed", stopped=1),
    Phase.CLEARED: Expected(attempts=2, jobs=2, stopped=1),
}


@dataclass(frozen=True, eq=False)
class KillRow(Row):
    """A victim in a phase."""

    victim: Victim = Victim.WORKER
    phase: Phase = Phase.RUNNING


def _row(victim: Victim, phase: Phase) -> KillRow:
    expected = EXPECTED.get(phase, Expected())
    if phase is Phase.CLEARED and victim is not Victim.TRIGGERER:
        # Airflow takes the clear of a running task whose worker is dead for a retry: the next try adopts the job.
        expected = Expected()
    return KillRow(
        f"{KEYS[victim]}{KEYS[phase]}",
        f"{victim.value}: {phase.value}",
        expected,
        _columns(victim, phase),
        victim,
        phase,
    )


def _columns(victim: Victim, phase: Phase) -> tuple[Column, ...]:
    """Where there is something to kill, and someone to ask for the kill: a deferred step has no worker, a synchronous
    one no trigger, and a user reaches neither through a dead API server nor through a dead scheduler's live workers.
    """
    if phase in (Phase.MARKED_FAILED, Phase.CLEARED) and victim in (Victim.SCHEDULER, Victim.API_SERVER):
        return ()
    if victim is Victim.HUNG_TRIGGERER:
        return (Column.DEFERRABLE,) if phase is Phase.RUNNING else ()
    if victim is Victim.RESTARTED_WORKER:
        return (Column.SYNCHRONOUS,) if phase is Phase.RUNNING else ()
    if victim is Victim.SCHEDULER_HOST and phase in (Phase.MARKED_FAILED, Phase.CLEARED):
        return (Column.SYNCHRONOUS,)
    if victim is Victim.WORKER and phase in WAITING:
        return (Column.SYNCHRONOUS,)
    if victim is Victim.TRIGGERER and phase in (*WAITING, Phase.COMPLETED):
        return (Column.DEFERRABLE,)
    return tuple(Column)


KILL_ROWS = tuple(row for victim in Victim for phase in Phase if (row := _row(victim, phase)).columns)
