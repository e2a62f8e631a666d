"""docker-compose.yaml: it is a valid compose file, and its services work.

No container engine is needed: each service's command runs as a plain process with the environment that the
file gives it. Only host names, ports and paths are put in the place of the containers' own.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
import yaml
from cryptography.fernet import Fernet

from airflow_sm_pipelines.local.client import EndpointClient
from tests.system.api import AirflowApi
from tests.system.cluster import AIRFLOW_SERVICES, CONTAINER_HOME, WORKERS, Cluster, Machine, on_this_machine
from tests.system.compose import COMPOSE_FILE, ROOT, env_file_variables, read_compose
from tests.system.faults import SETTINGS, FaultyCluster, with_faults
from tests.system.processes import (
    Processes,
    clean_environment,
    missing,
    postgres_database,
    shown_on_failure,
    succeeds,
)

pytestmark = pytest.mark.system

ENV_EXAMPLE = ROOT / ".env.example"
# What is somebody's own of that which docker-compose.yaml has public values for.
OWN = {
    "AIRFLOW_API_SECRET_KEY": "own-api-secret-key",
    "AIRFLOW_JWT_SECRET": "own-jwt-secret-of-more-than-sixty-four-characters-so-that-it-can-be-used",
    "AIRFLOW_FERNET_KEY": Fernet.generate_key().decode(),
    "POSTGRES_PASSWORD": "OwnPassword1",
    "REDIS_PASSWORD": "OwnPassword2",
    "AIRFLOW_ALL_ADMINS": "False",
}
REAL_ACCOUNT = {"AWS_ENDPOINT_URL": ""}
SERVICES = {"postgres", "redis", "airflow-init", "local-aws", *AIRFLOW_SERVICES}


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
        [*command, "--env-file", str(variables), "--file", str(COMPOSE_FILE), "--profile", "local-aws", "config"],
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
        environment = {
            key: "" if value is None else str(value) for key, value in theirs[name].get("environment", {}).items()
        }
        assert environment == dict(service.environment)
        assert theirs[name]["image"] == theirs["airflow-init"]["image"] or name in ("postgres", "redis")
        assert tuple(theirs[name].get("command") or ()) == service.command


def test_the_image_is_built_once() -> None:
    assert [name for name, service in read_compose({}).items() if service.builds] == ["airflow-init"]


def test_the_local_endpoint_can_be_left_out() -> None:
    profiles = {name: service.profiles for name, service in read_compose({}).items() if service.profiles}
    assert profiles == {"local-aws": ("local-aws",)}


def test_tasks_run_on_two_workers() -> None:
    services = read_compose({})
    assert services["airflow-scheduler"].environment["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    for name in WORKERS:
        assert services[name].environment == services["airflow-scheduler"].environment


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
    names = (
        "AIRFLOW_API_SECRET_KEY",
        "AIRFLOW_JWT_SECRET",
        "AIRFLOW_FERNET_KEY",
        "POSTGRES_PASSWORD",
        "REDIS_PASSWORD",
    )
    services = read_compose({name: f"mine-{name}" for name in names})
    for name in names:
        for service in AIRFLOW_SERVICES:
            assert any(f"mine-{name}" in value for value in services[service].environment.values())
    assert "development" not in json.dumps([dict(service.environment) for service in services.values()])


def missing_in_env(home: Path, variables: dict[str, str]) -> list[str]:
    """What airflow-init asks for, as it refuses to begin."""
    init = read_compose(variables)["airflow-init"]
    done = subprocess.run(
        [word.replace(CONTAINER_HOME, str(ROOT)) for word in init.command],
        env=clean_environment(home, init.environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    return re.findall(r"([A-Z_]+)=", done.stderr.partition("Set in .env:")[2])


@pytest.mark.parametrize(
    ("variables", "missing_ones"),
    [
        (REAL_ACCOUNT, set(OWN)),
        (env_file_variables(ENV_EXAMPLE), OWN.keys() - {"AIRFLOW_ALL_ADMINS"}),
        *((REAL_ACCOUNT | {key: OWN[key] for key in OWN if key != name}, {name}) for name in OWN),
    ],
    ids=["nothing", "example", *OWN],
)
def test_a_real_account_is_refused_the_secrets_of_a_trial(
    tmp_path: Path, variables: dict[str, str], missing_ones: set[str]
) -> None:
    found = missing_in_env(tmp_path, variables)
    assert len(found) == len(missing_ones)
    assert set(found) == missing_ones


def test_a_real_account_with_secrets_of_its_own_begins(tmp_path: Path) -> None:
    with postgres_database() as database, Processes(tmp_path / "logs") as processes:
        Cluster(on_this_machine(tmp_path / "home", database, REAL_ACCOUNT | OWN), processes).migrate()
        engine = sqlalchemy.create_engine(database, poolclass=sqlalchemy.NullPool)
        assert "dag_run" in sqlalchemy.inspect(engine).get_table_names()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """The compose file's services on this machine, with a home folder and a database of their own."""
    with postgres_database() as database:
        yield on_this_machine(tmp_path / "home", database, {})


