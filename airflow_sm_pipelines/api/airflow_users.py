"""What an access key may do by Airflow's own permissions: the auth manager is asked for the user of the key.

Airflow makes a user of the claims of a token. An access key has these claims in its seal, found by the user's name when
the key is made, so that the auth manager makes the user of them at each request: who is removed or may do less from now
on, may do less with the key.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from sqlalchemy.exc import NoResultFound

from airflow_sm_pipelines.api.caller import Action, Caller
from airflow_sm_pipelines.naming import safe_dag_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow.api_fastapi.auth.managers.base_auth_manager import BaseAuthManager, ResourceMethod
    from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    from airflow_sm_pipelines.api.access_keys import StoredKey

log = logging.getLogger(__name__)

NEEDED: dict[Action, tuple[tuple[ResourceMethod, DagAccessEntity | None], ...]] = {
    # What a Describe or List call shows is what these show in Airflow.
    "read": (
        ("GET", None),
        ("GET", DagAccessEntity.CODE),
        ("GET", DagAccessEntity.RUN),
        ("GET", DagAccessEntity.TASK_INSTANCE),
        ("GET", DagAccessEntity.XCOM),
    ),
    # Trigger a run; mark it; clear its tasks.
    "start": (("POST", DagAccessEntity.RUN), ("PUT", DagAccessEntity.RUN), ("PUT", DagAccessEntity.TASK_INSTANCE)),
    "write": (("PUT", None), ("DELETE", None)),
}
"""What of Airflow's permissions on a Dag each action of a key asks for: all of them."""


class UnknownUserError(ValueError):
    """A user that the auth manager does not know, or cannot be asked for; the message says which."""


class AirflowCaller(Caller, frozen=True, kw_only=True):
    """A caller who may do what the key allows and the auth manager allows the key's user.

    ``permitted`` gives those of some pipelines, by their names, on which Airflow allows an action.
    """

    permitted: Callable[[Action, Sequence[str]], list[str]]

    def allows(self, action: Action, pipeline_name: str) -> bool:
        """Whether the key and Airflow allow this."""
        return bool(self.allowed(action, [pipeline_name]))

    def allowed(self, action: Action, pipeline_names: Sequence[str]) -> list[str]:
        """Those of these pipelines with which the key and Airflow allow this: one query for all of them."""
        return self.permitted(action, [name for name in pipeline_names if Caller.allows(self, action, name)])


class UserOfKey:
    """The Airflow user of an access key, as one request needs it: made when it is first asked for."""

    def __init__(
        self,
        key: StoredKey,
        manager: BaseAuthManager[Any],
        dag_id_of: Callable[[str], str],
        teams_of: Callable[[list[str]], Mapping[str, str | None]],
    ) -> None:
        self._key = key
        self._manager = manager
        self._dag_id_of = dag_id_of
        self._teams_of = teams_of
        self._user: BaseUser | None = None
        self._is_known = False

    def permitted(self, action: Action, pipeline_names: Sequence[str]) -> list[str]:
        """The pipelines on whose Dags the auth manager allows the user that action."""
        if not pipeline_names:
            return []
        if not self._is_known:
            self._user, self._is_known = user_of(self._manager, self._key.user, self._key.claims), True
        if self._user is None:
            log.warning("The Airflow user of the access key %s is not there any more", self._key.access_key_id)
            return []
        dag_ids = {name: self._dag_id_of(name) for name in pipeline_names}
        teams = self._teams_of(list(dag_ids.values()))
        return [name for name in pipeline_names if self._may(self._user, action, dag_ids[name], teams)]

    def _may(self, user: BaseUser, action: Action, dag_id: str, teams: Mapping[str, str | None]) -> bool:
        details = DagDetails(id=dag_id, team_name=teams.get(dag_id))
        return all(
            self._manager.is_authorized_dag(method=method, access_entity=entity, details=details, user=user)
            for method, entity in NEEDED[action]
        )


def caller_of(
    key: StoredKey,
    manager: BaseAuthManager[Any],
    dag_id_of: Callable[[str], str] = safe_dag_id,
    teams_of: Callable[[list[str]], Mapping[str, str | None]] = DagModel.get_dag_id_to_team_name_mapping,
) -> AirflowCaller:
    """Who calls with an access key. The auth manager is asked when the caller is, not before.

    :param dag_id_of: the dag id of a pipeline, by its name
    :param teams_of: the teams of Dags that belong to one, by dag id
    """
    user = UserOfKey(key, manager, dag_id_of, teams_of)
    return AirflowCaller(key.access_key_id, key.user, key.patterns, frozenset(key.actions), permitted=user.permitted)


def user_of(manager: BaseAuthManager[Any], name: str, claims: dict[str, Any]) -> BaseUser | None:
    """The user as the auth manager knows them now; None where it does not any more."""
    if isinstance(manager, SimpleAuthManager):
        # It takes the role from the claims; the one that counts is that of its configuration now.
        return _simple_user(manager, name)
    try:
        user: BaseUser | None = manager.deserialize_user(claims)
    except (ValueError, KeyError, NoResultFound) as error:
        log.info("The auth manager does not take %s: %s", name, error)
        return None
    # FAB's manager, in older versions, finds users that were deactivated, too, and leaves them to its log-in page.
    return user if getattr(user, "is_active", True) else None


def claims_of(manager: BaseAuthManager[Any], name: str, given: dict[str, Any] | None = None) -> dict[str, Any]:
    """The claims of which the auth manager makes the user of that name.

    Airflow's simple auth manager and that of Flask-AppBuilder (FAB) can be asked for a user by name. For another one
    the claims are given: what its ``deserialize_user`` takes.

    :raises UnknownUserError: where there is no such user, or no way to know
    """
    if given is not None:
        user = user_of(manager, name, given)
        if user is None or user.get_name() != name:
            made = "nobody" if user is None else repr(user.get_name())
            raise UnknownUserError(f"Of these claims {type(manager).__name__} makes {made}, not the user {name!r}.")
        return given
    if isinstance(manager, SimpleAuthManager):
        found = _simple_user(manager, name)
        if found is None:
            known = ", ".join(user.get_name() for user in manager.get_users()) or "none"
            raise UnknownUserError(
                f"[core] simple_auth_manager_users has no user {name!r}; there are: {known}. A user needs a role."
            )
        return dict(manager.serialize_user(found))
    if any(kind.__module__.startswith("airflow.providers.fab.") for kind in type(manager).__mro__):
        return _fab_claims(manager, name)
    raise UnknownUserError(
        f"{type(manager).__name__} cannot be asked for a user by name: give --claims, the JSON object of which its"
        " deserialize_user makes the user."
    )


def _simple_user(manager: SimpleAuthManager, name: str) -> SimpleAuthManagerUser | None:
    return next((user for user in manager.get_users() if user.get_name() == name), None)


def _fab_claims(manager: BaseAuthManager[Any], name: str) -> dict[str, Any]:
    from airflow.providers.fab.auth_manager.models import User
    from sqlalchemy import func, select

    with create_session() as session:
        user = session.scalar(select(User).where(func.lower(User.username) == name.lower()))
        if user is None or not user.active:
            raise UnknownUserError(f"Airflow has no active user {name!r}: airflow users list")
        return dict(manager.serialize_user(user))
