"""What becomes of the pools as runs start and end, in Airflow's database, by the listeners that Airflow found itself.

The scheduler's part is played here: a run is made of the serialized Dag, and the listeners are called.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.pools import pipeline_pool, run_pool
from tests.runs.harness import pipeline, training

DAG_ID = "limited"


class Scheduler:
    """Makes runs of a Dag and starts and ends them, as Airflow's scheduler does."""

    def __init__(self, session: Any) -> None:
        self.session = session

    def make(self, run_id: str, dag_id: str = DAG_ID, dag: Any = None, **arguments: Any) -> Any:
        """A queued run of a Dag, or of the pipeline's with these arguments."""
        from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
        from airflow.utils.state import DagRunState
        from airflow.utils.types import DagRunTriggeredByType, DagRunType

        from airflow_sm_pipelines import SageMakerPipelineDag

        if dag is None:
            dag = SageMakerPipelineDag(pipeline(training("A"), training("B")), dag_id=dag_id, **arguments)
        bag = DagBag(collect_dags=False)
        bag.bag_dag(dag)
        sync_bag_to_db(bag, "dags-folder", None, session=self.session)
        self.session.commit()
        serialized = self.newest(dag_id)
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

    def newest(self, dag_id: str = DAG_ID) -> Any:
        """The Dag as the scheduler knows it now."""
        from airflow.models.dagbag import DBDagBag

        serialized = DBDagBag().get_latest_version_of_dag(dag_id, session=self.session)
        assert serialized is not None
        return serialized

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

    def state_of(self, run: Any) -> str:
        """The state of a run in the database."""
        from airflow.models.dagrun import DagRun
        from sqlalchemy import select

        return str(self.session.scalar(select(DagRun.state).where(DagRun.id == run.id)))

    def finish_tasks(self, run: Any) -> None:
        """End all tasks of a run."""
        for task in run.get_task_instances(session=self.session):
            task.state = "success"
        self.session.commit()

    def forbid(self, pool: str) -> None:
        """Let the database refuse to add a pool for which an SQL condition holds."""
        from sqlalchemy import text

        refusal = "SELECT RAISE(ABORT, 'no such pool'); END"
        self.session.execute(text(f"CREATE TRIGGER refusing BEFORE INSERT ON slot_pool WHEN {pool} BEGIN {refusal}"))
        self.session.commit()


@pytest.fixture
def scheduler(airflow_database: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scheduler]:
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.utils.session import create_session

    monkeypatch.setenv("AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL", "0")
    DagBundlesManager().sync_bundles_to_db()
    with create_session() as session:
        forget(session)
        yield Scheduler(session)
        session.rollback()
        forget(session)


def forget(session: Any) -> None:
    """Forget the Dags of these tests, and all pools, whoever made them."""
    from airflow.api.common.delete_dag import delete_dag
    from airflow.models.dag import DagModel
    from airflow.models.pool import Pool
    from sqlalchemy import delete, select, text

    session.execute(text("DROP TRIGGER IF EXISTS refusing"))
    for dag_id in session.scalars(select(DagModel.dag_id).where(DagModel.dag_id.startswith(DAG_ID))).all():
        delete_dag(dag_id, session=session)
    session.execute(delete(Pool).where(Pool.pool != "default_pool"))
    session.commit()


def test_a_run_has_a_pool_of_its_own_from_its_start_to_its_end(scheduler: Scheduler) -> None:
    one = scheduler.make("one", parallelism=3)
    assert scheduler.pools() == {}
    assert scheduler.pools_of(one) == {pipeline_pool(Place(DAG_ID))}

    scheduler.set_state(one, "running")
    two = scheduler.start("two", parallelism=3)
    own = run_pool(Place(DAG_ID), "one")
    assert scheduler.pools() == {pipeline_pool(Place(DAG_ID)): 3, own: 3, run_pool(Place(DAG_ID), "two"): 3}
    assert scheduler.pools_of(one) == {own}
    assert scheduler.pools_of(two) == {run_pool(Place(DAG_ID), "two")}

    scheduler.set_state(one, "success")
    scheduler.set_state(two, "failed")
    assert scheduler.pools() == {pipeline_pool(Place(DAG_ID)): 3}


