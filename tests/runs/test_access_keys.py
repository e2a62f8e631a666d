"""Access keys in Airflow's database: made by the command, good for what they say and Airflow allows, and revoked."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.api_fastapi.app import create_auth_manager
from airflow.models.connection import Connection
from airflow.models.crypto import get_fernet
from airflow.models.log import Log
from airflow.utils.session import create_session
from cryptography.fernet import Fernet
from sqlalchemy import delete, select

from airflow_sm_pipelines.api.access_keys import CONNECTION_PREFIX, StoredAccessKeys, list_keys
from airflow_sm_pipelines.api.airflow_users import caller_of
from airflow_sm_pipelines.api.audit import record_change
from airflow_sm_pipelines.api.authentication import WRONG, SignatureAuthenticator
from airflow_sm_pipelines.api.caller import Caller
from airflow_sm_pipelines.wire.errors import ApiError
from tests.api.test_authentication import REGION, functions_called, sent
from tests.cli.test_airflow_commands import parse
from tests.runs.test_pages import ChoosyAuthManager

USERS = "ann:user,ann-without-XCOM:admin,vera:viewer,noah:nothing"


@pytest.fixture(autouse=True)
def deployment(airflow_database: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A deployment with a fernet_key and users, and without access keys."""
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", USERS)
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", f"{ChoosyAuthManager.__module__}.{ChoosyAuthManager.__name__}")
    get_fernet.cache_clear()
    yield
    with create_session() as session:
        session.execute(delete(Connection).where(Connection.conn_id.startswith(CONNECTION_PREFIX)))
    get_fernet.cache_clear()


