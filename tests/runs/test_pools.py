"""What becomes of the pools as runs start and end, in Airflow's database, by the listeners that Airflow found itself.

The scheduler's part is played here: a run is made of the serialized Dag, and the listeners are called.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_sm_pipelines.pools import pipeline_pool, run_pool
from tests.runs.harness import pipeline, training

DAG_ID = "limited"


class Scheduler:
    """Makes runs of a Dag and starts and ends them, as Airflow's scheduler does."""

    def __init__(self, session: Any) -> None:
        self.session = session

    def make(self, run_id: str, dag_id: str = DAG_ID, **arguments: Any) -> Any:
        """A queued run of the Dag with these arguments."""
        from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
        from airflow.models.dagbag import DBDagBag
        from airflow.sdk import DAG
        from airflow.utils.state import DagRunState
        from airflow.utils.types import DagRunTriggeredByType, DagRunType

        from airflow_sm_pipelines import SageMakerPipelineDag

        dag: DAG = SageMakerPipelineDag(pipeline(training("A"), training("B")), dag_id=dag_id, **arguments)
        bag = DagBag(collect_dags=False)
        bag.bag_dag(dag)
        sync_bag_to_db(bag, "dags-folder", None, session=self.session)
        self.session.commit()
        serialized = DBDagBag().get_latest_version_of_dag(dag_id, session=self.session)
        assert serialized is not None
        run = serialized.create_dagrun(
            run_id=run_id,
            run_after=datetime.now(UTC),
            run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.TEST,
            state=DagRunState.QUEUED,
            session=self.session,
        )
        run.dag = serialized
        return run

    def start(self, run_id: str, dag_id: str = DAG_ID, **arguments: Any) -> Any:
        """Make a run and start it."""
        run = self.make(run_id, dag_id, **arguments)
        self.set_state(run, "running")
        return run

    def set_state(self, run: Any, state: str) -> None:
        from airflow.utils.state import DagRunState

        run.state = DagRunState(state)
        run.notify_dagrun_state_changed(msg=state)
        self.session.commit()

    def pools(self) -> dict[str, int]:
        """The sizes of all pools but Airflow's own; each counts deferred tasks."""
        from airflow.models.pool import Pool

        pools = [pool for pool in Pool.get_pools(session=self.session) if pool.pool != "default_pool"]
        assert all(pool.include_deferred for pool in pools)
        return {str(pool.pool): pool.slots for pool in pools}

    def pools_of(self, run: Any) -> set[str]:
        """The pools of a run's tasks."""
        self.session.expire_all()
        return {ti.pool for ti in run.get_task_instances(session=self.session)}


@pytest.fixture
def scheduler(airflow_database: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scheduler]:
    from airflow.api.common.delete_dag import delete_dag
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.models.dag import DagModel
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session
    from sqlalchemy import delete, select

    monkeypatch.setenv("AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL", "0")
    DagBundlesManager().sync_bundles_to_db()
    with create_session() as session:
        yield Scheduler(session)
        session.rollback()
        for dag_id in session.scalars(select(DagModel.dag_id).where(DagModel.dag_id.startswith(DAG_ID))).all():
            delete_dag(dag_id, session=session)
        session.execute(delete(Pool).where(Pool.pool != "default_pool"))


def test_a_run_has_a_pool_of_its_own_from_its_start_to_its_end(scheduler: Scheduler) -> None:
    one = scheduler.make("one", parallelism=3)
    assert scheduler.pools() == {}
    assert scheduler.pools_of(one) == {pipeline_pool(DAG_ID)}

    scheduler.set_state(one, "running")
    two = scheduler.start("two", parallelism=3)
    own = run_pool(DAG_ID, "one")
    assert scheduler.pools() == {pipeline_pool(DAG_ID): 3, own: 3, run_pool(DAG_ID, "two"): 3}
    assert scheduler.pools_of(one) == {own}
    assert scheduler.pools_of(two) == {run_pool(DAG_ID, "two")}

    scheduler.set_state(one, "success")
    scheduler.set_state(two, "failed")
    assert scheduler.pools() == {pipeline_pool(DAG_ID): 3}


