"""The process that keeps a run: ``python -m airflow_sm_pipelines.running.keeper FD``, with the home as AIRFLOW_HOME.

It forks the process that runs the steps, sends events of what that does, and outlives it: whatever ends the run, a word
of who has started it, that one's death, or the death of the process of the steps, no job is left running. If it is
killed itself, the process of the steps dies with it. The home is its own by a lock that it has inherited.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.definition.findings import DefinitionError
from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.definition.parameters import EXECUTION
from airflow_sm_pipelines.running.events import Event, RunEnded, RunStarted, Stopping, to_line
from airflow_sm_pipelines.running.parting import end_with
from airflow_sm_pipelines.running.request import RunRequest

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from airflow_sm_pipelines.running.watching import RunWatch

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.3
Emit = Callable[[Event], None]


class RefusedError(Exception):
    """There is nothing to run; the arguments say why."""


def main(number: int) -> int:
    """Keep the run that is asked for in the home; the exit status is 0 whatever came of it."""
    home = Path(os.environ["AIRFLOW_HOME"])

    def emit(event: Event) -> None:
        try:
            os.write(number, to_line(event))
        except BrokenPipeError:
            # Who has started this is gone, which standard input shows too.
            log.info("Nobody listens any more: %s", event)

    try:
        dag, request = _prepare(home)
    except RefusedError as error:
        emit(RunEnded("refused", error.args))
        return 0
    _keep(dag, request, emit, number)
    return 0


def _prepare(home: Path) -> tuple[DAG, RunRequest]:
    """The Dag of the run and what was asked for, and a database that knows of it.

    :raises RefusedError: with every reason
    """
    from airflow_sm_pipelines.running.dag_file import NoSuchPipelineError, dag_of_run, write_dag_file

    path = write_dag_file(home)
    try:
        checked, request = dag_of_run(home), RunRequest.read(home)
    except DefinitionError as error:
        raise RefusedError(*map(str, error.findings)) from None
    except (NoSuchPipelineError, OSError, TypeError, ValueError) as error:
        # A setting, or an argument that neither Airflow nor this package has.
        raise RefusedError(str(error)) from None
    check_conf(checked, request.conf)
    _make_database(home)

    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag

    bundle = next(iter(DagBundlesManager().get_all_dag_bundles()))
    bag = BundleDagBag(dag_folder=str(path), bundle_path=bundle.path, bundle_name=bundle.name)
    if checked.dag_id not in bag.dags:
        raise RefusedError(*bag.import_errors.values())
    return bag.dags[checked.dag_id], request


def check_conf(dag: DAG, conf: dict[str, Any]) -> None:
    """:raises RefusedError: for a parameter that there is not, a value that it cannot have, and one without a value"""
    from airflow.sdk.exceptions import ParamValidationError

    # What an API has been given for the run stands beside the values of parameters.
    unknown = [name for name in conf if name not in dag.params and name != EXECUTION]
    if unknown:
        raise RefusedError(*(_unknown(name, list(dag.params)) for name in unknown))
    wrong: list[str] = []
    for name in dag.params:
        param = dag.params.get_param(name)
        try:
            param.resolve(conf[name]) if name in conf else param.resolve()
        except ParamValidationError as error:
            wrong.append(f"conf: the parameter {name!r}: {' '.join(str(error).split())}")
    if wrong:
        raise RefusedError(*wrong)


def _unknown(name: str, known: list[str]) -> str:
    meant = nearest(name, known)
    return f"conf: the parameter {name!r} is not declared" + (f". Did you mean {meant!r}?" if meant else "")


def _make_database(home: Path) -> None:
    """Airflow's tables, once for a home."""
    from airflow.utils.db import initdb

    done = home / "migrated"
    if not done.exists():
        initdb()
        done.touch()


def _keep(dag: DAG, request: RunRequest, emit: Emit, number: int) -> None:
    from airflow import settings

    from airflow_sm_pipelines.running.watching import RunWatch, last_run_of

    watch = RunWatch(dag.dag_id, last_run_of(dag.dag_id))
    # No connection to the database may be shared with the process of the steps.
    settings.dispose_orm(do_log=False)
    # Nothing is written to this pipe: its one end is open for as long as this process lives.
    of_steps, of_keeper = os.pipe()
    steps = os.fork()
    if steps == 0:
        os.close(number)
        os.close(of_keeper)
        end_with(of_steps)
        _run_steps(dag, request)
    os.close(of_steps)
    settings.configure_orm()
    stop_signals: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: stop_signals.append(1))
    status, started = None, False
    while status is None and not stop_signals:
        if select.select([sys.stdin], [], [], INTERVAL_SECONDS)[0]:
            # A word, or the end of who could say one.
            stop_signals.append(1)
        ended, code = os.waitpid(steps, os.WNOHANG)
        status = os.waitstatus_to_exitcode(code) if ended else None
        started = _emit_changes(watch, emit, dag, started=started)
    if status is None:
        os.kill(steps, signal.SIGKILL)
        os.waitpid(steps, 0)
    _end(watch, emit, status)


def _run_steps(dag: DAG, request: RunRequest) -> None:
    """Run the steps one after the other, as ``airflow dags test`` does; the end of the process of the steps."""
    from airflow import settings

    status = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        settings.configure_orm()
        dag.test(run_conf=request.conf, run_after=request.run_after)
        status = 0
    except BaseException:
        log.exception("The run ended early")
    finally:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _emit_changes(watch: RunWatch, emit: Emit, dag: DAG, *, started: bool) -> bool:
    """Send what has changed; whether the start of the run has been sent."""
    changes = watch.look()
    if watch.run_id is not None and not started:
        emit(RunStarted(dag.dag_id, watch.run_id, tuple(task.task_id for task in dag.topological_sort())))
    for change in changes:
        emit(change)
    return watch.run_id is not None


def _end(watch: RunWatch, emit: Emit, status: int | None) -> None:
    """Send how the run ended; of one that did not end by itself stop what it has left.

    :param status: the exit status of the process of the steps, None where it was stopped
    """
    from airflow_sm_pipelines.running.stopping import fail_tasks, stop_jobs, under_way

    if watch.state in ("success", "failed"):
        emit(RunEnded(watch.state, watch.reasons() if watch.state == "failed" else ()))
        return
    left: tuple[str, ...] = ()
    if watch.run_id is not None:
        fail_tasks(watch.dag_id, watch.run_id)
        emit(Stopping(under_way()))
        left = stop_jobs()
        for change in watch.look():
            emit(change)
    if status is None:
        emit(RunEnded("stopped", left=left))
    else:
        why = f"the process that ran the steps ended with the status {status} before the run had ended: see the log"
        emit(RunEnded("failed", (why,), left))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
