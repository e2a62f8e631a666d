"""Airflow's components as processes on this machine, with a database and a dags folder of their own."""

import atexit
import contextlib
import functools
import json
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.system.api import AirflowApi, is_answering
from tests.system.processes import (
    Process,
    Processes,
    clean_environment,
    free_port,
    new_database,
    postgres_database,
    remove_database,
)
from tests.waiting import PATIENCE_SECONDS

DESCRIBE = "DescribeTrainingJob"
COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
# Bounds a hang: with thirty busy processes beside it, an API server needs more than five minutes to start.
START_SECONDS = 900
CONFIGURATION = "airflow.cfg"

HEARD = re.compile(
    r"Received executor event with state success for task instance TaskInstanceKey\(dag_id='([^']*)', "
    r"task_id='([^']*)', run_id='([^']*)', try_number=(\d+), map_index=(-?\d+)\)"
)

# Whoever dies is missed soon. Shorter, and a machine under load takes the living for dead.
QUICKLY_MISSED = {
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "10",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "1",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "8",
}


@dataclass(frozen=True)
class Site:
    """Where an Airflow lives: its home, its dags folder, its port, and its processes' environment."""

    home: Path
    dags: Path
    url: str
    environment: Mapping[str, str]

    @classmethod
    def make(cls, folder: Path, settings: Mapping[str, str]) -> "Site":
        """An empty site below ``folder``, with ports of its own and ``settings`` as further variables."""
        home, dags, port = folder / "home", folder / "dags", free_port()
        for new in (home, dags):
            new.mkdir(parents=True)
        url = f"http://localhost:{port}"
        values = {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            # By default a busy machine's dag-processor gives up on a file that it would have read.
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "240",
            "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "300",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__SAGEMAKER_PIPELINES__POLL_INTERVAL": "0.5",
            "AIRFLOW__SAGEMAKER_PIPELINES__POLL_INTERVAL_MAX": "1",
            # Several steps at once are to be under way at once, and what AWS throttles is for the retry policies.
            "AIRFLOW__SAGEMAKER_PIPELINES__PACE": "",
            "AIRFLOW__SAGEMAKER_PIPELINES__THROTTLE_PATIENCE": "0",
            "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
        }
        return cls(home, dags, url, clean_environment(home, values | dict(settings)))


@dataclass(frozen=True)
class Deployment:
    """A running Airflow: API server, scheduler with LocalExecutor, Dag processor and triggerer on PostgreSQL."""

    site: Site
    processes: Processes
    airflow: AirflowApi

    def start(self, component: str, name: str | None = None) -> Process:
        """Start one more process of a component, with ``name`` for its log file."""
        return _start(self.processes, self.site, component, name)

    def add(self, folder: str, dags: Mapping[str, str | bytes], dag_ids: Collection[str]) -> None:
        """Put more files below the dags folder, and wait until these Dags are listed."""
        write_files(self.site.dags / folder, dags)
        self.processes.wait_until(
            lambda: self.airflow.dag_ids() >= set(dag_ids), f"the Dags of {folder} are listed", timeout=120
        )

    def access_key(self) -> tuple[str, str]:
        """The id and the secret of a new access key of the Pipelines API, for all pipelines and actions."""
        command = ["airflow", "sm-pipelines", "access-keys", "create", "--user", "admin", "--pipelines", "*"]
        command += ["--actions", "read,start,write"]
        self.processes.run("access-key", command, self.site.environment, self.site.home, timeout=90)
        made = dict(re.findall(r"aws_(\w+) = (\S+)", (self.processes.log_dir / "access-key.log").read_text()))
        return made["access_key_id"], made["secret_access_key"]

    def knows_deferrals(self) -> bool:
        """Whether the scheduler has heard of the end of each process whose task is deferred.

        Airflow takes a try for dead whose trigger fires before that.
        """
        tasks = self.airflow.call("GET", "/dags/~/dagRuns/~/taskInstances", params={"state": "deferred", "limit": 100})[
            "task_instances"
        ]
        log = (self.processes.log_dir / "scheduler.log").read_text(errors="replace")
        heard = set(HEARD.findall(log))
        return all(
            (task["dag_id"], task["task_id"], task["dag_run_id"], str(task["try_number"]), str(task["map_index"]))
            in heard
            for task in tasks
        )

    def wait_for_next_look(self, endpoint: LocalEndpoint) -> None:
        """Wait until someone asks what has become of a training job.

        Once a task is deferred, that is its trigger. A kill before that look may find no trigger that could stop the
        job: the look for jobs without an owner would, and not every deployment has it.
        """
        before = len(endpoint.requests("sagemaker", DESCRIBE))
        self.processes.wait_until(
            lambda: len(endpoint.requests("sagemaker", DESCRIBE)) > before, DESCRIBE, timeout=PATIENCE_SECONDS
        )

    def wait_for_log(self, dag_id: str, run_id: str, task_id: str, *texts: str) -> None:
        """Wait until these texts are in the log of a task's first try: a line may come after the task has ended."""

        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/1"
        asked = {"params": {"full_content": True}, "headers": {"Accept": "application/json"}}

        def found() -> bool:
            log = self.airflow.task_log(dag_id, run_id, task_id)
            # What a line tells of an error stands in other members.
            whole = json.dumps(self.airflow.call("GET", path, **asked)["content"], ensure_ascii=False)
            return all(text in log or text in whole for text in texts)

        self.processes.wait_until(found, f"{texts} in the log of {task_id}", timeout=PATIENCE_SECONDS)

    def process(self, name: str) -> Process:
        """The running process of that name."""
        (found,) = [process for process in self.processes.running if process.name == name]
        return found


