"""Runs the cells of one victim at once: each step is brought to its phase, then the victim is killed."""

import os
import signal
from collections.abc import Mapping
from typing import Any, cast

from tests.faults.aws_faults import SLOW_LOOK
from tests.faults.bench import Bench, Round, RunningRound
from tests.faults.cells import Cell, Column, Seen
from tests.faults.kill_rows import KillRow, Phase, Victim
from tests.runs.harness import training
from tests.system.api import ENDED, is_answering
from tests.system.deployment import START_SECONDS
from tests.system.test_kill_and_recovery import parent_of

BUCKET = "faults"
JOB_SECONDS = 1800.0
COMPONENTS = {
    Victim.TRIGGERER: "triggerer",
    Victim.SCHEDULER: "scheduler",
    Victim.SCHEDULER_HOST: "scheduler",
    Victim.API_SERVER: "api-server",
    Victim.HUNG_TRIGGERER: "triggerer",
}
RESTARTS = 4
"""One more than [sagemaker_pipelines] max_lost_tries."""
TAKEN_OVER = "is still waited for, by another triggerer"


def step_of(cell: Cell) -> Mapping[str, Any]:
    """The cell's step in the definition; one that is to be met before its intent reads a file first."""
    if _row(cell).phase is not Phase.BEFORE_INTENT:
        return training(cell.step)
    read = {"Std:JsonGet": {"S3Uri": f"s3://{BUCKET}/{cell.step}.json", "Path": "epochs"}}
    return training(cell.step, Arguments={"HyperParameters": {"epochs": read}})


def run_round(bench: Bench, what: Round) -> dict[Cell, Seen]:
    """Run the cells; what came of each."""
    bench.endpoint.reset(_scenario(what))
    running = bench.start(what)
    for cell in what.cells:
        bench.until(lambda cell=cell: _is_in_phase(running, cell), f"{cell.id} is in its phase")  # type: ignore[misc]
    workers = {cell: _worker(running, cell) for cell in what.cells}
    for cell in _in_phase(what, Phase.STOPPING):
        running.mark_failed(cell)
    for cell in _in_phase(what, Phase.STOPPING):
        bench.until(lambda cell=cell: _is_held(bench, cell, "Stop"), f"{cell.id} is being stopped")  # type: ignore[misc]
    if _row(what.cells[0]).victim is Victim.RESTARTED_WORKER:
        for cell in what.cells:
            _restart_worker(running, cell)
    else:
        _kill(bench, _row(what.cells[0]).victim, workers)
    looks = {cell: running.looks(cell) for cell in what.cells}
    bench.endpoint.resume()
    for cell in _in_phase(what, Phase.MARKED_FAILED):
        running.mark_failed(cell)
    for cell in _in_phase(what, Phase.CLEARED):
        running.clear(cell)
    _restart(bench, _row(what.cells[0]).victim)
    for cell in what.cells:
        bench.until(
            lambda cell=cell: (  # type: ignore[misc]
                running.states()[cell] in ENDED or running.is_waited_for(cell, looks[cell])
            ),
            f"{cell.id} goes on",
        )
    if _row(what.cells[0]).victim is Victim.HUNG_TRIGGERER:
        _signal_triggerer(bench, signal.SIGCONT)
        for cell in what.cells:
            bench.until(lambda cell=cell: TAKEN_OVER in running.log(cell), f"the old triggerer lets {cell.id} go")  # type: ignore[misc]
    running.wait_for_jobs([*_in_phase(what, Phase.STOPPING), *_in_phase(what, Phase.MARKED_FAILED)])
    bench.endpoint.advance(JOB_SECONDS)
    running.wait_for_ends(what.cells)
    running.wait_for_jobs(what.cells)
    states = running.states()
    return {cell: Seen.of(cell, bench.endpoint, str(states[cell])) for cell in what.cells}


def _scenario(what: Round) -> dict[str, Any]:
    return {
        "defaults": {"duration": JOB_SECONDS},
        "jobs": [{"name": cell.jobs, "duration": 0} for cell in _in_phase(what, Phase.COMPLETED)],
        "s3": {BUCKET: {f"{cell.step}.json": {"epochs": "3"} for cell in _in_phase(what, Phase.BEFORE_INTENT)}},
        "faults": [fault for cell in what.cells for fault in _holds(cell)],
    }


