"""``airflow sm-pipelines access-keys``: who may call the SageMaker Pipelines API of this deployment."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.cli.errors import CommandError
from airflow_sm_pipelines.cli.terminal import write_lines

if TYPE_CHECKING:
    import argparse

    from airflow_sm_pipelines.api.access_keys import ListedKey
    from airflow_sm_pipelines.api.caller import Action

ACTIONS: tuple[Action, ...] = ("read", "start", "write")
PATTERN = re.compile(r"[A-Za-z0-9*?\[\]!-]+")
LIFE = re.compile(r"([1-9][0-9]{0,4})([hd])")
EVENT = "sagemaker_pipelines.access_keys"


def create(arguments: argparse.Namespace) -> None:
    """Make an access key, and print it with its secret, which is not shown again."""
    from airflow.utils.session import create_session

    from airflow_sm_pipelines.api.access_keys import AccessKeyError, make_key
    from airflow_sm_pipelines.api.airflow_users import UnknownUserError, claims_of

    actions, patterns = _actions(arguments.actions), _patterns(arguments.pipelines)
    now = datetime.now(UTC)
    expires = _expiry(arguments.expires, now)
    try:
        claims = claims_of(_auth_manager(), arguments.user, _claims(arguments.claims))
        with create_session() as session:
            key = make_key(session, arguments.user, claims, patterns, actions, now, expires)
            _record(session, "create", key.access_key_id, arguments.user)
    except (AccessKeyError, UnknownUserError) as error:
        raise CommandError(str(error)) from None
    until = "" if expires is None else f" until {_time(expires)}"
    sys.stderr.write(
        f"{arguments.user} may {', '.join(actions)} {', '.join(patterns)}{until}. The secret is shown once.\n"
    )
    if arguments.format == "json":
        write_lines([json.dumps({"AccessKeyId": key.access_key_id, "SecretAccessKey": key.secret})])
    else:
        write_lines([f"aws_access_key_id = {key.access_key_id}", f"aws_secret_access_key = {key.secret}"])


def list_all(_arguments: argparse.Namespace) -> None:
    """One line for each access key: id, user, actions, pipelines, until when. No secrets."""
    from airflow.utils.session import create_session

    from airflow_sm_pipelines.api.access_keys import list_keys

    with create_session() as session:
        write_lines(_line(listed) for listed in list_keys(session))


def revoke(arguments: argparse.Namespace) -> None:
    """Remove an access key."""
    from airflow.utils.session import create_session

    from airflow_sm_pipelines.api.access_keys import AccessKeyError, revoke_key

    try:
        with create_session() as session:
            revoke_key(session, arguments.access_key_id)
            _record(session, "revoke", arguments.access_key_id, None)
    except AccessKeyError as error:
        raise CommandError(str(error)) from None
    write_lines([f"{arguments.access_key_id} is revoked: the next request with it is refused"])


def reseal(_arguments: argparse.Namespace) -> None:
    """Encrypt all access keys with the first of Airflow's fernet keys, before an older one goes."""
    from airflow.utils.session import create_session

    from airflow_sm_pipelines.api.access_keys import reseal_keys

    with create_session() as session:
        unread = reseal_keys(session)
    if unread:
        faults = "; ".join(f"{listed.access_key_id}: {listed.why_not}" for listed in unread)
        raise CommandError(f"not all could be read: {faults}. The others are encrypted anew.")
    write_lines(["All access keys are encrypted with the first fernet_key"])


def _line(listed: ListedKey) -> str:
    key = listed.key
    if key is None:
        return f"{listed.access_key_id}  cannot be used: {listed.why_not}"
    until = "no end" if key.expires is None else f"until {_time(key.expires)}"
    ended = " (expired)" if key.expires is not None and key.expires <= datetime.now(UTC) else ""
    return f"{key.access_key_id}  {key.user}  {','.join(key.actions)}  {','.join(key.patterns)}  {until}{ended}"


def _auth_manager() -> Any:
    from airflow.api_fastapi.app import create_auth_manager

    return create_auth_manager()


def _actions(text: str) -> tuple[Action, ...]:
    given = [word.strip() for word in text.split(",")]
    if wrong := [word for word in given if word not in ACTIONS]:
        raise CommandError(f"--actions: {wrong[0]!r} is none of {', '.join(ACTIONS)}")
    return tuple(action for action in ACTIONS if action in given)


def _patterns(text: str) -> tuple[str, ...]:
    given = tuple(pattern.strip() for pattern in text.split(","))
    if wrong := [pattern for pattern in given if not PATTERN.fullmatch(pattern)]:
        raise CommandError(
            f"--pipelines: {wrong[0]!r} is no name or glob of pipelines, which have letters, digits and hyphens; for"
            " all of them say '*'"
        )
    return given


def _expiry(text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    found = LIFE.fullmatch(text)
    if found is None:
        raise CommandError(f"--expires: {text!r} is no time such as 12h or 90d")
    number = int(found[1])
    return now + (timedelta(hours=number) if found[2] == "h" else timedelta(days=number))


def _claims(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        claims = json.loads(text)
    except ValueError:
        claims = None
    if not isinstance(claims, dict):
        raise CommandError("--claims is no JSON object")
    return claims


def _time(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _record(session: Any, what: str, access_key_id: str, user: str | None) -> None:
    """An entry in Airflow's audit log, by the user of the machine, as its own commands have."""
    import getpass

    from airflow.models.log import Log

    extra = json.dumps({"access_key_id": access_key_id, **({} if user is None else {"user": user})})
    session.add(Log(f"{EVENT}.{what}", owner=getpass.getuser(), extra=extra))
