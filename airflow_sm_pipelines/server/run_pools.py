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

from airflow_sm_pipelines.expressions.given_execution import GivenExecution
from airflow_sm_pipelines.graph.tasks import BESIDE_STEPS
from airflow_sm_pipelines.naming import PIPELINE_TAG
from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.pools import (
    DESCRIPTION_MARK,
    PoolScope,
    limit_key,
    limits_in,
    pipeline_pool,
    pool_scope,
    run_pool,
    run_pool_prefix,
)
from airflow_sm_pipelines.step_types.unique_name import EXECUTION_ID_LENGTH

if TYPE_CHECKING:
    from airflow.serialization.definitions.dag import SerializedDAG
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session


def places_in(dag: SerializedDAG) -> list[Place]:
    """The pipelines in a Dag that may have pools of ours: a Dag that is one, now or of an earlier day, and its task
    groups that are limited ones.
    """
    limited = limits_in(dag.dag_id, dag.default_args)
    return [*dict.fromkeys([*([Place(dag.dag_id)] if PIPELINE_TAG in dag.tags else []), *limited])]


class RunPools(Struct, frozen=True):
    """The pools of a run of a pipeline, in the session that holds the run; ``place`` is the pipeline's in the Dag."""

    session: Session
    run: DagRun
    dag: SerializedDAG
    place: Place

    @property
    def limit(self) -> int | None:
        """How many steps of any run may be queued, running or deferred at once."""
        limit: int | None = self.dag.default_args.get(limit_key(self.place))
        return limit

    @property
    def own_limit(self) -> int | None:
        """The limit that the run itself was given, which counts where the Dag is the pipeline's."""
        return GivenExecution.in_conf(self.run.conf).limit if self.place.group_id is None else None

    @property
    def pipeline_pool(self) -> str:
        return pipeline_pool(self.place)

    @property
    def run_pool(self) -> str:
        return run_pool(self.place, self.run.run_id)

    def start(self) -> None:
        """Make the pools that the run needs, and put its tasks into its own."""
        self._remove_left_behind()
        if self.own_limit is not None:
            self._limit_run(self.own_limit)
            return
        if self.limit is None:
            self._unlimit()
            return
        self._ensure(self.pipeline_pool, self.limit, f"at most {self.limit} steps at once of {self.place.name}.")
        if pool_scope() is PoolScope.PIPELINE or not is_ours(self.session, self.pipeline_pool):
            # A user's own pool of this name limits the pipeline over all its runs, too.
            self._move(self.run_pool, self.pipeline_pool)
            self._take_in(self.pipeline_pool)
            return
        text = f"at most {self.limit} steps at once of the run {self.run.run_id} of {self.place.name}."
        self._ensure(self.run_pool, self.limit, text)
        self._move(self.pipeline_pool, self.run_pool)
        self._take_in(self.run_pool)

    def _limit_run(self, limit: int) -> None:
        """Give the run a pool of its own size, and put its steps into it; one that the user has given a pool keeps
        that.
        """
        if self.limit is not None:
            self._ensure(self.pipeline_pool, self.limit, f"at most {self.limit} steps at once of {self.place.name}.")
        text = f"at most {limit} steps at once of the run {self.run.run_id} of {self.place.name}."
        self._ensure(self.run_pool, limit, text)
        self._move(self.pipeline_pool, self.run_pool)
        steps = [
            task.task_id
            for task in self.dag.tasks
            if task.pool in (Pool.DEFAULT_POOL_NAME, self.pipeline_pool) and task.task_id not in BESIDE_STEPS
        ]
        self._move(Pool.DEFAULT_POOL_NAME, self.run_pool, TaskInstance.task_id.in_(steps))

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
        prefix = run_pool_prefix(self.place)
        names = self.session.scalars(select(Pool.pool).where(Pool.pool.startswith(prefix, autoescape=True))).all()
        if not names:
            return
        running = select(DagRun.run_id).where(
            DagRun.dag_id == self.run.dag_id, DagRun.state.in_((DagRunState.QUEUED, DagRunState.RUNNING))
        )
        needed = {run_pool(self.place, run_id) for run_id in self.session.scalars(running)}
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
