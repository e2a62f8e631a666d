"""docker-compose.yaml: it is a valid compose file, and its services work.

No container engine is needed: each service's command runs as a plain process with the environment that the
file gives it. Only host names, ports and paths are put in the place of the containers' own.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
import yaml

from tests.system.api import AirflowApi
from tests.system.processes import (
    Processes,
    clean_environment,
    free_port,
    missing,
    postgres_database,
    succeeds,
)

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yaml"
ENV_EXAMPLE = ROOT / ".env.example"

AIRFLOW_SERVICES = ("airflow-apiserver", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer")
SERVICES = {"postgres", "airflow-init", "local-aws", *AIRFLOW_SERVICES}
SQL_URL = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
CONTAINER_HOME = "/opt/airflow"
VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?:(?P<operator>:?-)(?P<default>[^}]*))?\})")


@dataclass(frozen=True)
class Service:
    """One service of the compose file, its variables filled in."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    healthcheck: tuple[str, ...]
    volumes: tuple[str, ...]


def read_compose(variables: Mapping[str, str]) -> dict[str, Service]:
    """The services by name, with ``variables`` in the place of the ``.env`` file and the shell."""
    document = _filled(yaml.safe_load(COMPOSE_FILE.read_text()), variables)
    return {name: _service(name, value) for name, value in document["services"].items()}


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    """The value with every ``${NAME}``, ``${NAME-default}`` and ``${NAME:-default}`` in its strings replaced."""
    match value:
        case dict():
            return {key: _filled(member, variables) for key, member in value.items()}
        case list():
            return [_filled(member, variables) for member in value]
        case str():
            return VARIABLE.sub(lambda found: _value_of(found, variables), value)
        case _:
            return value


def _value_of(found: re.Match[str], variables: Mapping[str, str]) -> str:
    if found["dollar"]:
        return "$"
    value = variables.get(found["name"])
    if value is None or (value == "" and found["operator"] == ":-"):
        return found["default"] or ""
    return value


def _service(name: str, value: Mapping[str, Any]) -> Service:
    kind, *check = value.get("healthcheck", {}).get("test", ["CMD"])
    assert kind == "CMD", f"{name}: the health check is to be a command without a shell"
    return Service(
        name,
        tuple(value.get("command", ())),
        {key: str(text) for key, text in value.get("environment", {}).items()},
        tuple(check),
        tuple(value.get("volumes", ())),
    )


def env_file_variables(path: Path) -> dict[str, str]:
    """The variables that are set, perhaps to nothing, in a ``.env`` file."""
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def compose_command() -> list[str] | None:
    """``docker compose``, or ``docker-compose``, whichever works here."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            done = subprocess.run([*command, "version"], capture_output=True, check=False, timeout=60)
            if done.returncode == 0:
                return command
    return None


@pytest.mark.parametrize("env_file", ["none", "example"])
def test_compose_accepts_the_file_and_reads_it_as_we_do(tmp_path: Path, env_file: str) -> None:
    command = compose_command()
    if command is None:
        missing("neither `docker compose` nor docker-compose is installed")
    variables = tmp_path / "env"
    variables.write_text(ENV_EXAMPLE.read_text() if env_file == "example" else "")
    done = subprocess.run(
        [*command, "--env-file", str(variables), "--file", str(COMPOSE_FILE), "config"],
        env=clean_environment(tmp_path, {}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr

    theirs = yaml.safe_load(done.stdout)["services"]
    ours = read_compose(env_file_variables(variables))
    assert theirs.keys() == ours.keys() == SERVICES
    for name, service in ours.items():
        environment = {key: "" if value is None else str(value) for key, value in theirs[name]["environment"].items()}
        assert environment == dict(service.environment)
        assert tuple(theirs[name].get("command") or ()) == service.command


def test_every_service_is_watched() -> None:
    services = read_compose({})
    assert {name for name, service in services.items() if not service.healthcheck} == {"airflow-init"}


def test_by_default_everything_points_to_the_local_endpoint() -> None:
    services = read_compose({})
    for name in AIRFLOW_SERVICES:
        assert services[name].environment["AWS_ENDPOINT_URL"] == "http://local-aws:5000"


def test_the_example_env_file_switches_to_real_aws() -> None:
    services = read_compose(env_file_variables(ENV_EXAMPLE))
    for name in AIRFLOW_SERVICES:
        environment = services[name].environment
        assert environment["AWS_ENDPOINT_URL"] == ""
        assert not [key for key, value in environment.items() if "local-aws" in value]


@pytest.mark.parametrize("variables", [{}, {"AWS_ENDPOINT_URL": ""}], ids=["local", "real"])
def test_botocore_understands_the_environment(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty AWS_ENDPOINT_URL is as good as none, empty keys are passed over."""
    import botocore.session

    environment = read_compose(variables)["airflow-scheduler"].environment
    for key, value in environment.items():
        if key.startswith("AWS_"):
            monkeypatch.setenv(key, value)
    client = botocore.session.Session().create_client("sagemaker")
    expected = "https://api.sagemaker.us-east-1.amazonaws.com" if variables else "http://local-aws:5000"
    assert client.meta.endpoint_url == expected