def copy_database(source: sqlalchemy.URL, target: sqlalchemy.URL) -> None:
    """Let a database that is empty be a copy of another one, to which nobody is connected."""
    engine = sqlalchemy.create_engine(
        source.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool
    )
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"DROP DATABASE {target.database}"))
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {target.database} TEMPLATE {source.database}"))
        connection.execute(sqlalchemy.text(f"ALTER DATABASE {target.database} SET synchronous_commit = off"))


@dataclass(frozen=True)
class Migrated:
    """A database with Airflow's tables and nothing else in it, and the home of the Airflow that made them."""

    database: sqlalchemy.URL
    home: Path


@functools.cache
def migrated() -> Migrated:
    """What the deployments of this process are copies of: to make the tables takes as long as several tests."""
    database, folder, owner = new_database(), Path(tempfile.mkdtemp(prefix="sm-pipelines-migrated-")), os.getpid()

    def remove() -> None:
        # A process that a test forks off ends with the handlers of this one: it must not take away what others copy.
        if os.getpid() == owner:
            remove_database(str(database.database))
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    site = Site.make(folder, {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.render_as_string(hide_password=False)})
    with Processes(folder / "logs") as processes:
        processes.run("db-migrate", ["airflow", "db", "migrate"], site.environment, site.home, timeout=START_SECONDS)
    return Migrated(database, site.home)


@contextlib.contextmanager
def deployed(folder: Path, settings: Mapping[str, str], dags: Mapping[str, str | bytes]) -> Iterator[Deployment]:
    """An Airflow with these files in its dags folder, ready to run their Dags; everyone is an administrator.

    ``dags`` are by their paths in the folder.
    """
    first = migrated()
    with postgres_database() as database, Processes(folder / "logs") as processes:
        copy_database(first.database, database)
        site = Site.make(
            folder,
            {
                "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
                "AIRFLOW__CORE__PARALLELISM": "4",
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.render_as_string(hide_password=False),
                "AIRFLOW__SAGEMAKER_PIPELINES__DEFERRABLE": "True",
                **QUICKLY_MISSED,
                **settings,
            },
        )
        # The components have its secrets in common, and would each make their own.
        configured = (first.home / CONFIGURATION).read_text().replace(str(first.home), str(site.home))
        (site.home / CONFIGURATION).write_text(configured)
        write_files(site.dags, dags)
        for component in COMPONENTS:
            _start(processes, site, component)
        processes.wait_until(lambda: is_answering(site.url), "the API server answers", timeout=START_SECONDS)
        with AirflowApi(site.url) as airflow:
            processes.wait_until(airflow.healthy, "all components are healthy", timeout=START_SECONDS)
            yield Deployment(site, processes, airflow)


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files by their paths in a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def _start(processes: Processes, site: Site, component: str, name: str | None = None) -> Process:
    return processes.start(name or component, ["airflow", component], site.environment, site.home)
