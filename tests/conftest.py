"""Airflow's home for the whole test session, set before anything imports Airflow."""

from __future__ import annotations

import contextlib
import gc
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import botocore.loaders
import botocore.session
import pytest

from airflow_sm_pipelines.aws.model_loader import QuickJsonLoader
from tests.known_secrets import forget_secrets
from tests.order import in_order

# In memory where there is a folder for that: SQLite waits for the disk at each commit, 5 ms and more.
MEMORY = "/dev/shm"
HOME = tempfile.mkdtemp(prefix="sm-pipelines-tests-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None)

for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
    del os.environ[name]
os.environ.update(
    {
        "AIRFLOW_HOME": HOME,
        "AIRFLOW__CORE__DAGS_FOLDER": f"{HOME}/dags",
        # On a busy machine the first import of Airflow alone takes as long as a file may take by default.
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "240",
        "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "300",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME}/airflow.db",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "AIRFLOW__SAGEMAKER_PIPELINES__POLL_INTERVAL": "0.1",
        "AIRFLOW__SAGEMAKER_PIPELINES__POLL_INTERVAL_MAX": "0.5",
        "AIRFLOW__SAGEMAKER_PIPELINES__AWS_MAX_ATTEMPTS": "2",
        # There is no API server to give permits, and most tests of throttled calls are about the retry policies.
        "AIRFLOW__SAGEMAKER_PIPELINES__PACE": "",
        "AIRFLOW__SAGEMAKER_PIPELINES__THROTTLE_PATIENCE": "0",
        # The local endpoint speaks HTTP: to read all certificates for each client is time lost.
        "AIRFLOW_CONN_AWS_DEFAULT": '{"conn_type": "aws", "extra": {"verify": false}}',
    }
)

# Imports and collection make no garbage to speak of, and each look for it is at all that there is. Tests make much.
gc.disable()
gc.set_threshold(10_000, 20)

# The guard comes first: it also clears what the shell says of AWS.
pytest_plugins = ["tests.guarded.plugin", "airflow_sm_pipelines.local.testing"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = in_order(items)


def pytest_collection_finish() -> None:
    """What has been imported and collected stays: each full collection of garbage would look through all of it.

    Only in pytest-xdist's processes: where a summary is printed, hypothesis may still ask who refers to an object.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        gc.collect()
        gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def service_models_are_read_quickly() -> Iterator[None]:
    """All sessions of botocore read as ours do, and once: its own reader takes 0.2 s for SageMaker's model, in each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.loaders.Loader, "FILE_LOADER_CLASS", QuickJsonLoader)
        patch.setattr(botocore.session, "create_loader", one_loader)
        yield


class Paths(list[str]):
    """Each session of boto3's adds its folder to those of its loader."""

    def append(self, path: str) -> None:
        if path not in self:
            super().append(path)


@cache
def one_loader(data_path: str | None = None) -> botocore.loaders.Loader:
    """The loader of all sessions of the tests but those of the package, which has one of its own."""
    loader = botocore.loaders.create_loader(data_path)
    loader._search_paths = Paths(loader.search_paths)
    return loader


@pytest.fixture(scope="session")
def empty_database() -> Path:
    """A file with Airflow's tables as ``airflow db migrate`` makes them: to make them takes half the time of a run."""
    from airflow.utils.db import initdb

    initdb()
    empty = Path(HOME) / "empty.db"
    with contextlib.closing(sqlite3.connect(Path(HOME) / "airflow.db")) as made:
        # Part of it may still stand in the write-ahead log.
        made.execute("VACUUM INTO ?", [str(empty)])
    return empty


@pytest.fixture(scope="module")
def airflow_database(empty_database: Path) -> None:
    """Airflow's database in this process, with nothing in it of the files of tests before, whichever they were."""
    with (
        contextlib.closing(sqlite3.connect(empty_database)) as empty,
        contextlib.closing(sqlite3.connect(Path(HOME) / "airflow.db")) as used,
    ):
        empty.backup(used)


@pytest.fixture(autouse=True, scope="module")
def no_secrets_of_other_files() -> Iterator[None]:
    yield
    forget_secrets()
