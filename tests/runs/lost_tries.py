"""Tries that end without a word: what they leave on record, and that a user clears the task meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.runs.adapters import interpose, lose_the_first_try
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


def lose_every_try(
    monkeypatch: pytest.MonkeyPatch, step_type: str, method: str = "confirm", *, before: bool = False
) -> list[dict[str, Any]]:
    """Let tries die after a method of their adapter, or before it, and none follow.

    :return: the records as they are then
    """
    left: list[dict[str, Any]] = []

    def die(original: Callable[[], Any], adapter: Any) -> None:
        if not before:
            original()
        left.append(stored_record(adapter.run.task.run_id))
        raise OSError("this try is lost")

    interpose(step_type, method, die)
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__MAX_LOST_TRIES", "0")
    return left


def clear_the_first_try(step_type: str) -> None:
    """Let a user clear the task as its first try begins to wait, and the next one start at once.

    A clear raises ``max_tries``, and the cleared try does no more.
    """

    def clear(adapter: Any) -> None:
        task = adapter.run.task
        change_task(task.run_id, max_tries=task.max_tries + 1)

    lose_the_first_try(step_type, meanwhile=clear)
