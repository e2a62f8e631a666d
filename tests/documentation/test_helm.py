"""The values for Airflow's chart in docs/operations.md are those of docker-compose.yaml, which the tests run."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from airflow_sm_pipelines.options import PREFIX
from airflow_sm_pipelines.settings import NAMES
from tests.documentation.blocks import block_of
from tests.system.compose import COMPOSE_FILE, read_compose
from tests.system.faults import SETTINGS


@pytest.fixture(scope="module")
def values() -> Any:
    return yaml.safe_load(block_of("docs/operations.md", "airflowVersion:").text)


@pytest.fixture(scope="module")
def deployed() -> dict[str, str]:
    """The environment of the services."""
    return dict(read_compose({})["airflow-scheduler"].environment)


def variable(section: str, option: str) -> str:
    return f"AIRFLOW__{section}__{option}".upper()


def test_the_options_are_those_of_the_compose_file(values: Any, deployed: dict[str, str]) -> None:
    given = {
        variable(section, option): str(value)
        for section, options in values["config"].items()
        for option, value in options.items()
    }
    given |= {variable("core", "executor"): values["executor"]}
    # Of docs/operations.md's own sentence on it: the compose file leaves it as Airflow has it.
    queued = given.pop(variable("scheduler", "task_queued_timeout"))
    assert queued == SETTINGS[variable("scheduler", "task_queued_timeout")]
    assert given == {name: deployed[name] for name in given}
    assert set(given) == {
        variable("core", "executor"),
        variable("celery", "worker_concurrency"),
        variable("celery", "extra_celery_config"),
        variable("celery_broker_transport_options", "visibility_timeout"),
    }


def test_there_are_as_many_workers(values: Any) -> None:
    workers = [name for name in read_compose({}) if re.fullmatch(r"airflow-worker-\d+", name)]
    assert values["workers"]["celery"]["replicas"] == len(workers)


def test_the_version_of_airflow_is_that_of_the_image(values: Any) -> None:
    [version] = re.findall(r"AIRFLOW_VERSION:-([\d.]+)\}", COMPOSE_FILE.read_text())
    assert values["airflowVersion"] == values["images"]["airflow"]["tag"] == version


def test_the_variables_are_settings_of_this_package(values: Any) -> None:
    names = [each["name"] for each in values["env"] if each["name"].startswith(PREFIX)]
    assert names
    assert {name.removeprefix(PREFIX).lower() for name in names} <= NAMES