def test_a_changed_limit_holds_from_the_next_start(scheduler: Scheduler) -> None:
    scheduler.set_state(scheduler.start("one", parallelism=3), "success")
    scheduler.start("two", parallelism=7)
    assert scheduler.pools() == {pipeline_pool(Place(DAG_ID)): 7, run_pool(Place(DAG_ID), "two"): 7}


def test_a_run_that_is_cleared_and_starts_again_gets_its_pool_again(scheduler: Scheduler) -> None:
    from airflow.models.taskinstance import clear_task_instances

    one = scheduler.start("one", parallelism=3)
    scheduler.set_state(one, "failed")
    clear_task_instances(one.get_task_instances(session=scheduler.session), scheduler.session)
    assert scheduler.pools_of(one) == {pipeline_pool(Place(DAG_ID))}

    scheduler.set_state(one, "running")
    assert scheduler.pools() == {pipeline_pool(Place(DAG_ID)): 3, run_pool(Place(DAG_ID), "one"): 3}
    assert scheduler.pools_of(one) == {run_pool(Place(DAG_ID), "one")}


def test_a_step_that_is_cleared_while_its_run_goes_on_stays_in_the_runs_pool(scheduler: Scheduler) -> None:
    from airflow.models.taskinstance import clear_task_instances

    one = scheduler.start("one", parallelism=3)
    clear_task_instances(one.get_task_instances(session=scheduler.session), scheduler.session)
    assert scheduler.pools_of(one) == {run_pool(Place(DAG_ID), "one")}


def test_without_the_limit_its_pools_go_when_nothing_needs_them(scheduler: Scheduler) -> None:
    one = scheduler.start("one", parallelism=3)
    queued = scheduler.make("queued", parallelism=3)

    two = scheduler.start("two")
    assert scheduler.pools_of(two) == {"default_pool"}
    # A run that is still to start names the pipeline's pool.
    assert scheduler.pools() == {pipeline_pool(Place(DAG_ID)): 3, run_pool(Place(DAG_ID), "one"): 3}

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
        pipeline_pool(Place(DAG_ID)): 3,
        run_pool(Place(DAG_ID), "two"): 3,
        pipeline_pool(Place(f"{DAG_ID}.other")): 2,
        run_pool(Place(f"{DAG_ID}.other"), "other"): 2,
    }


@pytest.mark.parametrize("with_limit", [True, False])
def test_a_pool_that_a_user_made_stays_as_it_is(scheduler: Scheduler, with_limit: bool) -> None:
    from airflow.models.pool import Pool

    name = pipeline_pool(Place(DAG_ID))
    Pool.create_or_update_pool(name, 1, "one GPU", include_deferred=True, session=scheduler.session)
    one = scheduler.start("one", parallelism=3 if with_limit else None)
    assert scheduler.pools() == {name: 1}
    assert scheduler.pools_of(one) == ({name} if with_limit else {"default_pool"})
    scheduler.set_state(one, "success")
    assert scheduler.pools() == {name: 1}


def test_a_run_that_was_made_before_the_limit_has_it_from_its_start(scheduler: Scheduler) -> None:
    queued = scheduler.make("queued")
    assert scheduler.pools_of(queued) == {"default_pool"}

    scheduler.set_state(scheduler.start("next", parallelism=3), "success")
    queued.dag = scheduler.newest()
    scheduler.set_state(queued, "running")
    assert scheduler.pools_of(queued) == {run_pool(Place(DAG_ID), "queued")}