def test_a_changed_limit_holds_from_the_next_start(scheduler: Scheduler) -> None:
    scheduler.set_state(scheduler.start("one", parallelism=3), "success")
    scheduler.start("two", parallelism=7)
    assert scheduler.pools() == {pipeline_pool(DAG_ID): 7, run_pool(DAG_ID, "two"): 7}


def test_a_run_that_is_cleared_and_starts_again_gets_its_pool_again(scheduler: Scheduler) -> None:
    from airflow.models.taskinstance import clear_task_instances

    one = scheduler.start("one", parallelism=3)
    scheduler.set_state(one, "failed")
    clear_task_instances(one.get_task_instances(session=scheduler.session), scheduler.session)
    assert scheduler.pools_of(one) == {pipeline_pool(DAG_ID)}

    scheduler.set_state(one, "running")
    assert scheduler.pools() == {pipeline_pool(DAG_ID): 3, run_pool(DAG_ID, "one"): 3}
    assert scheduler.pools_of(one) == {run_pool(DAG_ID, "one")}


def test_a_step_that_is_cleared_while_its_run_goes_on_stays_in_the_runs_pool(scheduler: Scheduler) -> None:
    from airflow.models.taskinstance import clear_task_instances

    one = scheduler.start("one", parallelism=3)
    clear_task_instances(one.get_task_instances(session=scheduler.session), scheduler.session)
    assert scheduler.pools_of(one) == {run_pool(DAG_ID, "one")}


def test_without_the_limit_its_pools_go_when_nothing_needs_them(scheduler: Scheduler) -> None:
    one = scheduler.start("one", parallelism=3)
    queued = scheduler.make("queued", parallelism=3)

    two = scheduler.start("two")
    assert scheduler.pools_of(two) == {"default_pool"}
    # A run that is still to start names the pipeline's pool.
    assert scheduler.pools() == {pipeline_pool(DAG_ID): 3, run_pool(DAG_ID, "one"): 3}

    scheduler.set_state(one, "success")
    queued.dag = two.dag
    scheduler.set_state(queued, "running")
    assert scheduler.pools_of(queued) == {"default_pool"}
    assert scheduler.pools() == {}


def test_the_pool_of_a_run_that_was_deleted_goes_when_the_next_one_starts(scheduler: Scheduler) -> None:
    scheduler.start("other", dag_id=f"{DAG_ID}.other", parallelism=2)
    one = scheduler.start("one", parallelism=3)
    scheduler.session.delete(one)
    scheduler.session.commit()

    scheduler.start("two", parallelism=3)
    assert scheduler.pools() == {
        pipeline_pool(DAG_ID): 3,
        run_pool(DAG_ID, "two"): 3,
        pipeline_pool(f"{DAG_ID}.other"): 2,
        run_pool(f"{DAG_ID}.other", "other"): 2,
    }


@pytest.mark.parametrize("with_limit", [True, False])
def test_a_pool_that_a_user_made_stays_as_it_is(scheduler: Scheduler, with_limit: bool) -> None:
    from airflow.models.pool import Pool

    name = pipeline_pool(DAG_ID)
    Pool.create_or_update_pool(name, 1, "one GPU", include_deferred=True, session=scheduler.session)
    one = scheduler.start("one", parallelism=3 if with_limit else None)
    assert scheduler.pools() == {name: 1}
    assert scheduler.pools_of(one) == ({name} if with_limit else {"default_pool"})
    scheduler.set_state(one, "success")
    assert scheduler.pools() == {name: 1}


def test_tasks_in_a_pool_of_the_users_choice_stay_in_it(scheduler: Scheduler) -> None:
    one = scheduler.start("one", parallelism=3, default_args={"pool": "gpus"})
    assert scheduler.pools_of(one) == {"gpus"}
    assert scheduler.pools() == {}
