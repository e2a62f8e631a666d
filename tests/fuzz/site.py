"""Airflow in this process on PostgreSQL: its database, its REST API, and what the Dag processor writes."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy

from tests.system.processes import postgres_database

if TYPE_CHECKING:
    from airflow.dag_processing.processor import DagFileParsingResult
    from fastapi.testclient import TestClient

BUNDLE = "dags-folder"
# What Dags and their runs leave, in an order in which the rest goes with it.
TABLES = (
    "dag_run",
    "trigger",
    "serialized_dag",
    "dag_code",
    "dag_version",
    "asset_dag_run_queue",
    "dag",
    "asset",
    "import_error",
)


def prepare() -> None:
    """Airflow's settings for a process that has not imported it: nothing of the machine's own, and no log."""
    for name in [name for name in os.environ if name.startswith(("AIRFLOW", "AWS_"))]:
        del os.environ[name]
    home = tempfile.mkdtemp(prefix="fuzz-")
    os.environ.update(
        {
            "AIRFLOW_HOME": home,
            "AIRFLOW__CORE__DAGS_FOLDER": f"{home}/dags",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "CRITICAL",
            "AIRFLOW__SAGEMAKER_PIPELINES__POLL_INTERVAL": "0.01",
            "AIRFLOW__SAGEMAKER_PIPELINES__POLL_INTERVAL_MAX": "0.05",
            "AIRFLOW__SAGEMAKER_PIPELINES__AWS_MAX_ATTEMPTS": "1",
            "AIRFLOW__SAGEMAKER_PIPELINES__CALLBACK_REFUSALS_PER_MINUTE": "100000000",
            "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
        }
    )


@contextlib.contextmanager
def database() -> Iterator[None]:
    """Airflow's tables in a new PostgreSQL database, for a process that has not imported Airflow."""
    with postgres_database() as url:
        with sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
            # What is lost with the machine is no loss here, and to wait for the disk takes longer than all else.
            connection.execute(sqlalchemy.text(f"ALTER DATABASE {url.database} SET synchronous_commit = off"))
        os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = url.render_as_string(hide_password=False)
        from airflow import settings
        from airflow.dag_processing.bundles.manager import DagBundlesManager
        from airflow.utils.db import initdb

        initdb()
        DagBundlesManager().sync_bundles_to_db()
        yield
        settings.dispose_orm()


@cache
def api() -> TestClient:
    """Airflow's API server, with the apps of its plugins; what it does not catch is raised here."""
    from airflow.api_fastapi.app import create_app
    from fastapi.testclient import TestClient

    client = TestClient(create_app(apps="core"))
    # Entered for the whole process: the app's own start and end belong to it.
    client.__enter__()
    token = client.get("/auth/token").json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    return client


def write(result: DagFileParsingResult) -> None:
    """What the Dag processor's manager does with the result of a file."""
    from airflow.dag_processing.collection import update_dag_parsing_results_in_db
    from airflow.utils.session import create_session

    errors: dict[tuple[str, str], str] = {}
    with create_session() as session:
        update_dag_parsing_results_in_db(
            bundle_name=BUNDLE,
            bundle_version=None,
            dags=result.serialized_dags,
            import_errors=errors,
            parse_duration=0.1,
            warnings=set(),
            session=session,
            files_parsed={(BUNDLE, "dags.py")},
        )
    assert not errors, errors


def forget() -> None:
    """Empty the tables that the last input has filled."""
    from airflow.utils.session import create_session
    from sqlalchemy import text

    api().app.state.dag_bag._dags.clear()  # type: ignore[attr-defined] # the server's cache, by version
    with create_session() as session:
        for table in TABLES:
            session.execute(text(f"DELETE FROM {table}"))  # the names above


def one(answer: Any, *allowed: int) -> Any:
    """The JSON of an answer of the API, whose status must be among those allowed (200 where none is given)."""
    assert answer.status_code in (allowed or (200,)), f"{answer.request.url}: {answer.status_code} {answer.text[:2000]}"
    return answer.json()
