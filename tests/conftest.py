"""Airflow's home for the whole test session, set before anything imports Airflow."""

from __future__ import annotations

import contextlib
import gc
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import botocore.loaders
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


@pytest.fixture(scope="session", autouse=True)
def service_models_are_read_quickly() -> Iterator[None]:
    """All sessions of botocore read as ours do: its own reader takes 0.2 s for SageMaker's model, in each session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.loaders.Loader, "FILE_LOADER_CLASS", QuickJsonLoader)
        yield


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