@pytest.fixture(scope="module")
def started_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """All services, running, for the tests that only add runs to them."""
    folder = tmp_path_factory.mktemp("cluster")
    with postgres_database() as database, Processes(folder / "logs") as processes:
        cluster = Cluster(
            on_this_machine(folder / "home", database, {"SM_PIPELINES_POLL_INTERVAL": "1"}, SETTINGS), processes
        )
        cluster.start_all()
        yield cluster


@pytest.fixture
def cluster(started_cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    with shown_on_failure(started_cluster.processes, request):
        yield started_cluster


@pytest.mark.timeout(3000)
def test_the_services_run_the_example_to_its_end(cluster: Cluster) -> None:
    processes = cluster.processes
    with AirflowApi(cluster.machine.url) as airflow:
        processes.wait_until(lambda: "abalone" in airflow.dag_ids(), "the Dag abalone is listed", timeout=900)
        assert airflow.import_errors() == []
        run_id = airflow.trigger("abalone", {"MseThreshold": 5.5})
        state = processes.wait_until(lambda: airflow.ended("abalone", run_id), "end of the run", timeout=900)
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
        # The lines of a step's log say whose they are.
        job = airflow.xcom("abalone", run_id, "TrainAbalone", "sagemaker")["job_name"]
        ours = {"pipeline": "abalone", "step": "TrainAbalone", "job": job, "attempt": 1}
        (line,) = [
            line
            for line in airflow.task_log_lines("abalone", run_id, "TrainAbalone")
            if str(line["event"]).startswith("Created the training job")
        ]
        assert {name: line.get(name) for name in ours} == ours
        # Both jobs have had their permits from the API server.
        paces = {
            connection["connection_id"].split("_")[3]
            for connection in airflow.call("GET", "/connections", params={"limit": 100})["connections"]
            if connection["conn_type"] == "sagemaker_pipelines_pace"
        }
        assert paces == {"CreateProcessingJob", "CreateTrainingJob"}


@pytest.mark.timeout(3000)
def test_runs_end_right_with_one_job_for_each_attempt_whatever_dies(cluster: Cluster) -> None:
    """The last test of the cluster: other processes run after it."""
    endpoint = EndpointClient(f"http://127.0.0.1:{cluster.machine.ports['5000']}", timeout=120)
    endpoint.reset({"defaults": {"duration": 10}})
    with AirflowApi(cluster.machine.url) as airflow:
        found = list(with_faults(FaultyCluster(cluster, endpoint, airflow), 4))
    assert len(found) == 4
    assert [told for told, held in found if not held] == []


def test_postgres_health_check(machine: Machine) -> None:
    """The real server of this machine answers the check that the container's own would be asked."""
    check = machine.healthcheck("postgres")
    if shutil.which(check[0]) is None:
        missing(f"no {check[0]}")
    where = {"PGHOST": machine.database.host or "", "PGPORT": str(machine.database.port or 5432)}
    assert succeeds(check, clean_environment(machine.home, where), timeout=30)
