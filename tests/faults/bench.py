"""The deployment on which the cells of the matrix are run: one Airflow, one endpoint, one Dag a round and column."""

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from airflow.models.task_state_store import TaskStateStoreModel
from sqlalchemy import create_engine, select

from airflow_sm_pipelines.jobs.record import STORE_KEY
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.faults.aws_faults import ATTEMPTS_OF_A_CALL
from tests.faults.cells import Cell
from tests.runs.harness import pipeline
from tests.system.api import ENDED
from tests.system.deployment import Deployment, deployed

# A hang is bounded by these, not a busy machine, on which a dozen tasks that start at once take minutes.
SECONDS = 900
SECONDS_OF_A_CELL = 60
SETTINGS = {
    "AIRFLOW__CORE__PARALLELISM": "12",
    # Many tasks start at once here, and a machine under that load takes the living for dead sooner.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SAGEMAKER_PIPELINES__ORPHAN_JOBS_INTERVAL": "2",
    "AIRFLOW__SAGEMAKER_PIPELINES__AWS_MAX_ATTEMPTS": str(ATTEMPTS_OF_A_CALL),
}
# The endpoint holds calls while the steps of a round come to where they are wanted.
DAG_FILE = """
from datetime import timedelta

from airflow.sdk import get_parsing_context

from airflow_sm_pipelines import SageMakerPipelineDag

wanted = get_parsing_context().dag_id
for name in [wanted] if wanted else {names!r}:
    dag = SageMakerPipelineDag(
        name + ".json",
        dag_id=name,
        deferrable=name.endswith("deferrable"),
        max_active_tasks=3 if name.startswith("aws") else 12,
    )
    for task in dag.tasks:
        task.retry_delay = timedelta(seconds=1)
        task.botocore_config = {{**task.botocore_config, "read_timeout": 300}}
    globals()[name] = dag
"""

T = TypeVar("T")


@dataclass(frozen=True)
class Round:
    """Cells that are run at once: those of one column are the steps of one Dag."""

    name: str
    cells: tuple[Cell, ...]

    def dag_id(self, cell: Cell) -> str:
        return f"{self.name}-{cell.column.value}"

    def definitions(self, step: Callable[[Cell], Mapping[str, Any]]) -> dict[str, str]:
        """The files of the dags folder for this round, given what a cell's step is."""
        dag_ids = dict.fromkeys(self.dag_id(cell) for cell in self.cells)
        return {
            f"{dag_id}.json": json.dumps(pipeline(*(step(cell) for cell in self.cells if self.dag_id(cell) == dag_id)))
            for dag_id in dag_ids
        }


@dataclass(frozen=True)
class Bench:
    """The deployment and the endpoint that its Dags call."""

    deployment: Deployment
    endpoint: LocalEndpoint

    def until(self, check: Callable[[], T | None], what: str, *, seconds: float = SECONDS) -> T:
        """Wait for what ought to happen, while all components live."""
        return self.deployment.processes.wait_until(check, what, timeout=seconds, interval=0.2)

    def start(self, what: Round) -> "RunningRound":
        """Start a run of each Dag of the round."""
        runs = {
            dag_id: self.deployment.airflow.trigger(dag_id)
            for dag_id in dict.fromkeys(what.dag_id(cell) for cell in what.cells)
        }
        return RunningRound(self, what, runs)