def _holds(cell: Cell) -> list[dict[str, Any]]:
    """What keeps the cell's step in its phase."""
    match _row(cell).phase:
        case Phase.BEFORE_INTENT:
            return [{"service": "s3", "action": "GetObject", "name": f"{cell.step}.json", "pause": "before"}]
        case Phase.BEFORE_CREATE:
            return [{"action": "CreateTrainingJob", "name": cell.jobs, "pause": "before", "drop": "before"}]
        case Phase.REPLY_LOST:
            return [{"action": "CreateTrainingJob", "name": cell.jobs, "pause": "after", "drop": "after"}]
        case Phase.COMPLETED:
            # The first look is that of who waits, the second the worker's.
            held = {"action": "DescribeTrainingJob", "name": cell.jobs, "pause": "after"}
            return [held] if _row(cell).victim is Victim.TRIGGERER else [{**SLOW_LOOK, "name": cell.jobs}, held]
        case Phase.STOPPING:
            return [{"action": "StopTrainingJob", "name": cell.jobs, "pause": "before", "drop": "before"}]
        case Phase.RUNNING | Phase.MARKED_FAILED | Phase.CLEARED:
            return []


def _is_in_phase(running: RunningRound, cell: Cell) -> bool:
    """Whether the step has come to its phase; one that is to be stopped there waits for its job first."""
    match _row(cell).phase:
        case Phase.BEFORE_INTENT:
            return any(call.parameters.get("Key") == f"{cell.step}.json" for call in running.bench.endpoint.paused())
        case Phase.BEFORE_CREATE | Phase.REPLY_LOST:
            return _is_held(running.bench, cell, "Create")
        case Phase.COMPLETED:
            return _is_held(running.bench, cell, "Describe")
        case Phase.RUNNING | Phase.STOPPING | Phase.MARKED_FAILED | Phase.CLEARED:
            state = "deferred" if cell.column is Column.DEFERRABLE else "running"
            return running.looks(cell).total() > 0 and running.states()[cell] == state


def _is_held(bench: Bench, cell: Cell, verb: str) -> bool:
    return any(
        call.action == f"{verb}TrainingJob" and f"-{cell.step}-" in call.parameters["TrainingJobName"]
        for call in bench.endpoint.paused()
    )


def _worker(running: RunningRound, cell: Cell) -> tuple[int, ...]:
    """The process ids of a running task's supervisor and of the task, in the order in which to kill them."""
    task = running.task(cell)
    if task["state"] != "running":
        return ()
    return parent_of(task["pid"]), task["pid"]


def _kill(bench: Bench, victim: Victim, workers: Mapping[Cell, tuple[int, ...]]) -> None:
    processes = bench.deployment.processes
    if victim is Victim.WORKER:
        # A supervisor that outlives its task would report the death.
        for pid in [pid for pids in workers.values() for pid in pids]:
            os.kill(pid, signal.SIGKILL)
        return
    if victim is Victim.HUNG_TRIGGERER:
        _signal_triggerer(bench, signal.SIGSTOP)
        return
    process = bench.deployment.process(COMPONENTS[victim])
    if victim is Victim.SCHEDULER:
        processes.kill_alone(process)
    else:
        processes.kill(process)


def _restart_worker(running: RunningRound, cell: Cell) -> None:
    """Shut the task's worker down as Airflow does, time and again: a signal, and the end once the task has noted it."""
    until = running.bench.until
    for _ in range(RESTARTS):
        before = running.looks(cell)
        until(lambda before=before: running.is_waited_for(cell, before), f"{cell.id} waits")  # type: ignore[misc]
        _, task = _worker(running, cell)
        os.kill(task, signal.SIGTERM)
        until(lambda: running.record(cell)["open_try"] is None, f"{cell.id} notes that its try was interrupted")
        os.kill(task, signal.SIGKILL)
        until(lambda task=task: running.task(cell)["pid"] != task, f"{cell.id} is tried again")  # type: ignore[misc]


def _signal_triggerer(bench: Bench, what: signal.Signals) -> None:
    for pid in bench.deployment.process("triggerer").family():
        os.kill(pid, what)


def _restart(bench: Bench, victim: Victim) -> None:
    if victim in (Victim.WORKER, Victim.RESTARTED_WORKER):
        return
    # Of another name where the old one is still there.
    bench.deployment.start(COMPONENTS[victim], "triggerer-2" if victim is Victim.HUNG_TRIGGERER else None)
    if victim is Victim.API_SERVER:
        bench.until(lambda: is_answering(bench.deployment.site.url), "the API server answers", seconds=START_SECONDS)


def _in_phase(what: Round, phase: Phase) -> list[Cell]:
    return [cell for cell in what.cells if _row(cell).phase is phase]


def _row(cell: Cell) -> KillRow:
    return cast("KillRow", cell.row)
