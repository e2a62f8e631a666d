"""Where access keys are kept: each a Connection of Airflow, whose password is the whole key, sealed.

A Connection, since the API server has it at hand, Airflow encrypts its password and shows it nowhere, and a task may
read but not write it (a Variable can be set by any task, and its value is shown). The password is sealed a second time,
with Airflow's fernet_key: without that, who may read Connections reads no secret, and who may edit them makes no key
and gives none more rights.
"""

from __future__ import annotations

import logging
import re
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from airflow.models.connection import Connection
from airflow.models.crypto import get_fernet
from airflow.utils.session import create_session
from cryptography.fernet import InvalidToken
from msgspec import Struct
from sqlalchemy import delete, select

from airflow_sm_pipelines.api.authentication import AccessKey
from airflow_sm_pipelines.api.caller import Action, Caller
from airflow_sm_pipelines.callbacks.encryption import CLEAR, can_seal, seal, unseal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

CONNECTION_PREFIX = "sagemaker_pipelines_access_key_"
CONNECTION_TYPE = "sagemaker_pipelines_access_key"
ID_PREFIX = "AFSM"
ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
ID_PATTERN = re.compile(r"AFSM[A-Z2-7]{16}")
SECRET_BYTES = 30


class AccessKeyError(ValueError):
    """An access key that cannot be made, or is not there; the message says why."""


class StoredKey(Struct, frozen=True):
    """An access key as it is sealed. ``claims`` are what the auth manager makes the user of."""

    access_key_id: str
    secret: str
    user: str
    claims: dict[str, Any]
    patterns: tuple[str, ...]
    actions: tuple[Action, ...]
    created: datetime
    expires: datetime | None = None

    def __repr__(self) -> str:
        return f"StoredKey({self.access_key_id!r}, user={self.user!r})"

    @property
    def caller(self) -> Caller:
        return Caller(self.access_key_id, self.user, self.patterns, frozenset(self.actions))


class ListedKey(Struct, frozen=True):
    """An access key in a list; ``key`` is None where it cannot be read here, and ``why_not`` says why."""

    access_key_id: str
    key: StoredKey | None
    why_not: str | None = None


class _Row(NamedTuple):
    """A stored key as the database has it: a Connection that is loaded decrypts itself, and fails where it cannot."""

    conn_id: str
    password: str | None
    is_encrypted: bool


COLUMNS = select(Connection.conn_id, Connection.password, Connection.is_encrypted)


class StoredAccessKeys:
    """The access keys of this deployment, for the authenticator: one query a look-up, nothing kept.

    :param caller_of: who calls with a key
    """

    def __init__(self, caller_of: Callable[[StoredKey], Caller]) -> None:
        self._caller_of = caller_of
        # An unknown key costs the work of a known one: this one is read in its place.
        self._decoy = _Row("", get_fernet().encrypt(seal(_text(_decoy())).encode()).decode(), get_fernet().is_encrypted)

    def find(self, access_key_id: str) -> AccessKey | None:
        """The key of that id; None where there is none, or it cannot be read."""
        # PostgreSQL refuses some texts as a parameter, and what is no id is none of ours.
        asked = access_key_id if ID_PATTERN.fullmatch(access_key_id) else ""
        with create_session(scoped=False) as session:
            row = session.execute(COLUMNS.where(Connection.conn_id == f"{CONNECTION_PREFIX}{asked}")).one_or_none()
        listed = _read(self._decoy if row is None else _Row(*row))
        if row is None:
            return None
        if listed.key is None:
            log.error("The access key %s cannot be used: %s", access_key_id, listed.why_not)
            return None
        return AccessKey(listed.key.secret, listed.key.expires, self._caller_of(listed.key))


def make_key(
    session: Session,
    user: str,
    claims: dict[str, Any],
    patterns: tuple[str, ...],
    actions: tuple[Action, ...],
    created: datetime,
    expires: datetime | None = None,
) -> StoredKey:
    """Make an access key and store it. Its secret is in the returned value, and never shown again.

    :raises AccessKeyError: in a deployment without a fernet_key, which would store the secret in the clear
    """
    if not can_seal():
        raise AccessKeyError(
            "Airflow has no [core] fernet_key here, so the secret would be stored in the clear: set one"
            " (docs of Airflow: Fernet), the same for the API server and this command."
        )
    access_key_id = ID_PREFIX + "".join(secrets.choice(ID_LETTERS) for _ in range(16))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    key = StoredKey(access_key_id, secret, user, claims, patterns, actions, created, expires)
    session.add(
        Connection(
            conn_id=f"{CONNECTION_PREFIX}{access_key_id}",
            conn_type=CONNECTION_TYPE,
            description=f"Access key to the SageMaker Pipelines API as {user}: {', '.join(actions)} on"
            f" {', '.join(patterns)}. What counts is sealed: use airflow sm-pipelines access-keys.",
            password=seal(_text(key)),
        )
    )
    return key


def list_keys(session: Session) -> Iterator[ListedKey]:
    """All access keys, by id."""
    query = COLUMNS.where(Connection.conn_id.startswith(CONNECTION_PREFIX, autoescape=True))
    for row in session.execute(query.order_by(Connection.conn_id)):
        yield _read(_Row(*row))


def revoke_key(session: Session, access_key_id: str) -> None:
    """Remove an access key: the next request with it is refused.

    :raises AccessKeyError: where there is none of that id
    """
    conn_id = f"{CONNECTION_PREFIX}{access_key_id}"
    if session.scalar(select(Connection.id).where(Connection.conn_id == conn_id)) is None:
        raise AccessKeyError(f"There is no access key {access_key_id!r}: airflow sm-pipelines access-keys list")
    session.execute(delete(Connection).where(Connection.conn_id == conn_id))


def reseal_keys(session: Session) -> list[ListedKey]:
    """Seal each key anew, with the first of Airflow's fernet keys; returns those that cannot be read here."""
    unread = []
    for listed in list(list_keys(session)):
        if listed.key is None:
            unread.append(listed)
        else:
            query = select(Connection).where(Connection.conn_id == f"{CONNECTION_PREFIX}{listed.access_key_id}")
            session.scalars(query).one().password = seal(_text(listed.key))
    return unread


def _read(row: _Row) -> ListedKey:
    access_key_id = row.conn_id.removeprefix(CONNECTION_PREFIX)
    try:
        stored = row.password or ""
        sealed = get_fernet().decrypt(stored.encode()).decode() if row.is_encrypted else stored
        if sealed.startswith(CLEAR):
            # What is not sealed may be of anybody who can edit Connections.
            return ListedKey(access_key_id, None, "it is not sealed")
        key = msgspec.json.decode(unseal(sealed), type=StoredKey)
    except (InvalidToken, ValueError):
        # UnsealError and msgspec's errors are ValueErrors, and so is Airflow's own where it has no key at all.
        return ListedKey(access_key_id, None, "it was sealed with another fernet_key, or not by this command")
    if key.access_key_id != access_key_id:
        return ListedKey(access_key_id, None, f"it is a copy of the key {key.access_key_id}")
    return ListedKey(access_key_id, key)


def _text(key: StoredKey) -> str:
    return msgspec.json.encode(key).decode()


def _decoy() -> StoredKey:
    secret = secrets.token_urlsafe(SECRET_BYTES)
    return StoredKey("", secret, "nobody", {"sub": "0"}, ("*",), ("read",), datetime.now(UTC))
