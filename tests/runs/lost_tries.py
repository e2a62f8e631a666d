"""Tries that end without a word: what they leave on record, and that a user clears the task meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.runs.harness import Run

KEY = "sagemaker_job"
MINUTE = timedelta(minutes=1)


def stored_record(run_id: str) -> dict[str, Any]:
    """The record of a run's only task."""
    from airflow.models.task_state_store import TaskStateStoreModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session(scoped=False) as session:
        stored = session.scalar(
            select(TaskStateStoreModel.value).where(
                TaskStateStoreModel.run_id == run_id, TaskStateStoreModel.key == KEY
            )
        )
    assert stored is not None
    found: dict[str, Any] = json.loads(stored)
    return found


def rewrite(run: Run, state: str, ended_ago: timedelta | None, **changes: Any) -> None:
    """Let a run's only task be in another state, and its record say something else.

    ``ended_ago`` is None for a task that got its state a minute ago, and no end.
    """
    from airflow.models.task_state_store import TaskStateStoreModel
    from airflow.utils.session import create_session
    from sqlalchemy import update

    now = datetime.now(UTC)
    change_task(
        run.run_id,
        state=state,
        end_date=None if ended_ago is None else now - ended_ago,
        updated_at=now - (MINUTE if ended_ago is None else timedelta(0)),
    )
    with create_session(scoped=False) as session:
        session.execute(
            update(TaskStateStoreModel)
            .where(TaskStateStoreModel.run_id == run.run_id, TaskStateStoreModel.key == KEY)
            .values(value=json.dumps({**stored_record(run.run_id), **changes}))
        )


def change_task(run_id: str, **values: Any) -> None:
    """Change what Airflow's database says of a run's only task."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session(scoped=False) as session:
        session.execute(update(TaskInstance).where(TaskInstance.run_id == run_id).values(**values))


def lose_every_try(monkeypatch: pytest.MonkeyPatch, operator: type[Any], method: str = "_wait") -> list[dict[str, Any]]:
    """Let tries die where they come to a method, and none follow; gives the records as they are then."""
    left: list[dict[str, Any]] = []

    def die(self: Any, *arguments: Any) -> None:
        left.append(stored_record(self._context["run_id"]))
        raise OSError("this try is lost")

    monkeypatch.setattr(operator, method, die)
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__WORKER_DEATHS", "0")
    return left


def clear_the_first_try(monkeypatch: pytest.MonkeyPatch, operator: type[Any]) -> None:
    """Let a user clear the task as its first try begins to wait, and the next one start at once.

    A clear raises ``max_tries``, and the cleared try does no more.
    """
    from airflow_sm_pipelines.jobs import retry

    waited: list[Any] = []
    wait: Callable[..., Any] = operator._wait

    def be_cleared_once(self: Any, context: Any, *arguments: Any) -> Any:
        waited.append(self)
        if len(waited) == 1:
            change_task(context["run_id"], max_tries=context["ti"].max_tries + 1)
            raise OSError("this try is cleared")
        return wait(self, context, *arguments)

    monkeypatch.setattr(operator, "_wait", be_cleared_once)
    monkeypatch.setattr(retry, "LOST_TRY_DELAY", timedelta(0))
