"""Runs of definitions on real Airflow, in this process and on SQLite, against the local AWS endpoint."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import botocore.loaders
import botocore.session
import pytest

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.step_types import unregister_step_type
from tests.runs.adapters import interposed_types
from tests.runs.harness import Airflow


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Airflow runs in this process: what its own libraries warn of is not ours to fail on, what we cause is."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.airflow)
            item.add_marker(pytest.mark.filterwarnings("ignore"))
            item.add_marker(pytest.mark.filterwarnings(r"error:::(airflow_sm_pipelines|tests)\..*"))


@pytest.fixture(scope="session")
def airflow_database() -> None:
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture(scope="session", autouse=True)
def shared_service_models() -> Iterator[None]:
    """All AWS clients share what botocore reads from its files: SageMaker's model alone takes 0.2 s for each client."""
    loader = botocore.loaders.create_loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", lambda _path: loader)
        yield


def forget_records() -> None:
    """Forget what the tests before left on record: a look for jobs without an owner would look for theirs too."""
    from airflow.models.task_state_store import TaskStateStoreModel
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    with create_session() as session:
        session.execute(delete(TaskStateStoreModel))


@pytest.fixture
def airflow(airflow_database: None, local_endpoint: LocalEndpoint) -> Iterator[Airflow]:
    """A dags folder of the test's own, and the endpoint that its Dags call."""
    folder = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    forget_records()
    yield Airflow(folder, local_endpoint)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def own_adapters() -> Iterator[None]:
    """Each test begins with the types' own adapters."""
    yield
    while interposed_types:
        unregister_step_type(interposed_types.pop())
