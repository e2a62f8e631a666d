"""What failed in a run, for the callbacks and notifiers of Dags and tasks: the reason, the job, and the console's page.

Airflow gives the callback of a Dag ``task_failure`` and the task that failed last, that of a task the exception. The
rest is in the notes that the steps leave as XComs (:mod:`airflow_sm_pipelines.expressions.end_note`), which the Dag
processor, where Dags' callbacks run, may read too.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import jinja2
from airflow.sdk.bases.xcom import BaseXCom
from msgspec import Struct

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.expressions.end_note import END_KEY, EndNote
from airflow_sm_pipelines.operators.links import AwsConsoleLink, JobLogLink
from airflow_sm_pipelines.operators.outcome_task import TASK_ID as OUTCOME

log = logging.getLogger(__name__)

MACRO = "sagemaker_failure"


class FailedStep(Struct, frozen=True):
    """A task that failed. ``reason`` is one line, ``details`` the whole message: with the end of the job's log.

    ``task_id`` is that of the step's task. ``job_name``, ``console_url`` and ``log_url`` are None where the step had no
    job, or the console no page of it. ``map_index`` is -1 but for the children of a ForEach step.
    """

    task_id: str
    reason: str
    details: str
    job_name: str | None = None
    console_url: str | None = None
    log_url: str | None = None
    map_index: int = -1

    def __str__(self) -> str:
        lines = [self.reason]
        if self.job_name is not None and self.job_name not in self.reason:
            lines.append(f"Job: {self.job_name}")
        if self.console_url is not None:
            lines.append(f"Console: {self.console_url}")
        return "\n".join(lines)


class Failure(Struct, frozen=True):
    """What failed in a run: of a task's callback that task, of a Dag's all. As text it is a message to be sent.

    ``dag_id`` and ``run_id`` are Airflow's, ``steps`` the tasks that failed. ``said`` is what Airflow says where no
    step has failed: that the run timed out, for instance.
    """

    dag_id: str
    run_id: str
    steps: tuple[FailedStep, ...]
    said: str

    @property
    def reason(self) -> str:
        """Why, in one line a step."""
        return "\n".join(step.reason for step in self.steps) or self.said

    @property
    def job_name(self) -> str | None:
        """The job of the first step that had one."""
        return next((step.job_name for step in self.steps if step.job_name is not None), None)

    @property
    def console_url(self) -> str | None:
        """The page of the first job that has one."""
        return next((step.console_url for step in self.steps if step.console_url is not None), None)

    def __str__(self) -> str:
        reasons = "\n".join(map(str, self.steps)) or self.said
        return f"{self.dag_id}, run {self.run_id}: {reasons}"


def failure_of(context: Mapping[str, Any]) -> Failure | None:
    """What has failed, in a callback or notifier of a Dag or a task; None where nothing has.

    :param context: what Airflow gives the callback
    """
    ti, dag = context.get("ti"), context.get("dag")
    run_id = str(context.get("run_id") or getattr(ti, "run_id", ""))
    dag_id = str(getattr(ti, "dag_id", None) or getattr(dag, "dag_id", ""))
    if "reason" not in context:
        exception = context.get("exception")
        if exception is None or ti is None:
            return None
        map_index = -1 if ti.map_index is None else ti.map_index
        return Failure(dag_id, run_id, (_step_of(dag_id, run_id, ti.task_id, map_index, exception),), "")
    if context["reason"] == "success":
        return None
    failed = _failed_steps(_failed_tasks(dag, ti, dag_id, run_id), dag_id, run_id)
    steps = [_step_of(dag_id, run_id, task_id, index) for task_id, index in failed]
    return Failure(dag_id, run_id, tuple(steps), str(context["reason"]))


@jinja2.pass_context
def failure_macro(context: jinja2.runtime.Context) -> Failure | None:
    """:func:`failure_of` for the templates of notifiers: ``{{ sagemaker_failure() }}``."""
    return failure_of(context.get_all())


MACROS: Mapping[str, Any] = {MACRO: failure_macro}


def _failed_tasks(dag: Any, ti: Any, dag_id: str, run_id: str) -> list[tuple[str, int]]:
    """The tasks that have failed, with their map indexes, in the order of the Dag."""
    known = {task.task_id: position for position, task in enumerate(getattr(dag, "tasks", ()))}
    states: Mapping[str, Any] = {}
    if ti is not None:
        try:
            states = ti.get_task_states(dag_id=dag_id, run_ids=[run_id]).get(run_id, {})
        except Exception as error:  # noqa: BLE001 # whatever keeps it, the callback is to get what is known
            log.info("What else has failed in the run %s cannot be asked here: %s", run_id, error)
            states = {ti.task_id if ti.map_index in (None, -1) else f"{ti.task_id}_{ti.map_index}": "failed"}
    found = []
    for name, state in states.items():
        if str(getattr(state, "value", state)) != "failed":
            continue
        # A mapped task's states have their index behind its id.
        base, _, index = name.rpartition("_")
        mapped = name not in known and base in known and index.isdigit()
        found.append((base, int(index)) if mapped else (name, -1))
    return sorted(found, key=lambda task: (known.get(task[0], len(known)), task[1]))


def _failed_steps(failed: list[tuple[str, int]], dag_id: str, run_id: str) -> list[tuple[str, int]]:
    """Those of the failed tasks that are no pipeline's last one, which reports how the pipeline ended: it names those
    of its steps that are, for where the others cannot be asked, and stands for itself where no other has failed.
    """
    found = [task for task in failed if not _is_outcome(task[0])]
    for outcome, _ in failed:
        if _is_outcome(outcome) and not any(name.startswith(outcome.removesuffix(OUTCOME)) for name, _ in found):
            of_task = {"dag_id": dag_id, "run_id": run_id, "task_id": outcome, "map_index": -1}
            note = EndNote.from_json(_left(END_KEY, of_task))
            found += [] if note is None else [(task_id, -1) for task_id in note.failed_tasks]
    return found or failed


def _is_outcome(task_id: str) -> bool:
    return task_id == OUTCOME or task_id.endswith(f".{OUTCOME}")


def _step_of(dag_id: str, run_id: str, task_id: str, map_index: int, said: object = None) -> FailedStep:
    of_task = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index}
    note = EndNote.from_json(_left(END_KEY, of_task))
    if note is None:
        details = str(said or f"the task {task_id} failed, and left no reason: it was killed, timed out or marked so")
        reason = said.headline if isinstance(said, StepFailure) else " ".join(details.split())
        note = EndNote("Failed", details, headline=reason)
    return FailedStep(
        task_id=task_id,
        reason=note.headline,
        details=note.reason,
        job_name=note.job_name or None,
        console_url=_left(AwsConsoleLink().xcom_key, of_task) or None,
        log_url=_left(JobLogLink().xcom_key, of_task) or None,
        map_index=map_index,
    )


def _left(key: str, of_task: Mapping[str, Any]) -> Any:
    """What a task has left as XCom, None where it has not, or where it cannot be read."""
    try:
        return BaseXCom.get_one(key=key, **of_task)
    except ImportError:
        # ``airflow dags test`` runs a Dag's callbacks in its own process, which is nobody's child and has the database.
        return _stored(key, of_task)
    except Exception as error:  # noqa: BLE001 # whatever keeps it, the callback is to get what is known
        log.warning("What the task %s has left as %s could not be read: %s", of_task["task_id"], key, error)
        return None


def _stored(key: str, of_task: Mapping[str, Any]) -> Any:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    columns = (XComModel.__table__.c[name] == value for name, value in {**of_task, "key": key}.items())
    with create_session() as session:
        row = session.scalar(select(XComModel).where(*columns))
        return None if row is None else XComModel.deserialize_value(row)
