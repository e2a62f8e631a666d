"""A deployment with the settings of one in production, its memory, and what is in its database."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import sqlalchemy

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.system.deployment import Deployment, deployed

OPTION = "AIRFLOW__SAGEMAKER_PIPELINES__"
INTERVAL = 30
WORKERS = 8
SETTINGS = {
    "AIRFLOW__CORE__PARALLELISM": str(WORKERS),
    "AIRFLOW__CORE__MAX_ACTIVE_RUNS_PER_DAG": "1000",
    "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "1000",
    # Those of the package and of Airflow by default, of which tests have others.
    f"{OPTION}POLL_INTERVAL": str(INTERVAL),
    f"{OPTION}POLL_INTERVAL_MAX": "300",
    f"{OPTION}PACE": "CreateProcessingJob=1, CreateTrainingJob=1",
    f"{OPTION}THROTTLE_PATIENCE": "900",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "300",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "5",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "300",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "10",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "5",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "5",
    # A machine that others use too takes the living for dead otherwise.
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "300",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "300",
}
LOGS = Path(__file__).resolve().parents[2] / "build" / "scale" / "logs"
WORKER_TITLE = b"airflow worker -- LocalExecutor:"
TABLES = (
    "dag_run",
    "task_instance",
    "task_instance_history",
    "xcom",
    "task_state_store",
    "rendered_task_instance_fields",
    "trigger",
    "log",
    "asset_event",
)


@contextlib.contextmanager
def production(
    folder: Path, endpoint: LocalEndpoint, files: Mapping[str, str | bytes], settings: Mapping[str, str]
) -> Iterator[Deployment]:
    """An Airflow with these files in its dags folder."""
    with deployed(folder, {**endpoint.environment, **SETTINGS, **settings}, files) as deployment:
        yield deployment


class Database:
    """The metadata database of a deployment."""

    def __init__(self, deployment: Deployment) -> None:
        url = deployment.site.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
        self._engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)

    def states(self, dag_ids: Collection[str]) -> dict[str, int]:
        """How many tasks of these Dags are in which state."""
        query = "SELECT coalesce(state, 'none'), count(*) FROM task_instance WHERE dag_id = ANY(:ids) GROUP BY 1"
        with self._engine.connect() as connection:
            rows = connection.execute(sqlalchemy.text(query), {"ids": list(dag_ids)})
            return {str(state): int(count) for state, count in rows}

    def runs(self, dag_ids: Collection[str]) -> dict[str, int]:
        """How many runs of these Dags are in which state."""
        query = "SELECT state, count(*) FROM dag_run WHERE dag_id = ANY(:ids) GROUP BY 1"
        with self._engine.connect() as connection:
            rows = connection.execute(sqlalchemy.text(query), {"ids": list(dag_ids)})
            return {str(state): int(count) for state, count in rows}

    def most_tries(self, dag_ids: Collection[str]) -> int:
        """The most tries that a task of these Dags has taken."""
        query = "SELECT coalesce(max(try_number), 0) FROM task_instance WHERE dag_id = ANY(:ids)"
        with self._engine.connect() as connection:
            return int(connection.execute(sqlalchemy.text(query), {"ids": list(dag_ids)}).scalar_one())

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Rows and bytes of each table that runs fill."""
        found = {}
        with self._engine.connect() as connection:
            for table in TABLES:
                query = f"SELECT count(*), coalesce(sum(pg_column_size({table}.*)), 0) FROM {table}"  # noqa: S608 # names of this module
                rows, size = connection.execute(sqlalchemy.text(query)).one()
                found[table] = (int(rows), int(size))
        return found


def keep_logs(deployment: Deployment, name: str) -> Path:
    """Copy the logs of processes and of tasks to build/scale/logs, since those of a deployment go with it."""
    into = LOGS / name
    shutil.rmtree(into, ignore_errors=True)
    shutil.copytree(deployment.processes.log_dir, into / "processes")
    with contextlib.suppress(FileNotFoundError):
        shutil.copytree(deployment.site.home / "logs", into / "tasks")
    return into


def triggerer_memory(deployment: Deployment) -> float:
    """The resident memory of the triggerer's processes, in MB."""
    return sum(map(_resident, deployment.process("triggerer").family()))


def worker_memory(deployment: Deployment) -> list[float]:
    """That of each process of LocalExecutor, in MB, without those of tasks."""
    scheduler = deployment.process("scheduler")
    found = []
    for pid in scheduler.family():
        with contextlib.suppress(OSError):
            title = Path(f"/proc/{pid}/cmdline").read_bytes()
            parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
            if title.startswith(WORKER_TITLE) and int(parent) == scheduler.popen.pid:
                found.append(_resident(pid))
    return found


def _resident(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0
