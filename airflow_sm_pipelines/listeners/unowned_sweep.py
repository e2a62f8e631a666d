"""Finding the jobs that nobody owns, in Airflow's database, and stopping them."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow.models.task_state_store import TaskStateStoreModel as Stored
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import State
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import and_, select, update

from airflow_sm_pipelines.runtime.failures import CallError
from airflow_sm_pipelines.runtime.record import STORE_KEY, Phase, StepRecord
from airflow_sm_pipelines.runtime.unowned import stop_unowned

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

# Who was to stop the job does so within seconds, if it lives.
GRACE = timedelta(seconds=10)
# A job that could not be stopped for so long is not looked at any more: AWS ends it by its own limit.
LONGEST = timedelta(days=1)


@dataclass(frozen=True)
class Unowned:
    """A record whose task has ended without saying so: its job may run on."""

    row: int
    text: str
    record: StepRecord
    task: str


def sweep() -> None:
    """Look at every job whose task has ended without a word, and ask AWS to stop those that run on.

    What happens to one job keeps none of the others from being looked at.
    """
    for unowned in _find():
        try:
            done = stop_unowned(unowned.record.job)
        except (ClientError, BotoCoreError) as error:
            log.warning(
                "The job %s of %s, which has ended, could not be stopped, and may go on: %s",
                unowned.record.job_name,
                unowned.task,
                CallError.of(error),
            )
        else:
            if done:
                _close(unowned)


def _find() -> list[Unowned]:
    with create_session(scoped=False) as session:
        now = datetime.now(UTC)
        rows = session.execute(
            select(Stored.id, Stored.value, Stored.dag_id, Stored.run_id, Stored.task_id)
            .join(
                TaskInstance,
                and_(
                    TaskInstance.dag_id == Stored.dag_id,
                    TaskInstance.run_id == Stored.run_id,
                    TaskInstance.task_id == Stored.task_id,
                    TaskInstance.map_index == Stored.map_index,
                ),
            )
            .where(
                Stored.key == STORE_KEY,
                Stored.value.contains(f'"{Phase.INTENDED.value}"', autoescape=True),
                TaskInstance.state.in_(State.finished),
                TaskInstance.end_date.between(now - LONGEST, now - GRACE),
            )
        ).all()
    return list(_readable(rows))


def _readable(rows: object) -> Iterator[Unowned]:
    for row, text, *task in rows:  # type: ignore[attr-defined]
        try:
            record = StepRecord.from_json(json.loads(text))
        except (TypeError, ValueError, KeyError):
            # Another version of this package wrote it, and looks after its own.
            continue
        if record.phase is Phase.INTENDED and record.job:
            yield Unowned(row, text, record, ".".join(task))


def _close(unowned: Unowned) -> None:
    """Put on record that nothing is left to be done, unless a new try has taken the record over meanwhile."""
    closed = replace(unowned.record, phase=Phase.DELIVERED, open_try=None, job={})
    with create_session(scoped=False) as session:
        session.execute(
            update(Stored)
            .where(Stored.id == unowned.row, Stored.value == unowned.text)
            .values(value=json.dumps(closed.to_json()))
        )
