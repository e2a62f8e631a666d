"""The user of an access key, as the auth manager knows them now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from sqlalchemy.exc import NoResultFound

from airflow_sm_pipelines.api.access_keys import StoredKey
from airflow_sm_pipelines.api.airflow_users import caller_of, user_of


class User(SimpleAuthManagerUser):
    """A user of FAB: its property of this name is false for one who was deactivated."""

    is_active = True


class Manager:
    """An auth manager whose users come out of a database."""

    def __init__(self, *users: User) -> None:
        self._users = {user.get_name(): user for user in users}

    def deserialize_user(self, claims: dict[str, Any]) -> User:
        if claims["sub"] not in self._users:
            raise NoResultFound("No row was found when one was required")
        return self._users[claims["sub"]]


def test_who_was_deactivated_or_removed_is_not_known() -> None:
    ann, bob = (User(username=name, role="admin") for name in ("ann", "bob"))
    bob.is_active = False
    manager: Any = Manager(ann, bob)
    found = [user_of(manager, name, {"sub": name}) for name in ("ann", "bob", "eve")]
    assert found == [ann, None, None]


def test_a_user_of_a_manager_without_that_attribute_is_known() -> None:
    manager: Any = Manager()
    manager.deserialize_user = lambda claims: SimpleAuthManagerUser(username=claims["sub"], role="admin")
    found = user_of(manager, "ann", {"sub": "ann"})
    assert found is not None
    assert found.get_name() == "ann"


def test_a_list_of_pipelines_asks_once_for_their_teams() -> None:
    asked: list[list[str]] = []

    def teams_of(dag_ids: list[str]) -> dict[str, str | None]:
        asked.append(dag_ids)
        return {"a-1": "red"}

    def authorized(*, details: DagDetails, **_: Any) -> bool:
        return details.team_name == "red" or details.id == "a-2"

    manager: Any = Manager(User(username="ann", role="admin"))
    manager.is_authorized_dag = authorized
    key = StoredKey("AFSM", "secret", "ann", {"sub": "ann"}, ("a-*",), ("read",), datetime.now(UTC))
    caller = caller_of(key, manager, teams_of=teams_of)
    assert caller.allowed("read", ["a-1", "a-2", "a-3", "b"]) == ["a-1", "a-2"]
    assert asked == [["a-1", "a-2", "a-3"]]
    assert [caller.allows("read", name) for name in ("a-1", "a-3", "b")] == [True, False, False]
    assert caller.allowed("write", ["a-1"]) == []


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("sub")])
def test_claims_that_the_manager_does_not_take_are_nobodys(error: Exception) -> None:
    def refuse(_: dict[str, Any]) -> User:
        raise error

    manager: Any = Manager()
    manager.deserialize_user = refuse
    assert user_of(manager, "ann", {}) is None