@dataclass(frozen=True)
class RunningRound:
    """The runs of a round's Dags, by dag id."""

    bench: Bench
    round: Round
    runs: Mapping[str, str]

    def task(self, cell: Cell) -> dict[str, Any]:
        """The cell's task instance."""
        dag_id = self.round.dag_id(cell)
        return self.bench.deployment.airflow.task(dag_id, self.runs[dag_id], cell.step)

    def record(self, cell: Cell) -> dict[str, Any]:
        """What the cell's step has on record, in Airflow's database."""
        dag_id = self.round.dag_id(cell)
        stored = select(TaskStateStoreModel.value).where(
            TaskStateStoreModel.dag_id == dag_id,
            TaskStateStoreModel.run_id == self.runs[dag_id],
            TaskStateStoreModel.task_id == cell.step,
            TaskStateStoreModel.key == STORE_KEY,
        )
        engine = create_engine(self.bench.deployment.site.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
        try:
            with engine.connect() as connection:
                found: dict[str, Any] = json.loads(connection.execute(stored).scalar_one())
        finally:
            engine.dispose()
        return found

    def states(self) -> dict[Cell, str | None]:
        """The state of each cell's task."""
        airflow = self.bench.deployment.airflow
        tasks = {dag_id: airflow.task_states(dag_id, run_id) for dag_id, run_id in self.runs.items()}
        return {cell: tasks[self.round.dag_id(cell)][cell.step] for cell in self.round.cells}

    def mark_failed(self, cell: Cell) -> None:
        """Mark the cell's task failed, as a user does."""
        dag_id = self.round.dag_id(cell)
        self.bench.deployment.airflow.set_task_state(dag_id, self.runs[dag_id], cell.step, "failed")

    def wait_for_ends(self, cells: Sequence[Cell]) -> None:
        """Wait until the tasks of these cells have ended; the states of those that do not are told as they are."""
        with contextlib.suppress(AssertionError):
            self.bench.until(
                lambda: all(state in ENDED for cell, state in self.states().items() if cell in cells),
                "the end of all tasks",
                seconds=max(SECONDS, SECONDS_OF_A_CELL * len(cells)),
            )
        self.bench.deployment.processes.check_running()

    def wait_for_jobs(self, cells: Sequence[Cell]) -> None:
        """Wait until no job of these cells runs; those that still do after a while are orphans, to be told as such."""
        marks = [f"-{cell.step}-" for cell in cells]
        with contextlib.suppress(AssertionError):
            self.bench.until(
                lambda: all(
                    job.ended is not None
                    for job in self.bench.endpoint.jobs("training")
                    if any(mark in job.name for mark in marks)
                ),
                "the end of all jobs",
                seconds=300,
            )

    def clear(self, cell: Cell) -> None:
        """Clear the cell's task, as a user does."""
        dag_id = self.round.dag_id(cell)
        self.bench.deployment.airflow.clear_task(dag_id, self.runs[dag_id], cell.step)

    def log(self, cell: Cell) -> str:
        """The log of the first try of the cell's task, that of its trigger included."""
        dag_id = self.round.dag_id(cell)
        return self.bench.deployment.airflow.task_log(dag_id, self.runs[dag_id], cell.step)

    def looks(self, cell: Cell) -> Counter[str]:
        """How often each of the cell's jobs was looked at."""
        calls = self.bench.endpoint.requests("sagemaker", "DescribeTrainingJob")
        names = [str(call.parameters["TrainingJobName"]) for call in calls]
        return Counter(name for name in names if f"-{cell.step}-" in name)

    def is_waited_for(self, cell: Cell, since: Mapping[str, int] = MappingProxyType({})) -> bool:
        """Whether the cell's task waits for the last of its jobs and has looked at it after the looks ``since``."""
        names = [job.name for job in self.bench.endpoint.jobs("training") if f"-{cell.step}-" in job.name]
        return (
            len(names) == cell.row.expected.jobs
            and self.looks(cell)[names[-1]] > since.get(names[-1], 0)
            and self.states()[cell] in ("running", "deferred")
        )


@contextlib.contextmanager
def running_bench(folder: Path, definitions: Mapping[str, str]) -> Iterator[Bench]:
    """An Airflow with these definitions."""
    names = sorted(name.removesuffix(".json") for name in definitions)
    dags = {"dags.py": DAG_FILE.format(names=names), **definitions}
    with LocalEndpoint() as endpoint, deployed(folder, {**endpoint.environment, **SETTINGS}, dags) as deployment:
        bench = Bench(deployment, endpoint)
        bench.until(lambda: deployment.airflow.dag_ids() >= set(names), "the Dags are listed")
        yield bench