def test_the_runs_of_a_pipeline_can_share_one_pool(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    before = scheduler.start("before", parallelism=3)
    queued = scheduler.make("queued")
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__POOL_SCOPE", "pipeline")
    one = scheduler.start("one", parallelism=3)
    queued.dag = one.dag
    scheduler.set_state(queued, "running")
    assert scheduler.pools_of(one) == scheduler.pools_of(queued) == {pipeline_pool(Place(DAG_ID))}
    assert scheduler.pools() == {pipeline_pool(Place(DAG_ID)): 3, run_pool(Place(DAG_ID), "before"): 3}

    scheduler.set_state(before, "success")
    scheduler.set_state(one, "success")
    assert scheduler.pools() == {pipeline_pool(Place(DAG_ID)): 3}


def test_a_pool_of_ours_that_counts_no_deferred_tasks_is_mended(scheduler: Scheduler) -> None:
    from airflow.models.pool import Pool

    scheduler.set_state(scheduler.start("one", parallelism=3), "success")
    pool = Pool.get_pool(pipeline_pool(Place(DAG_ID)), session=scheduler.session)
    assert pool is not None
    pool.include_deferred = False
    scheduler.session.commit()
    scheduler.start("two", parallelism=3)
    scheduler.session.expire_all()
    assert scheduler.pools().keys() == {pipeline_pool(Place(DAG_ID)), run_pool(Place(DAG_ID), "two")}


def test_what_goes_wrong_is_undone_and_the_run_starts_all_the_same(
    scheduler: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    one = scheduler.make("one", parallelism=3)
    # The pool is made before it turns out that no pool can be made for the run.
    scheduler.forbid(f"NEW.pool = '{run_pool(Place(DAG_ID), 'one')}'")
    scheduler.set_state(one, "running")
    assert "could not be settled" in caplog.text
    assert scheduler.pools() == {}
    assert scheduler.pools_of(one) == {pipeline_pool(Place(DAG_ID))}
    assert scheduler.state_of(one) == "running"


def test_tasks_in_a_pool_of_the_users_choice_stay_in_it(scheduler: Scheduler) -> None:
    one = scheduler.start("one", parallelism=3, default_args={"pool": "gpus"})
    assert scheduler.pools_of(one) == {"gpus"}
    assert scheduler.pools() == {}


def embedding(**limits: int) -> Any:
    """A Dag without our tag, with a task of its own and a task group for each pipeline."""
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.sdk import DAG

    from airflow_sm_pipelines import SageMakerPipelineTaskGroup

    with DAG(DAG_ID, schedule=None) as dag:
        EmptyOperator(task_id="other")
        for group_id, limit in limits.items():
            steps = pipeline(training("A"), training("B"))
            SageMakerPipelineTaskGroup(steps, group_id=group_id, parallelism=limit)
    return dag


def test_the_limits_of_task_groups_hold_in_a_dag_of_the_users(scheduler: Scheduler) -> None:
    from airflow.models.taskinstance import clear_task_instances

    places = {Place(DAG_ID, "one"): 3, Place(DAG_ID, "two"): 2}
    run = scheduler.start("run", dag=embedding(one=3, two=2, free=0))
    pools = {pipeline_pool(place): limit for place, limit in places.items()}
    of_run = {run_pool(place, "run"): limit for place, limit in places.items()}
    assert scheduler.pools() == {**pools, **of_run}
    assert {ti.task_id: ti.pool for ti in run.get_task_instances(session=scheduler.session)} == {
        "other": "default_pool",
        **{
            f"{place.group_id}.{step}": run_pool(place, "run") if step in "AB" else "default_pool"
            for place in places
            for step in ("A", "B", "pipeline.run.outcome")
        },
        **{f"free.{step}": "default_pool" for step in ("A", "B", "pipeline.run.outcome")},
    }
    # A step that is cleared joins its run's pool again, and the triggerer leaves what a run needs.
    clear_task_instances(run.get_task_instances(session=scheduler.session), scheduler.session)
    scheduler.finish_tasks(run)
    assert tidied(scheduler) == {**pools, **of_run}
    clear_task_instances(run.get_task_instances(session=scheduler.session), scheduler.session)
    assert scheduler.pools_of(run) == {*of_run, "default_pool"}
    scheduler.set_state(run, "success")
    assert scheduler.pools() == pools
    # One limit less.
    scheduler.finish_tasks(run)
    scheduler.make("later", dag=embedding(two=2))
    scheduler.session.commit()
    assert tidied(scheduler) == {pipeline_pool(Place(DAG_ID, "two")): 2}
    deleted(scheduler, DAG_ID)
    assert tidied(scheduler) == {}


def deleted(scheduler: Scheduler, dag_id: str) -> None:
    from airflow.api.common.delete_dag import delete_dag

    delete_dag(dag_id, session=scheduler.session)
    scheduler.session.commit()


def tidied(scheduler: Scheduler) -> dict[str, int]:
    """The pools that the triggerer leaves."""
    from airflow_sm_pipelines.server.janitor import tidy

    scheduler.session.commit()
    tidy()
    scheduler.session.expire_all()
    return scheduler.pools()


def test_the_triggerer_removes_the_pools_that_nothing_needs(scheduler: Scheduler) -> None:
    from airflow.models.pool import Pool

    gone, other, free = (f"{DAG_ID}.{name}" for name in ("gone", "other", "free"))
    scheduler.start("one", parallelism=3)
    scheduler.start("one", dag_id=gone, parallelism=3)
    scheduler.set_state(scheduler.start("one", dag_id=other, parallelism=3), "success")
    last = scheduler.start("one", dag_id=free, parallelism=3)
    Pool.create_or_update_pool("sagemaker-run.mine", 1, "mine", include_deferred=True, session=scheduler.session)
    scheduler.session.commit()
    before = scheduler.pools()
    assert len(before) == 8
    assert tidied(scheduler) == before

    # A Dag that is deleted, and one whose limit was removed while its last run went on.
    deleted(scheduler, gone)
    scheduler.make("never", dag_id=free)
    assert before.keys() - tidied(scheduler).keys() == {
        pipeline_pool(Place(gone)),
        run_pool(Place(gone), "one"),
        pipeline_pool(Place(free)),
    }
    scheduler.set_state(last, "failed")
    scheduler.finish_tasks(last)
    assert tidied(scheduler) == {
        pipeline_pool(Place(DAG_ID)): 3,
        run_pool(Place(DAG_ID), "one"): 3,
        pipeline_pool(Place(other)): 3,
        "sagemaker-run.mine": 1,
    }


def test_a_pool_that_unfinished_tasks_name_stays(scheduler: Scheduler) -> None:
    one = scheduler.make("one", parallelism=3)
    scheduler.start("two", parallelism=3)
    scheduler.make("three")
    assert tidied(scheduler).keys() == {pipeline_pool(Place(DAG_ID)), run_pool(Place(DAG_ID), "two")}
    scheduler.finish_tasks(one)
    assert tidied(scheduler).keys() == {run_pool(Place(DAG_ID), "two")}


class Resumed:
    """A task of a run that waits for a trigger, and comes back from it as in the triggerer."""

    def __init__(self, scheduler: Scheduler, run: Any, task_id: str, classpath: str) -> None:
        from airflow.models.trigger import Trigger

        self.session = scheduler.session
        self.task = run.get_task_instance(task_id, session=self.session)
        trigger = Trigger(classpath=classpath, kwargs={})
        self.session.add(trigger)
        self.session.flush()
        self.trigger_id = trigger.id
        self.task.state, self.task.trigger_id, self.task.next_method = "deferred", trigger.id, "execute_complete"
        self.session.commit()

    def weight(self) -> int:
        self.session.commit()
        self.session.refresh(self.task)
        return int(self.task.priority_weight)

    def fire(self) -> int:
        """The weight of the task whose trigger has an event for it."""
        from airflow.models.trigger import Trigger
        from airflow.triggers.base import TriggerEvent

        Trigger.submit_event(self.trigger_id, TriggerEvent({"end": "ended"}), session=self.session)
        assert self.task.state == "scheduled"
        return self.weight()

    def fail(self) -> int:
        """The weight of the task whose trigger has failed."""
        from airflow.models.trigger import Trigger

        Trigger.submit_failure(self.trigger_id, ValueError("no"), session=self.session)
        assert self.task.state == "scheduled"
        return self.weight()


OURS = "airflow_sm_pipelines.jobs.trigger.JobTrigger"
HEAVY = 1_000_000


@pytest.fixture
def attended(airflow_database: None) -> None:
    """What a component of Airflow does as it starts."""
    from airflow_sm_pipelines.server.resume_priority import attend

    attend()
    attend()


@pytest.mark.usefixtures("attended")
def test_a_step_that_comes_back_is_heavier_than_any_that_is_to_start(scheduler: Scheduler) -> None:
    from airflow.models.taskinstance import clear_task_instances

    run = scheduler.start("one", parallelism=1)
    light, other = Resumed(scheduler, run, "B", OURS), Resumed(scheduler, run, "A", "theirs.Trigger")
    assert (light.weight(), other.weight()) == (1, 2)
    assert light.fire() > HEAVY
    assert other.fail() > HEAVY
    # What a clear makes of it starts anew.
    clear_task_instances([light.task], scheduler.session)
    assert light.weight() == 1


@pytest.mark.usefixtures("attended")
@pytest.mark.parametrize(
    ("pool", "classpath", "comes_first"),
    [
        ("gpus", OURS, True),
        ("gpus", "theirs.Trigger", False),
        ("default_pool", OURS, False),
        ("default_pool", "theirs.Trigger", False),
    ],
)
def test_in_other_pools_steps_come_first_but_not_in_everybodys(
    scheduler: Scheduler, pool: str, classpath: str, comes_first: bool
) -> None:
    run = scheduler.start("one", default_args={"pool": pool})
    assert (Resumed(scheduler, run, "A", classpath).fire() > HEAVY) is comes_first


@pytest.mark.usefixtures("attended")
def test_a_step_whose_trigger_is_not_known_any_more_comes_back_all_the_same(scheduler: Scheduler) -> None:
    from airflow.models.trigger import Trigger, handle_event_submit
    from airflow.triggers.base import TriggerEvent

    run = scheduler.start("one", default_args={"pool": "gpus"})
    waiting = Resumed(scheduler, run, "A", OURS)
    waiting.task.trigger_id = None
    scheduler.session.delete(scheduler.session.get(Trigger, waiting.trigger_id))
    scheduler.session.commit()
    handle_event_submit(TriggerEvent({}), task_instance=waiting.task, session=scheduler.session)
    assert waiting.task.state == "scheduled"
    assert waiting.weight() < HEAVY


@pytest.mark.parametrize("of_dag", [None, 5])
def test_a_run_that_was_given_a_limit_has_a_pool_of_that_size(scheduler: Scheduler, of_dag: int | None) -> None:
    from airflow_sm_pipelines.expressions.given_execution import GivenExecution

    run = scheduler.make("one", parallelism=of_dag)
    run.conf = GivenExecution(max_parallel_execution_steps=2).put_into({})
    scheduler.set_state(run, "running")
    own = run_pool(Place(DAG_ID), "one")
    assert scheduler.pools() == {own: 2, **({} if of_dag is None else {pipeline_pool(Place(DAG_ID)): of_dag})}
    assert scheduler.pools_of(run) == {own}
    # What is cleared has the pool of the Dag, and joins the run's again.
    run.dag.clear(run_id="one", task_ids=["A"], session=scheduler.session)
    scheduler.session.commit()
    assert scheduler.pools_of(run) == {own}
    # Another run has no part in it.
    other = scheduler.start("two", parallelism=of_dag)
    assert own not in scheduler.pools_of(other)
    scheduler.finish_tasks(run)
    scheduler.set_state(run, "success")
    assert own not in scheduler.pools()
