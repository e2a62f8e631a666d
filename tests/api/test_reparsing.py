"""The dag-processor is asked to read a store, whatever other processes and the database do meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from airflow.models.dagbag import DagPriorityParsingRequest
from sqlalchemy import Engine, create_engine, func, select
from sqlalchemy.orm import Session

from airflow_sm_pipelines.api.reparsing import Reparsing


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path}/db")
    yield engine
    engine.dispose()


@pytest.fixture
def table(database: Engine) -> None:
    DagPriorityParsingRequest.metadata.create_all(database, [DagPriorityParsingRequest.metadata.tables[NAME]])


NAME = DagPriorityParsingRequest.__tablename__


def requests(database: Engine) -> int:
    with Session(database) as session:
        return session.scalar(select(func.count()).select_from(DagPriorityParsingRequest)) or 0


@pytest.mark.usefixtures("table")
def test_another_process_may_ask_at_the_same_moment(database: Engine, caplog: pytest.LogCaptureFixture) -> None:
    @contextmanager
    def late() -> Iterator[Session]:
        with Session(database) as session:
            yield session
            # Between this process's look and its write.
            with Session(database) as other:
                other.add(DagPriorityParsingRequest("dags-folder", "load.py"))
                other.commit()
            session.commit()

    Reparsing("dags-folder", "load.py", session=late)("a.json")
    assert (requests(database), caplog.records) == (1, [])


def test_a_database_that_cannot_be_asked_fails_no_write(
    database: Engine, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    @contextmanager
    def session() -> Iterator[Session]:
        with Session(database) as made:
            yield made
            made.commit()

    reparsing = Reparsing("dags-folder", "load.py", lambda: 1.0, session)
    with caplog.at_level(logging.ERROR):
        reparsing("a.json")
    assert "could not be asked to read load.py" in caplog.text
    request.getfixturevalue("table")
    reparsing("a.json")
    assert requests(database) == 1
