"""One row, many callers: no two get the same moment, on SQLite and on PostgreSQL, over threads and processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from airflow_sm_pipelines.pace.queue import SHORT_WAIT, SHORTEST_TURN
from tests.system.processes import clean_environment, postgres_database

REPOSITORY = Path(__file__).parents[2]
PROCESSES, THREADS, CALLERS = 2, 4, 12

pytestmark = pytest.mark.system

MAKE_TABLE = """
from airflow import settings
settings.configure_orm()
from airflow.models.connection import Connection
from airflow.models.team import Team
Connection.metadata.create_all(settings.engine, tables=[Team.__table__, Connection.__table__])
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database that has the table of Connections and what that refers to."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/airflow.db"
        return
    with postgres_database() as url:
        yield url.render_as_string(hide_password=False)


def environment(home: Path, database: str) -> dict[str, str]:
    return clean_environment(
        home,
        {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        },
    )


def test_no_two_callers_get_the_same_moment(database: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    variables = environment(home, database)
    subprocess.run([sys.executable, "-c", MAKE_TABLE], env=variables, cwd=REPOSITORY, check=True, capture_output=True)
    command = [sys.executable, "-m", "tests.server.pace_callers", str(CALLERS), str(THREADS)]
    crowds = [
        subprocess.Popen(
            command, env=variables, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(PROCESSES)
    ]
    waits: list[float] = []
    for crowd in crowds:
        told, errors = crowd.communicate(timeout=200)
        assert crowd.returncode == 0, errors
        waits += json.loads(told.splitlines()[-1])
    # Permits within a short wait, and a turn for everybody else.
    permits = int(SHORT_WAIT) + 1
    turns = [SHORTEST_TURN + number for number in range(PROCESSES * CALLERS - permits)]
    assert sorted(waits) == [*range(permits), *turns]
    with sqlalchemy.create_engine(database).connect() as connection:
        rows = connection.execute(sqlalchemy.text("SELECT conn_id, conn_type, description FROM connection")).all()
    ((name, kind, text),) = rows
    assert (name, kind) == (
        "sagemaker_pipelines_pace_CreateTrainingJob_123456789012_eu-west-1",
        "sagemaker_pipelines_pace",
    )
    assert json.loads(text)["interval"] == 1.0
