"""Airflow's components as processes on this machine, with a database and a dags folder of their own."""

import contextlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.system.api import AirflowApi, is_answering
from tests.system.processes import Process, Processes, clean_environment, free_port, postgres_database

COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
START_SECONDS = 150

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

    def process(self, name: str) -> Process:
        """The running process of that name."""
        (found,) = [process for process in self.processes.running if process.name == name]
        return found


@contextlib.contextmanager
def deployed(folder: Path, settings: Mapping[str, str], dags: Mapping[str, str | bytes]) -> Iterator[Deployment]:
    """An Airflow with these files in its dags folder, ready to run their Dags; everyone is an administrator.

    ``dags`` are by their paths in the folder.
    """
    with postgres_database() as database, Processes(folder / "logs") as processes:
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
        write_files(site.dags, dags)
        processes.run("db-migrate", ["airflow", "db", "migrate"], site.environment, site.home, timeout=START_SECONDS)
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
