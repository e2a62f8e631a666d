"""The records, in Airflow's database, of steps whose task has ended without saying so."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from msgspec import Struct
from sqlalchemy import and_, func, select, update

from airflow_sm_pipelines.jobs.kill_verdict import ENDED
from airflow_sm_pipelines.jobs.record import STORE_KEY, Phase, StepRecord
from airflow_sm_pipelines.server.stored_state import Stored, stored_map_index

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Who was to stop the job does so within seconds, if it lives.
GRACE = timedelta(seconds=10)
# A job that could not be stopped for so long is not looked at any more: AWS ends it by its own limit.
MAX_AGE = timedelta(days=1)


class Orphan(Struct, frozen=True):
    """A record whose task has ended without saying so: its job may run on.

    ``row`` and ``text`` are where the record stands, and what stands there; ``state`` is the task's.
    """

    row: int
    text: str
    record: StepRecord
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    state: str | None

    @property
    def task(self) -> str:
        """The task as a log names it."""
        return ".".join((self.dag_id, self.run_id, self.task_id))

    @property
    def closed_text(self) -> str:
        """What stands there when nothing is left to be done."""
        return json.dumps(self.record.closed().to_json())


def find_orphans(grace: timedelta = GRACE) -> list[Orphan]:
    """What may run on though its task ended: more than ``grace`` ago, and less than a day."""
    # A run that its dagrun_timeout ends gives its tasks a state, and no end.
    ended_at = func.coalesce(TaskInstance.end_date, TaskInstance.updated_at)
    with create_session(scoped=False) as session:
        now = datetime.now(UTC)
        rows = session.execute(
            select(
                Stored.id,
                Stored.value,
                Stored.dag_id,
                Stored.run_id,
                Stored.task_id,
                stored_map_index,
                TaskInstance.state,
            )
            .join(
                TaskInstance,
                and_(
                    TaskInstance.dag_id == Stored.dag_id,
                    TaskInstance.run_id == Stored.run_id,
                    TaskInstance.task_id == Stored.task_id,
                    TaskInstance.map_index == stored_map_index,
                ),
            )
            .where(
                Stored.key == STORE_KEY,
                Stored.value.contains(f'"{Phase.SUBMITTING.value}"', autoescape=True),
                TaskInstance.state.in_(ENDED),
                ended_at.between(now - MAX_AGE, now - grace),
            )
        ).all()
    return list(_readable(rows))


def _readable(rows: Iterable[Any]) -> Iterator[Orphan]:
    for row, text, *task in rows:
        try:
            record = StepRecord.from_json(json.loads(text))
        except (TypeError, ValueError, KeyError):
            # Another version of this package wrote it, and looks after its own.
            continue
        if record.phase is Phase.SUBMITTING and record.stop_target:
            yield Orphan(row, text, record, *task)


def close(orphan: Orphan) -> None:
    """Put on record that nothing is left to be done, unless a new try has taken the record over meanwhile."""
    with create_session(scoped=False) as session:
        session.execute(
            update(Stored).where(Stored.id == orphan.row, Stored.value == orphan.text).values(value=orphan.closed_text)
        )
