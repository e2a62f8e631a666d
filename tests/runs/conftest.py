"""Runs of definitions on real Airflow, in this process and on SQLite, against the local AWS endpoint."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.client
import botocore.hooks
import botocore.loaders
import botocore.session
import fastapi.dependencies.utils
import pytest

from airflow_sm_pipelines.jobs import retry_decision
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.step_types import unregister_step_type
from tests.known_secrets import forget_secrets
from tests.runs.adapters import interposed_types
from tests.runs.harness import Airflow
from tests.runs.statsd import StatsD, statsd_server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Airflow runs in this process: what its own libraries warn of is not ours to fail on, what we cause is."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.airflow)
            item.add_marker(pytest.mark.filterwarnings("ignore"))
            item.add_marker(pytest.mark.filterwarnings(r"error:::(airflow_sm_pipelines|tests)\..*"))


# What the files of this folder share. The tests of other folders, which may come between them, see botocore and FastAPI
# as they are: hence the scope "package" of the two fixtures that put these in.
shared_loader = functools.cache(botocore.loaders.create_loader)
accepts_kwargs = functools.cache(botocore.hooks.accepts_kwargs)
make_methods = botocore.client.ClientCreator._create_methods
made_methods: dict[tuple[str, ...], dict[str, Any]] = {}
analyse = fastapi.dependencies.utils.get_dependant
analysed: dict[Any, Any] = {}


@pytest.fixture(scope="package", autouse=True)
def shared_service_models() -> Iterator[None]:
    """All AWS clients share what botocore reads from its files: SageMaker's model alone takes 0.2 s for each client.

    So they do what it finds out about its own event handlers, and the methods that it makes of a model: a third of the
    time of a run goes into these otherwise.
    """

    def methods(creator: Any, model: Any) -> dict[str, Any]:
        # A test may let a service have fewer operations.
        what = (model.service_name, *model.operation_names)
        if what not in made_methods:
            made_methods[what] = make_methods(creator, model)
        return dict(made_methods[what])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", lambda _path: shared_loader())
        patch.setattr(botocore.hooks, "accepts_kwargs", accepts_kwargs)
        patch.setattr(botocore.client.ClientCreator, "_create_methods", methods)
        yield


@pytest.fixture(scope="package", autouse=True)
def analysed_once() -> Iterator[None]:
    """Airflow's API, which runs in this process too, finds out once what each of its routes depends on.

    It does so at each request otherwise, for some of what they depend on is replaced: a seventh of the time of a run.
    """

    def dependant(**asked: Any) -> Any:
        if asked.get("parent_oauth_scopes") is None:
            return analyse(**asked)  # of a new route, which changes it
        key = tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in asked.items())
        if key not in analysed:
            analysed[key] = analyse(**asked)
        return analysed[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fastapi.dependencies.utils, "get_dependant", dependant)
        yield


def forget_records() -> None:
    """Forget what the tests before left on record.

    A look for jobs without an owner would look for theirs too, and a step would take their result from the cache.
    """
    from airflow.models.asset_state_store import AssetStateStoreModel
    from airflow.models.task_state_store import TaskStateStoreModel
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    with create_session() as session:
        session.execute(delete(TaskStateStoreModel))
        session.execute(delete(AssetStateStoreModel))


@pytest.fixture
def airflow(airflow_database: None, local_endpoint: LocalEndpoint) -> Iterator[Airflow]:
    """A dags folder of the test's own, and the endpoint that its Dags call."""
    folder = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    forget_records()
    forget_secrets()
    yield Airflow(folder, local_endpoint)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def statsd(monkeypatch: pytest.MonkeyPatch) -> Iterator[StatsD]:
    """What is sent by Airflow's own stats."""
    with statsd_server(monkeypatch) as server:
        yield server


@pytest.fixture(autouse=True)
def no_pause_after_a_lost_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next try starts at once after one that was lost."""
    monkeypatch.setattr(retry_decision, "LOST_TRY_DELAY_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def own_adapters() -> Iterator[None]:
    """Each test begins with the types' own adapters."""
    yield
    while interposed_types:
        unregister_step_type(interposed_types.pop())