Command = Callable[..., str]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run ``airflow sm-pipelines access-keys`` and return what it prints."""

    def run(*arguments: str) -> str:
        parsed: argparse.Namespace = parse("access-keys", *arguments)
        parsed.func(parsed)
        return capsys.readouterr().out

    return run


def made(command: Command, *arguments: str, user: str = "ann", pipelines: str = "*") -> tuple[str, str]:
    printed = command("create", "--user", user, "--pipelines", pipelines, "--format", "json", *arguments)
    key = json.loads(printed)
    return key["AccessKeyId"], key["SecretAccessKey"]


def called(key: tuple[str, str]) -> Caller:
    """Who sends a request that is signed with this key."""
    manager = create_auth_manager()
    keys = StoredAccessKeys(lambda stored: caller_of(stored, manager))
    authenticator = SignatureAuthenticator(keys, REGION, nobodys_secret="nobody")
    return authenticator.authenticate(sent(key_id=key[0], secret=key[1]))


def test_a_key_is_good_for_its_pipelines_and_actions_until_it_is_revoked(command: Command) -> None:
    key = made(command, "--actions", "read,start", pipelines="fraud-*,abalone")
    caller = called(key)
    assert (caller.access_key_id, caller.user) == (key[0], "ann")
    assert [caller.allows("read", name) for name in ("fraud-a", "abalone", "abalone2", "other")] == [
        True,
        True,
        False,
        False,
    ]
    assert caller.allows("start", "abalone")
    assert not caller.allows("write", "abalone")
    with pytest.raises(ApiError, match="does not match the signature"):
        called((key[0], key[1] + "x"))
    assert key[0] in command("revoke", key[0])
    with pytest.raises(ApiError) as refused:
        called(key)
    assert (refused.value.code, refused.value.message) == ("InvalidSignatureException", WRONG)
    assert command("list") == ""


def test_the_list_has_no_secret_and_nor_has_what_airflow_stores(command: Command) -> None:
    key = made(command, "--expires", "90d", "--actions", "write,read", pipelines="a-*")
    [line] = command("list").splitlines()
    until = datetime.now(UTC) + timedelta(days=90)
    assert line.startswith(f"{key[0]}  ann  read,write  a-*  until {until:%Y-%m-%d}")
    assert key[1] not in line
    with create_session() as session:
        row = session.scalar(select(Connection).where(Connection.conn_id.endswith(key[0])))
        assert row is not None
        assert row.is_encrypted
        # Not even what a task may read has it.
        shown = json.dumps([row.password, row.get_uri(), row.description, row.extra, row.login])
        assert key[1] not in shown
        assert session.scalar(select(Connection).where(Connection.conn_id.contains(key[1]))) is None


def test_a_key_ends(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    key = made(command, "--expires", "12h")
    manager = create_auth_manager()
    keys = StoredAccessKeys(lambda stored: caller_of(stored, manager))
    found = keys.find(key[0])
    assert found is not None
    assert found.expires is not None
    assert timedelta(hours=11) < found.expires - datetime.now(UTC) <= timedelta(hours=12)
    assert key[1] not in repr(found)


def test_the_permissions_of_airflow_hold_as_they_are_now(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = ("--actions", "read,start,write")
    of_viewer = called(made(command, *everything, user="vera"))
    assert [of_viewer.allows(action, "abalone") for action in ("read", "start", "write")] == [True, False, False]
    # What is shown of an execution is in the XComs too.
    assert not called(made(command, *everything, user="ann-without-XCOM")).allows("read", "abalone")
    key = made(command, *everything)
    assert [called(key).allows(action, "abalone") for action in ("read", "start", "write")] == [True, True, True]
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "ann:viewer")
    assert [called(key).allows(action, "abalone") for action in ("read", "start", "write")] == [True, False, False]
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "bob:admin")
    assert [called(key).allows(action, "abalone") for action in ("read", "start", "write")] == [False, False, False]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--user", "nobody", "--pipelines", "*"), "has no user 'nobody'; there are: ann, "),
        (("--user", "ann", "--pipelines", "*", "--actions", "run"), "'run' is none of read, start, write"),
        (("--user", "ann", "--pipelines", "a b"), "'a b' is no name or glob of pipelines"),
        (("--user", "ann", "--pipelines", "*", "--expires", "soon"), "'soon' is no time such as 12h or 90d"),
        (("--user", "ann", "--pipelines", "*", "--claims", "[]"), "--claims is no JSON object"),
    ],
)
def test_what_is_no_key_is_refused_with_the_reason(
    arguments: tuple[str, ...], told: str, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command("create", *arguments)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
    with create_session() as session:
        assert list(list_keys(session)) == []


def test_without_a_fernet_key_no_key_is_made(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "")
    get_fernet.cache_clear()
    with pytest.raises(SystemExit):
        command("create", "--user", "ann", "--pipelines", "*")
    assert "would be stored in the clear" in capsys.readouterr().err


def test_who_edits_connections_makes_no_key_and_gives_one_no_more_rights(command: Command) -> None:
    mine, other = made(command), made(command, user="vera")
    forged = {
        "access_key_id": "AFSM" + "A" * 16,
        "secret": "s",
        "user": "ann",
        "claims": {},
        "patterns": ["*"],
        "actions": ["write"],
        "created": "2026-01-01T00:00:00Z",
    }
    with create_session() as session:
        for letter, text in {"A": f"clear:{json.dumps(forged)}", "B": json.dumps(forged), "C": ""}.items():
            conn_id = f"{CONNECTION_PREFIX}AFSM{letter * 16}"
            session.add(Connection(conn_id=conn_id, conn_type="x", password=text))
        rows = {row.conn_id: row for row in session.scalars(select(Connection))}
        rows[CONNECTION_PREFIX + other[0]].password = rows[CONNECTION_PREFIX + mine[0]].password
    for key in (("AFSM" + "A" * 16, "s"), ("AFSM" + "B" * 16, "s"), ("AFSM" + "C" * 16, "s"), other):
        with pytest.raises(ApiError, match="does not match the signature"):
            called(key)
    assert command("list").count("cannot be used") == 4
    assert called(mine).user == "ann"


def test_an_unknown_key_costs_the_look_up_of_a_known_one(command: Command) -> None:
    """As many functions are called, but for those with which the database gives a row."""
    key = made(command)
    manager = create_auth_manager()
    keys = StoredAccessKeys(lambda stored: caller_of(stored, manager))
    authenticator = SignatureAuthenticator(keys, REGION, nobodys_secret="nobody")
    wrong, unknown = sent(key_id=key[0], secret="another"), sent(key_id="AFSM" + "Z" * 16, secret="another")
    calls = [functions_called(authenticator, request) for request in (wrong, unknown) * 2][2:]
    assert max(calls) < 1.3 * min(calls)


@pytest.mark.parametrize("access_key_id", ["", "\x00", "a/b", "%", "_", "AFSM", "é" * 300, "' OR 1=1 --", "\ud800"])
def test_a_text_that_is_no_id_is_no_key(access_key_id: str, command: Command) -> None:
    made(command)
    assert StoredAccessKeys(lambda stored: stored.caller).find(access_key_id) is None


def test_a_key_outlives_the_fernet_key_that_sealed_it(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    key = made(command)
    new = Fernet.generate_key().decode()
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", f"{new},{os.environ['AIRFLOW__CORE__FERNET_KEY']}")
    get_fernet.cache_clear()
    assert called(key).user == "ann"
    command("reseal")
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", new)
    get_fernet.cache_clear()
    assert called(key).user == "ann"
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    get_fernet.cache_clear()
    with pytest.raises(ApiError, match="does not match the signature"):
        called(key)
    assert "cannot be used" in command("list")


def test_the_audit_log_tells_who_changed_what_with_which_key(command: Command) -> None:
    key = made(command)
    with create_session() as session:
        record_change(
            session, called(key), "StartPipelineExecution", dag_id="abalone", run_id="r1", parameters=["Epochs"]
        )
    command("revoke", key[0])
    with create_session() as session:
        entries = session.scalars(select(Log).where(Log.extra.contains(key[0])).order_by(Log.id)).all()
        told: list[Any] = [
            (entry.event, entry.dag_id, entry.run_id, json.loads(entry.extra or "")) for entry in entries
        ]
        assert told == [
            ("sagemaker_pipelines.access_keys.create", None, None, {"access_key_id": key[0], "user": "ann"}),
            (
                "sagemaker.StartPipelineExecution",
                "abalone",
                "r1",
                {"access_key_id": key[0], "parameters": ["Epochs"]},
            ),
            ("sagemaker_pipelines.access_keys.revoke", None, None, {"access_key_id": key[0]}),
        ]
        assert [entry.owner for entry in entries][1] == "ann"
        assert key[1] not in json.dumps(told)
