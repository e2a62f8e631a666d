"""What the life of a job has to do with others: jobs that AWS itself names, observers, and the step cache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.jobs.job_run import StepJobRun
from airflow_sm_pipelines.jobs.lifecycle import JobLifecycle, JobWait
from airflow_sm_pipelines.jobs.observers import CachedResult, JobObserver, NoCache
from airflow_sm_pipelines.jobs.record import STORE_KEY, Phase, StepRecord
from airflow_sm_pipelines.jobs.step_lifecycle import Finished
from airflow_sm_pipelines.jobs.step_secrets import Published
from airflow_sm_pipelines.jobs.waiting import WaitEnd
from airflow_sm_pipelines.step_types import STEP_TYPES
from airflow_sm_pipelines.step_types.adapter import JobAdapter
from airflow_sm_pipelines.step_types.job_kind import JobKind
from tests.jobs.doubles import Fault, Task, WorkerDied

CREATE, DESCRIBE = "CreateTrainingJob", "DescribeTrainingJob"
GIVEN = "given-by-aws"


class NamedByAws(JobAdapter):
    """A job whose name AWS gives in the answer to its call, as those of EMR."""

    @property
    @override
    def kind(self) -> JobKind:
        known = self.run.record.identifiers
        return super().kind.bound(describe_params=dict(known)) if known else super().kind

    @override
    def create(self) -> None:
        self.run.client().create_training_job(**{**self.run.request, "TrainingJobName": GIVEN})
        self.run.identify(TrainingJobName=GIVEN)
        self.run.accept()

    @override
    def find(self) -> dict[str, Any] | None:
        return self.run.describe() if self.run.record.submitted else None


@pytest.fixture
def named_by_aws() -> Task:
    return Task(step_type=replace(STEP_TYPES["Training"], adapter=NamedByAws))


def record(task: Task) -> StepRecord:
    return StepRecord.from_json(task.store.values[STORE_KEY])


def waiting(life: JobLifecycle) -> JobWait:
    wait = life.submit_or_adopt()
    assert isinstance(wait, JobWait)
    return wait


def test_what_aws_names_is_on_record_once_it_has_answered(named_by_aws: Task) -> None:
    waiting(named_by_aws.begun())
    kept = record(named_by_aws)
    assert (kept.identifiers, kept.submitted) == ({"TrainingJobName": GIVEN}, True)
    assert kept.job_name != GIVEN


def test_a_later_try_asks_for_a_job_by_what_aws_named(named_by_aws: Task) -> None:
    waiting(named_by_aws.begun())
    named_by_aws.try_number += 1
    life = named_by_aws.begun()
    wait = waiting(life)
    named_by_aws.aws.end()
    assert life.wait(wait)["TrainingJobName"] == GIVEN
    assert named_by_aws.aws.count(CREATE) == 1
    assert {name for called, name in named_by_aws.aws.calls if called == DESCRIBE} == {GIVEN}


def test_a_job_whose_call_was_never_made_is_not_looked_for(named_by_aws: Task) -> None:
    named_by_aws.aws.faults.plan(CREATE, Fault.DEATH_BEFORE)
    with pytest.raises(WorkerDied):
        named_by_aws.begun().submit_or_adopt()
    named_by_aws.try_number += 1
    waiting(named_by_aws.begun())
    assert named_by_aws.aws.count(DESCRIBE) == 0
    assert [*named_by_aws.aws.jobs] == [GIVEN]


class Told(JobObserver):
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    @override
    def job_known(self, run: StepJobRun) -> None:
        self.told.append(f"known {run.record.job_name}")

    @override
    def succeeded(self, run: StepJobRun, result: Mapping[str, Any]) -> None:
        self.told.append(f"succeeded {result['TrainingJobName']}")


def test_observers_are_told_of_the_job_by_each_process_that_knows_it() -> None:
    task = Task()
    first, resumed = Told(), Told()
    life = task.begun()
    life.run.observers = (first,)
    name = waiting(life).job_name
    task.aws.end()
    # The trigger has waited: the task goes on in another process.
    life = task.begun()
    life.run.observers = (resumed,)
    life.resume(WaitEnd.ENDED, "Completed")
    assert first.told == [f"known {name}"]
    assert resumed.told == [f"known {name}", f"succeeded {name}"]


class OneResult(NoCache):
    """A cache with one result, or none yet, for those who have attributes."""

    def __init__(self, attributes: dict[str, str] | None, *, empty: bool = False) -> None:
        self.given = attributes
        self.empty = empty
        self.events: list[str] = []

    @override
    def attributes(self, run: StepJobRun, arguments: Any, scope: Any) -> dict[str, str] | None:
        return self.given

    @override
    def lookup(self, run: StepJobRun) -> CachedResult | None:
        self.events.append("lookup")
        if self.empty:
            return None
        return CachedResult(Published({"TrainingJobName": "old"}, None), {"job_name": "old"}, {"run_id": "r"})

    @override
    def reused(self, found: CachedResult) -> None:
        self.events.append("reused")

    @override
    def store(self, run: StepJobRun, job: Mapping[str, Any], result: Published) -> None:
        self.events.append("stored")


def test_a_cached_result_spares_the_job() -> None:
    task, cache = Task(), OneResult({"step": "digest"})
    outcome = task.begun(cache=cache).submit_or_adopt()
    assert isinstance(outcome, Finished)
    assert outcome.result == {"TrainingJobName": "old"}
    assert (task.aws.calls, cache.events, record(task).phase) == ([], ["lookup", "reused"], Phase.CLOSED)


def test_what_is_not_cached_is_not_looked_for() -> None:
    task, cache = Task(), OneResult(None)
    waiting(task.begun(cache=cache))
    assert (task.aws.count(CREATE), cache.events) == (1, [])


def test_an_attempt_after_a_failure_does_not_ask_the_cache() -> None:
    task, cache = Task(), OneResult({"step": "digest"})
    task.aws.faults.plan(CREATE, Fault.THROTTLED)
    with pytest.raises(StepFailure, match="Throttling"):
        task.begun(cache=OneResult({"step": "digest"}, empty=True)).submit_or_adopt()
    task.store.set(STORE_KEY, record(task).retried_by(0).to_json())
    task.try_number += 1
    waiting(task.begun(cache=cache))
    assert cache.events == []
