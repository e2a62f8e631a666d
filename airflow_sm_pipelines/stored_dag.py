"""What Airflow's database cannot hold of a Dag: one of its texts is too long, or its next run cannot be worked out.

Airflow stores all Dags of a dags file at once, and the runs of all Dags in one loop. A value that the database refuses
would keep every other Dag from both, so that it has to be a finding of its own Dag.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.findings import DefinitionError, Finding
from airflow_sm_pipelines.definition.limits import (
    MAX_ASSET_LENGTH,
    MAX_DISPLAY_NAME_LENGTH,
    MAX_EXECUTOR_LENGTH,
    MAX_OWNER_LENGTH,
    MAX_OWNERS,
    MAX_POOL_LENGTH,
)
from airflow_sm_pipelines.sidecars.schedule_kind import PRESETS
from airflow_sm_pipelines.sidecars.schedules import fault_of_cron, fault_of_start

if TYPE_CHECKING:
    from airflow.sdk import DAG

CODE = "dag-argument"
_OF_TASKS = {
    "owner": MAX_OWNER_LENGTH,
    "pool": MAX_POOL_LENGTH,
    "queue": MAX_POOL_LENGTH,
    "executor": MAX_EXECUTOR_LENGTH,
    "task_display_name": MAX_DISPLAY_NAME_LENGTH,
}


def faults_of_dag(dag: DAG) -> Iterator[Finding]:
    """What cannot be stored of a Dag itself."""
    cron = dag.schedule if isinstance(dag.schedule, str) else getattr(dag.timetable, "expression", None)
    if isinstance(cron, str) and cron not in PRESETS and (fault := fault_of_cron(cron)) is not None:
        yield Finding(f"the schedule {cron!r}: {fault}", code=CODE, given=("schedule",)).bounded()
    if dag.start_date is not None and (fault := fault_of_start(dag.start_date)) is not None:
        yield Finding(f"the start_date {dag.start_date}: {fault}", code=CODE, given=("start_date",))
    yield from _too_long("dag_display_name", dag.dag_display_name, MAX_DISPLAY_NAME_LENGTH)
    condition = getattr(dag.timetable, "asset_condition", None)
    for name, text in _texts_of(condition):
        yield from _too_long(f"the {name} of an asset of the schedule", text, MAX_ASSET_LENGTH, ("schedule",))


def faults_of_tasks(tasks: Iterable[object]) -> Iterator[Finding]:
    """What cannot be stored of some tasks, each value once."""
    reported: set[tuple[str, str]] = set()
    owners: set[str] = set()
    for task in tasks:
        for name, most in _OF_TASKS.items():
            text = getattr(task, name, None)
            if not isinstance(text, str) or (name, text) in reported:
                continue
            reported.add((name, text))
            yield from _too_long(name, text, most, ("default_args", name))
        owners.add(str(getattr(task, "owner", "")))
        for asset in (*(getattr(task, "outlets", None) or ()), *(getattr(task, "inlets", None) or ())):
            for name, text in _texts_of(asset):
                yield from _too_long(f"the {name} of an asset", text, MAX_ASSET_LENGTH)
    yield from _too_long("the owners of the steps", ", ".join(owners), MAX_OWNERS)


def refuse_unstorable(source: str, findings: Iterable[Finding]) -> None:
    """:raises DefinitionError: where there are findings"""
    if found := list(findings):
        raise DefinitionError(source, found)


def _texts_of(assets: object) -> Iterator[tuple[str, str]]:
    """The names and URIs of an asset, of a reference to one, or of all in a condition."""
    for name in ("name", "uri"):
        if isinstance(text := getattr(assets, name, None), str):
            yield name, text
    for each in getattr(assets, "objects", ()):
        yield from _texts_of(each)


def _too_long(what: str, text: str, most: int, given: tuple[str, ...] = ()) -> Iterator[Finding]:
    if len(text) > most:
        message = f"{what} has {len(text)} characters, and Airflow stores at most {most}"
        yield Finding(message, code=CODE, given=given)
