"""The services of docker-compose.yaml as processes of this machine: ``python -m tests.system.cluster up`` and ``down``.

Each service's command runs with the environment that the file gives it. Only host names, ports and paths are put in the
place of the containers' own. PostgreSQL is this machine's server, with a database of the cluster's own.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import sqlalchemy

from tests.system.api import AirflowApi
from tests.system.compose import ROOT, Service, env_file_variables, read_compose
from tests.system.processes import (
    Process,
    Processes,
    clean_environment,
    free_port,
    missing,
    new_database,
    postgres_database,
    remove_database,
    succeeds,
)

WORKERS = ("airflow-worker-1", "airflow-worker-2")
AIRFLOW_SERVICES = ("airflow-apiserver", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer", *WORKERS)
STARTED = ("redis", "local-aws", *AIRFLOW_SERVICES)
SQL_URL = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
RESULT_BACKEND = "AIRFLOW__CELERY__RESULT_BACKEND"
CONTAINER_HOME = "/opt/airflow"
# The ports that services listen on in their containers, each of which has them to itself.
SHARED_PORTS = ("8080", "8974", "5000", "6379")
# The API server makes its versions of the execution API at the first request for them, which takes a busy machine
# longer than workers wait for an answer.
PATIENT = {"AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "300"}
# `make cluster`: where it lives.
PLACE = ROOT / ".cluster"
STATE = PLACE / "processes.json"


@dataclass(frozen=True)
class Machine:
    """This machine in the place of the containers: the compose file's services with their names translated."""

    services: Mapping[str, Service]
    home: Path
    database: sqlalchemy.URL
    ports: Mapping[str, int]
    overrides: Mapping[str, str]

    @property
    def url(self) -> str:
        """Where the API server is."""
        return f"http://127.0.0.1:{self.ports['8080']}"

    def text(self, value: str) -> str:
        """A command's word or an environment value as it has to be here."""
        for host in ("airflow-apiserver", "local-aws"):
            value = value.replace(f"//{host}:", "//127.0.0.1:")
        value = value.replace("@redis:", "@127.0.0.1:")
        for port, here in self.ports.items():
            value = re.sub(rf"(?<!\d){port}(?!\d)", str(here), value)
        return value.replace(CONTAINER_HOME, str(self.home))

    def command(self, name: str, as_name: str | None = None) -> list[str]:
        """The service's command; ``as_name`` is the name of another service of its kind."""
        words = [self.text(word).replace(name, as_name or name) for word in self.services[name].command]
        if name == "redis":
            # The server takes the port and the folder of its container for granted.
            words += ["--port", str(self.ports["6379"]), "--bind", "127.0.0.1", "--dir", str(self.own_home(name))]
        return words

    def healthcheck(self, name: str) -> list[str]:
        """The service's health check."""
        return [self.text(word) for word in self.services[name].healthcheck]

    def environment(self, name: str, as_name: str | None = None) -> dict[str, str]:
        """The service's environment, and what the image or the container's network would give besides."""
        given = self.services[name].environment
        values = {key: self.text(value) for key, value in given.items()}
        for key, scheme in ((SQL_URL, ""), (RESULT_BACKEND, "db+")):
            if key in given:
                url = sqlalchemy.make_url(given[key].removeprefix(scheme))
                assert (url.host, url.port, url.database) == ("postgres", 5432, "airflow")
                here = self.database.set(drivername=url.drivername)
                values[key] = scheme + here.render_as_string(hide_password=False)
        home = self.own_home(as_name or name)
        values["AIRFLOW_HOME"] = str(home)
        values["AIRFLOW__CORE__DAGS_FOLDER"] = str(self.home / "dags")
        values["AIRFLOW__LOGGING__BASE_LOG_FOLDER"] = str(self.home / "logs")
        # Each container has these ports to itself.
        for port in ("WORKER_LOG_SERVER_PORT", "TRIGGER_LOG_SERVER_PORT"):
            values[f"AIRFLOW__LOGGING__{port}"] = str(free_port())
        return clean_environment(home, {**values, **(self.overrides if name in AIRFLOW_SERVICES else {})})

    def own_home(self, name: str) -> Path:
        """What a container has to itself."""
        home = self.home / "homes" / name
        home.mkdir(parents=True, exist_ok=True)
        return home

    def mount(self) -> None:
        """Copy what the services would have mounted from the repository; make the rest of the volumes."""
        for volume in {volume for service in self.services.values() for volume in service.volumes}:
            source, target = volume.split(":")[:2]
            if not target.startswith(CONTAINER_HOME):
                continue
            folder = Path(self.text(target))
            if source.startswith("./"):
                shutil.copytree(ROOT / source, folder, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                folder.mkdir(parents=True)


@dataclass(frozen=True)
class Cluster:
    """The services of the compose file, running."""

    machine: Machine
    processes: Processes

    def start(self, name: str, as_name: str | None = None) -> Process:
        """Start a service, or one more of its kind under another name."""
        machine = self.machine
        return self.processes.start(
            as_name or name, machine.command(name, as_name), machine.environment(name, as_name), machine.home
        )

    def process(self, name: str) -> Process:
        """The running process of a service."""
        (found,) = [process for process in self.processes.running if process.name == name]
        return found

    def migrate(self) -> None:
        """What airflow-init does."""
        name, machine = "airflow-init", self.machine
        self.processes.run(name, machine.command(name), machine.environment(name), machine.home, timeout=300)

    def is_healthy(self, name: str) -> bool:
        """Whether the service's own health check is content."""
        return succeeds(self.machine.healthcheck(name), self.machine.environment(name), timeout=90)

    def start_all(self, services: Sequence[str] = STARTED) -> None:
        """Start the services, and wait until each is healthy."""
        if shutil.which("redis-server") is None:
            missing("no redis-server")
        self.migrate()
        for name in services:
            self.start(name)
        for name in services:
            self.processes.wait_until(
                lambda name=name: self.is_healthy(name),  # type: ignore[misc] # mypy takes the default for an argument
                f"health of {name}: {self.machine.healthcheck(name)}",
                timeout=900,
                interval=1,
            )
        # The first request for the execution API has its versions made, 10 s of CPU time in which nobody is answered.
        httpx.patch(f"{self.machine.url}/execution/task-instances/{uuid.uuid4()}/run", json={}, timeout=900)


def on_this_machine(
    home: Path, database: sqlalchemy.URL, variables: Mapping[str, str], overrides: Mapping[str, str] | None = None
) -> Machine:
    """The services with ports of their own. ``variables`` are the ``.env`` file's; ``overrides`` go beyond the file."""
    ports = {port: free_port() for port in SHARED_PORTS}
    machine = Machine(read_compose(variables), home, database, ports, {**PATIENT, **(overrides or {})})
    machine.mount()
    return machine


@contextlib.contextmanager
def running(
    folder: Path, variables: Mapping[str, str], overrides: Mapping[str, str], services: Sequence[str] = STARTED
) -> Iterator[Cluster]:
    """A cluster below a folder with an empty dags folder, all healthy; gone at the end."""
    with postgres_database() as database, Processes(folder / "logs") as processes:
        machine = on_this_machine(folder / "home", database, variables, overrides)
        shutil.rmtree(machine.home / "dags")
        (machine.home / "dags").mkdir()
        cluster = Cluster(machine, processes)
        cluster.start_all(services)
        yield cluster


# `make cluster` and `make cluster-down` ------------------------------------------------------------------------


def up() -> None:
    """Start a cluster that goes on when this process has ended."""
    if STATE.exists():
        raise SystemExit("The cluster runs already: make cluster-down ends it.")
    shutil.rmtree(PLACE, ignore_errors=True)
    env_file = ROOT / ".env"
    variables = env_file_variables(env_file) if env_file.exists() else {}
    database = new_database()
    machine = on_this_machine(PLACE / "home", database, variables)
    cluster = Cluster(machine, Processes(PLACE / "logs"))
    cluster.processes.log_dir.mkdir(parents=True)
    try:
        cluster.start_all()
    finally:
        state = {"database": database.database, "sessions": [one.popen.pid for one in cluster.processes.running]}
        STATE.write_text(json.dumps(state))
    # There where the web server asks for a login.
    passwords = machine.own_home("airflow-apiserver") / "simple_auth_manager_passwords.json.generated"
    login = {"username": "admin", "password": json.loads(passwords.read_text())["admin"]} if passwords.exists() else {}
    with AirflowApi(machine.url, **login) as airflow:
        cluster.processes.wait_until(lambda: "abalone" in airflow.dag_ids(), "the Dag abalone is listed", timeout=300)
    print(f"{machine.url}   logs in {PLACE.name}/logs   make cluster-down ends it")


def down() -> None:
    """End that cluster, and remove its database."""
    if not STATE.exists():
        raise SystemExit("No cluster runs.")
    state = json.loads(STATE.read_text())
    for end, patience in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
        until = time.monotonic() + patience
        for session in state["sessions"]:
            _signal(session, end)
        while any(map(_members, state["sessions"])) and time.monotonic() < until:
            time.sleep(0.2)
    remove_database(state["database"])
    shutil.rmtree(PLACE)


def _members(session: int) -> list[int]:
    """The processes of a session that is the cluster's: each of its processes has begun one."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(ProcessLookupError, PermissionError, OSError):
                if os.getsid(int(entry.name)) == session and str(PLACE) in (entry / "environ").read_text():
                    found.append(int(entry.name))
    return found


def _signal(session: int, number: signal.Signals) -> None:
    for pid in _members(session):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["up", "down"])
    {"up": up, "down": down}[parser.parse_args().action]()
