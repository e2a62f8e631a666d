"""What pages show of Airflow's own command line, marked with ``<!-- run -->``: each command does what the page says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import pytest
from airflow.cli.cli_parser import get_parser
from airflow.models.connection import Connection
from airflow.models.crypto import get_fernet
from airflow.models.dagrun import DagRun
from airflow.models.pool import Pool
from airflow.utils.session import create_session
from cryptography.fernet import Fernet
from sqlalchemy import delete, select

from airflow_sm_pipelines.api.access_keys import CONNECTION_PREFIX, list_keys
from tests.cli.test_airflow_commands import parse
from tests.documentation.blocks import ROOT, SHELL, Block, blocks, commands_of, needs_airflow
from tests.runs.harness import Airflow

LOADER = """from datetime import datetime

from airflow_sm_pipelines import load_dags

daily = {"schedule": "@daily", "start_date": datetime(2026, 1, 1), "catchup": False}
globals().update(load_dags("pipelines", overrides={"abalone": daily}))
"""
MARKED = [block for block in blocks(*SHELL, run=True) if needs_airflow(block)]


def run(words: list[str]) -> None:
    arguments = parse(*words[2:]) if words[1] == "sm-pipelines" else get_parser().parse_args(words[1:])
    arguments.func(arguments)


@pytest.fixture(autouse=True)
def deployment(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A deployment with the example as a daily Dag and a user ann."""
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "ann:user")
    get_fernet.cache_clear()
    with create_session() as session:
        session.execute(delete(DagRun))
        session.execute(delete(Connection).where(Connection.conn_id.startswith(CONNECTION_PREFIX)))
    (airflow.folder / "pipelines").mkdir()
    shutil.copy(ROOT / "dags" / "pipelines" / "abalone.json", airflow.folder / "pipelines")
    (airflow.folder / "loader.py").write_text(LOADER)
    run(["airflow", "dags", "reserialize"])
    yield
    get_fernet.cache_clear()


@pytest.mark.parametrize("block", MARKED, ids=str)
def test_each_command_does_what_it_says(block: Block) -> None:
    for words in commands_of(block):
        run(words)
        with create_session() as session:
            match words:
                case ["airflow", "pools", "set", name, *_]:
                    [pool] = session.scalars(select(Pool).where(Pool.pool == name))
                    assert (pool.slots, pool.include_deferred) == (2, True)
                case ["airflow", "dags", "trigger", dag_id, *_]:
                    [made] = session.scalars(select(DagRun).where(DagRun.dag_id == dag_id))
                    assert made.conf == json.loads(words[-1])
                case ["airflow", "backfill", "create", "--dag-id", dag_id, *_]:
                    runs = session.scalars(select(DagRun).where(DagRun.dag_id == dag_id))
                    days = [each.logical_date.date().isoformat() for each in runs if each.logical_date]
                    assert sorted(days) == [f"2026-02-0{day}" for day in range(1, 6)]
                case ["airflow", "sm-pipelines", "access-keys", "create", *_]:
                    assert [listed.key.user for listed in list_keys(session) if listed.key] == ["ann"]
                case _:
                    pytest.fail(f"this test does not know what to look for after {words}")
