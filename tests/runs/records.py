"""What a step has on record, in Airflow's database, and the sweep for jobs that nobody owns."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_sm_pipelines.jobs.record import STORE_KEY


def records(dag_id: str = "pipeline") -> list[dict[str, Any]]:
    """The records of a Dag's steps, those of the latest run last."""
    from airflow.models.task_state_store import TaskStateStoreModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        found = session.scalars(
            select(TaskStateStoreModel.value)
            .where(TaskStateStoreModel.dag_id == dag_id, TaskStateStoreModel.key == STORE_KEY)
            .order_by(TaskStateStoreModel.id)
        ).all()
    return [json.loads(text) for text in found]


def sweep_a_minute_later(run_id: str) -> None:
    """Let the tasks of a run have ended a minute ago, and look for jobs that run on."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import update

    from airflow_sm_pipelines.server.orphan_sweep import sweep

    ended = datetime.now(UTC) - timedelta(minutes=1)
    with create_session() as session:
        session.execute(update(TaskInstance).where(TaskInstance.run_id == run_id).values(end_date=ended))
    sweep()