def test_every_secret_is_shared_and_can_be_replaced() -> None:
    names = ("AIRFLOW_API_SECRET_KEY", "AIRFLOW_JWT_SECRET", "AIRFLOW_FERNET_KEY", "POSTGRES_PASSWORD")
    services = read_compose({name: f"mine-{name}" for name in names})
    for name in names:
        for service in AIRFLOW_SERVICES:
            assert any(f"mine-{name}" in value for value in services[service].environment.values())
    assert "development" not in json.dumps([dict(service.environment) for service in services.values()])


@dataclass(frozen=True)
class Machine:
    """This machine in the place of the containers: the compose file's services with their names translated."""

    services: Mapping[str, Service]
    home: Path
    database: sqlalchemy.URL
    ports: Mapping[str, int]

    def text(self, value: str) -> str:
        """A command's word or an environment value as it has to be here."""
        for host in ("airflow-apiserver", "local-aws"):
            value = value.replace(f"//{host}:", "//127.0.0.1:")
        for port, here in self.ports.items():
            value = re.sub(rf"(?<!\d){port}(?!\d)", str(here), value)
        return value.replace(CONTAINER_HOME, str(self.home))

    def command(self, name: str) -> list[str]:
        """The service's command."""
        return [self.text(word) for word in self.services[name].command]

    def healthcheck(self, name: str) -> list[str]:
        """The service's health check."""
        return [self.text(word) for word in self.services[name].healthcheck]

    def environment(self, name: str) -> dict[str, str]:
        """The service's environment, and what the image or the container's network would give besides."""
        given = self.services[name].environment
        values = {key: self.text(value) for key, value in given.items() if key != SQL_URL}
        if SQL_URL in given:
            url = sqlalchemy.make_url(given[SQL_URL])
            assert (url.host, url.port, url.database) == ("postgres", 5432, "airflow")
            here = self.database.set(drivername=url.drivername)
            values[SQL_URL] = here.render_as_string(hide_password=False)
        values["AIRFLOW_HOME"] = str(self.home)
        # Each container has these ports to itself.
        values["AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT"] = str(self.ports["8793"])
        values["AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT"] = str(self.ports["8794"])
        return clean_environment(self.home, values)

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


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """The compose file's services on this machine, with a home folder and a database of their own."""
    ports = {port: free_port() for port in ("8080", "8974", "5000", "8793", "8794")}
    with postgres_database() as database:
        prepared = Machine(read_compose({"SM_PIPELINES_POLL_INTERVAL": "1"}), tmp_path / "home", database, ports)
        prepared.mount()
        yield prepared


def wait_for_health(machine: Machine, processes: Processes, name: str) -> None:
    """Wait until the service's own health check is content."""
    check, environment = machine.healthcheck(name), machine.environment(name)
    processes.wait_until(
        lambda: succeeds(check, environment, timeout=60), f"health of {name}: {check}", timeout=150, interval=1
    )


@pytest.mark.timeout(900)
def test_the_services_run_the_example_to_its_end(machine: Machine, tmp_path: Path) -> None:
    with Processes(tmp_path / "logs") as processes:
        processes.run(
            "airflow-init",
            machine.command("airflow-init"),
            machine.environment("airflow-init"),
            machine.home,
            timeout=180,
        )
        for name in ("local-aws", *AIRFLOW_SERVICES):
            processes.start(name, machine.command(name), machine.environment(name), machine.home)
        for name in ("local-aws", *AIRFLOW_SERVICES):
            wait_for_health(machine, processes, name)

        with AirflowApi(f"http://127.0.0.1:{machine.ports['8080']}") as airflow:
            processes.wait_until(lambda: "abalone" in airflow.dag_ids(), "the Dag abalone is listed", timeout=120)
            assert airflow.import_errors() == []
            run_id = airflow.trigger("abalone", {"MseThreshold": 5.5})
            state = processes.wait_until(lambda: airflow.ended("abalone", run_id), "end of the run", timeout=300)
            tasks = airflow.task_states("abalone", run_id)
            assert state == "success", tasks
            assert tasks == {
                "PreprocessAbalone": "success",
                "TrainAbalone": "success",
                "EvaluateAbalone": "success",
                "CheckMse": "success",
                "ServeAbalone-CreateModel": "success",
                "PublishAbalone-RegisterModel": "success",
                "RejectAbalone": "skipped",
            }


def test_postgres_health_check(machine: Machine) -> None:
    """The real server of this machine answers the check that the container's own would be asked."""
    check = machine.healthcheck("postgres")
    if shutil.which(check[0]) is None:
        missing(f"no {check[0]}")
    where = {"PGHOST": machine.database.host or "", "PGPORT": str(machine.database.port or 5432)}
    assert succeeds(check, clean_environment(machine.home, where), timeout=30)
