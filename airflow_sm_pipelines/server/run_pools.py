"""The pools of a pipeline and of its runs in Airflow's database.

All is done in the session of who calls, which may neither be committed nor rolled back here. Two schedulers may do it
at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.models.dagrun import DagRun
from airflow.models.pool import Pool
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState, State
from msgspec import Struct
from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from airflow_sm_pipelines.expressions.identity import EXECUTION_ID_LENGTH
from airflow_sm_pipelines.pools import (
    DESCRIPTION_MARK,
    LIMIT_KEY,
    PoolScope,
    pipeline_pool,
    pool_scope,
    run_pool,
    run_pool_prefix,
)

if TYPE_CHECKING:
    from airflow.serialization.definitions.dag import SerializedDAG
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

TAG = "sagemaker-pipeline"


def is_pipeline(dag: SerializedDAG) -> bool:
    """Whether a Dag may have pools of ours, now or of an earlier day."""
    return TAG in dag.tags


class RunPools(Struct, frozen=True):
    """The pools of a run of a pipeline, in the session that holds the run."""

    session: Session
    run: DagRun
    dag: SerializedDAG

    @property
    def limit(self) -> int | None:
        """How many steps of the run may be queued, running or deferred at once."""
        limit: int | None = self.dag.default_args.get(LIMIT_KEY)
        return limit

    @property
    def pipeline_pool(self) -> str:
        return pipeline_pool(self.run.dag_id)

    @property
    def run_pool(self) -> str:
        return run_pool(self.run.dag_id, self.run.run_id)

    def start(self) -> None:
        """Make the pools that the run needs, and put its tasks into its own."""
        self._remove_left_behind()
        if self.limit is None:
            self._unlimit()
            return
        self._ensure(self.pipeline_pool, self.limit, f"at most {self.limit} steps at once of {self.run.dag_id}.")
        if pool_scope() is PoolScope.PIPELINE or not is_ours(self.session, self.pipeline_pool):
            # A user's own pool of this name limits the pipeline over all its runs, too.
            self._move(self.run_pool, self.pipeline_pool)
            self._take_in(self.pipeline_pool)
            return
        text = f"at most {self.limit} steps at once of the run {self.run.run_id} of {self.run.dag_id}."
        self._ensure(self.run_pool, self.limit, text)
        self._move(self.pipeline_pool, self.run_pool)
        self._take_in(self.run_pool)

    def end(self) -> None:
        """Remove the run's pool."""
        self._remove([self.run_pool])

    def _unlimit(self) -> None:
        """Give the run's tasks the pool that they have in the Dag, and remove the pipeline's where nothing needs it."""
        unlimited = select(TaskInstance).where(
            TaskInstance.dag_id == self.run.dag_id,
            TaskInstance.run_id == self.run.run_id,
            TaskInstance.pool.in_((self.pipeline_pool, self.run_pool)),
        )
        for task in self.session.scalars(unlimited):
            known = self.dag.has_task(task.task_id)
            task.pool = self.dag.get_task(task.task_id).pool if known else Pool.DEFAULT_POOL_NAME
        self.session.flush()
        waiting = select(TaskInstance.id).where(
            TaskInstance.dag_id == self.run.dag_id,
            TaskInstance.pool == self.pipeline_pool,
            or_(TaskInstance.state.is_(None), TaskInstance.state.in_(State.unfinished - {None})),
        )
        if self.session.scalar(waiting.limit(1)) is None:
            self._remove([self.pipeline_pool])

    def _ensure(self, name: str, slots: int, text: str) -> None:
        """A pool of that size; one of that name that is not ours stays as it is."""
        values = {
            "pool": name,
            "slots": slots,
            "description": DESCRIPTION_MARK + text,
            "include_deferred": True,
        }
        kept = select(Pool.slots, Pool.description, Pool.include_deferred).where(Pool.pool == name)
        stored = self.session.execute(kept).one_or_none()
        if stored is None:
            self.session.execute(insert_if_absent(self.session, values))
        elif stored != (slots, values["description"], True):
            # Only then: the row is locked while a scheduler fills the slots.
            ours = Pool.description.startswith(DESCRIPTION_MARK, autoescape=True)
            self.session.execute(update(Pool).where(Pool.pool == name, ours).values(values))

    def _move(self, source: str, target: str, *which: ColumnElement[bool]) -> None:
        self.session.execute(
            update(TaskInstance)
            .where(
                TaskInstance.dag_id == self.run.dag_id,
                TaskInstance.run_id == self.run.run_id,
                TaskInstance.pool == source,
                *which,
            )
            .values(pool=target)
        )

    def _take_in(self, target: str) -> None:
        """Move the tasks that were made before the Dag had the limit."""
        limited = [task.task_id for task in self.dag.tasks if task.pool == self.pipeline_pool]
        self._move(Pool.DEFAULT_POOL_NAME, target, TaskInstance.task_id.in_(limited))

    def _remove_left_behind(self) -> None:
        """Remove the pools of runs that were deleted, or ended with no listener at hand."""
        prefix = run_pool_prefix(self.run.dag_id)
        names = self.session.scalars(select(Pool.pool).where(Pool.pool.startswith(prefix, autoescape=True))).all()
        if not names:
            return
        running = select(DagRun.run_id).where(
            DagRun.dag_id == self.run.dag_id, DagRun.state.in_((DagRunState.QUEUED, DagRunState.RUNNING))
        )
        needed = {run_pool(self.run.dag_id, run_id) for run_id in self.session.scalars(running)}
        # The dag id of another pipeline may begin with this one's and a dot.
        length = len(prefix) + EXECUTION_ID_LENGTH
        self._remove([name for name in names if name and len(name) == length and name not in needed])

    def _remove(self, names: list[str]) -> None:
        if names:
            ours = Pool.description.startswith(DESCRIPTION_MARK, autoescape=True)
            self.session.execute(delete(Pool).where(Pool.pool.in_(names), ours))


def forget_what_is_known(session: Session) -> None:
    """Read the pools of task instances anew where they are needed: what was set of them has been rolled back."""
    for known in session.identity_map.values():
        if isinstance(known, TaskInstance):
            session.expire(known, ["pool"])


def is_ours(session: Session, name: str) -> bool:
    """Whether there is a pool of that name which this package made, and nobody has taken over."""
    description = session.scalar(select(Pool.description).where(Pool.pool == name))
    return description is not None and description.startswith(DESCRIPTION_MARK)


def insert_if_absent(session: Session, values: dict[str, Any]) -> Any:
    """The statement that adds a pool unless another scheduler has, or is about to: then it waits and does nothing."""
    dialect = session.get_bind().dialect.name
    if dialect == "postgresql":
        return postgresql.insert(Pool).values(values).on_conflict_do_nothing()
    if dialect == "sqlite":
        return sqlite.insert(Pool).values(values).on_conflict_do_nothing()
    return insert(Pool).values(values).prefix_with("IGNORE")
