"""Execution ids, job names, times, and the write-ahead record."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from airflow_sm_pipelines.cache.store import cache_asset
from airflow_sm_pipelines.expressions.identity import execution_id, iso_time, job_name, new_token, pipeline_name
from airflow_sm_pipelines.jobs.record import Phase, StepRecord, TryFacts
from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.pools import pipeline_pool, place_of, run_pool

FACTS = TryFacts(definition_digest="d1", max_tries=13, try_number=1, now=1000.0)


def test_the_execution_id_is_stable_and_well_formed() -> None:
    assert execution_id(Place("abalone"), "manual__1") == execution_id(Place("abalone"), "manual__1")
    assert execution_id(Place("abalone"), "manual__1") != execution_id(Place("abalone"), "manual__2")
    assert execution_id(Place("a"), "b__c") != execution_id(Place("ab"), "__c")
    for number in range(200):
        assert re.fullmatch(r"[a-z0-9]{12}", execution_id(Place("abalone"), f"run {number}"))


def test_each_pipeline_of_a_dag_has_names_of_its_own() -> None:
    dag, group, nested, dotted = Place("a"), Place("a", "b"), Place("a", "b.c"), Place("a.b")
    places = [dag, group, nested, dotted, Place("a.b", "c")]
    assert len({execution_id(place, "run") for place in places}) == len(places)
    assert len({pipeline_pool(place) for place in places}) == len(places)
    assert len({cache_asset(place).uri for place in places}) == len(places)
    assert [place.task("Train") for place in places] == ["Train", "b.Train", "b.c.Train", "Train", "c.Train"]
    assert pipeline_name(nested) == "a-b-c"
    # By the scheduler, from what the task names.
    for place in places:
        assert place_of(place.dag_id, place.task("Loop.Train"), pipeline_pool(place)) == place
    assert place_of("a", "b.Train", pipeline_pool(nested)) is None


def test_a_dag_that_is_a_pipeline_keeps_its_names() -> None:
    abalone = Place("abalone")
    assert execution_id(abalone, "manual__1") == "d1rj7qnuhsoo"
    assert run_pool(abalone, "manual__1") == "sagemaker-run.abalone.d1rj7qnuhsoo"
    assert cache_asset(abalone).uri == "x-sagemaker-step-cache://abalone/"


def test_tokens_do_not_repeat() -> None:
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(re.fullmatch(r"[a-z0-9]{10}", token) for token in tokens)


@pytest.mark.parametrize(
    ("dag_id", "name"), [("My_Pipe.v2", "My-Pipe-v2"), ("-a-", "a"), ("__", "pipeline"), ("abalone", "abalone")]
)
def test_pipeline_names(dag_id: str, name: str) -> None:
    assert pipeline_name(Place(dag_id)) == name


@pytest.mark.parametrize(
    ("step", "failures", "prefix", "limit", "name", "was_cut"),
    [
        ("Train", 0, None, 63, "pipelines-exec12345678-Train-tokentoken", False),
        ("Train_the_big_model_of_all", 2, None, 63, "pipelines-exec12345678-Train-the-big-model-tokentoken-2", False),
        ("Train", 0, "mine", 63, "mine-exec12345678-tokentoken", False),
        ("Train", 1, "mine", 63, "mine-exec12345678-tokentoken-1", False),
        ("Train", 0, "p" * 38, 63, "p" * 38 + "-exec12345678-tokentoken", False),
        ("Train", 0, "p" * 45, 63, "p" * 39 + "-exec12345678-tokentoken", True),
        ("Tune", 0, None, 32, "tokentoken-Tune", False),
        ("Tune_the_big_model_of_all", 3, None, 32, "tokentoken-Tune-the-big-model-3", False),
        ("Tune", 0, "tuning-jobs", 32, "tuning-j-exec12345678-tokentoken", True),
    ],
)
def test_job_names(step: str, failures: int, prefix: str | None, limit: int, name: str, was_cut: bool) -> None:
    made, cut = job_name("exec12345678", step, "tokentoken", failures, limit=limit, prefix=prefix)
    assert (made, cut) == (name, was_cut)
    assert len(made) <= limit


def test_times_are_utc_with_milliseconds() -> None:
    assert iso_time(datetime(2026, 11, 21, 4, 5, 6, 789999, UTC)) == "2026-11-21T04:05:06.789Z"
    assert iso_time(datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))) == "2025-12-31T23:00:00.000Z"


def started() -> StepRecord:
    return replace(StepRecord.begin(None, FACTS), job_name="job")


def test_the_first_try_begins_a_record() -> None:
    record = StepRecord.begin(None, FACTS)
    assert (record.phase, record.attempt, record.job_name, record.active_try) == (Phase.SUBMITTING, 1, "", 1)
    assert record.started_at == record.evaluated_at == 1000.0


def test_a_deferred_try_that_comes_back_goes_on_as_it_was() -> None:
    record = started()
    assert StepRecord.begin(record, replace(FACTS, now=2000.0)) == record


def test_a_try_after_a_dead_worker_keeps_the_job_and_counts_the_death() -> None:
    first = started()
    second = StepRecord.begin(first, replace(FACTS, try_number=2, now=2000.0))
    assert second == replace(first, active_try=2, lost_tries=1)
    third = StepRecord.begin(second, replace(FACTS, try_number=3))
    assert third.lost_tries == 2


def test_a_try_after_a_lost_reply_keeps_the_job_and_counts_no_death() -> None:
    said_how_it_ended = replace(started(), active_try=None)
    record = StepRecord.begin(said_how_it_ended, replace(FACTS, try_number=2))
    assert (record.job_name, record.lost_tries) == ("job", 0)


def test_a_failed_attempt_that_no_policy_was_asked_about_is_looked_at_again() -> None:
    """Its try died between the failure's record and the retry policies' answer."""
    first = started()
    failed = replace(first, phase=Phase.FAILED, failures=1)
    assert StepRecord.begin(failed, replace(FACTS, try_number=2)) == replace(first, active_try=2, lost_tries=1)


def test_a_failed_attempt_whose_own_try_comes_back_is_looked_at_again() -> None:
    first = started()
    assert StepRecord.begin(replace(first, phase=Phase.FAILED, failures=1), FACTS) == first


def test_a_try_after_a_failed_attempt_takes_a_new_name() -> None:
    failed = replace(started(), phase=Phase.FAILED, failures=1, active_try=None, policy_retries={"0": 1})
    record = StepRecord.begin(failed, replace(FACTS, try_number=2, now=2000.0, definition_digest="d2"))
    assert (record.job_name, record.attempt, record.phase) == ("", 2, Phase.SUBMITTING)
    assert record.token != failed.token
    assert record.policy_retries == {"0": 1}
    assert (record.started_at, record.evaluated_at, record.definition_digest) == (1000.0, 2000.0, "d2")


@pytest.mark.parametrize(
    ("stored", "facts"),
    [
        (replace(started(), phase=Phase.CLOSED, active_try=None), replace(FACTS, try_number=2, max_tries=14)),
        (
            replace(started(), phase=Phase.CLOSED, active_try=None),
            replace(FACTS, try_number=2, definition_digest="d2"),
        ),
        # Airflow raises max_tries when a user clears a task, even while it runs.
        (started(), replace(FACTS, try_number=2, max_tries=14)),
        (
            replace(started(), phase=Phase.FAILED, failures=3, active_try=None),
            replace(FACTS, try_number=5, max_tries=17),
        ),
        (replace(started(), given_up=True, active_try=None), replace(FACTS, try_number=2, max_tries=14)),
        (replace(started(), given_up=True, active_try=None), replace(FACTS, try_number=2, definition_digest="d2")),
    ],
    ids=[
        "delivered",
        "delivered by another definition",
        "cleared while running",
        "cleared after failing",
        "given up",
        "given up by another definition",
    ],
)
def test_a_cleared_task_begins_anew(stored: StepRecord, facts: TryFacts) -> None:
    record = StepRecord.begin(stored, facts)
    assert record.token != stored.token
    assert (record.job_name, record.attempt, record.lost_tries, record.policy_retries) == ("", 1, 0, {})


def test_a_try_that_died_after_its_job_was_done_leaves_the_job_to_the_next() -> None:
    delivered = replace(started(), phase=Phase.CLOSED, active_try=None)
    record = StepRecord.begin(delivered, replace(FACTS, try_number=2))
    assert (record.job_name, record.phase, record.lost_tries) == ("job", Phase.SUBMITTING, 1)


def test_a_try_that_died_after_it_had_given_its_job_up_leaves_the_job_to_the_next() -> None:
    first = started()
    given_up = first.failed_for_good()
    assert (given_up.phase, given_up.given_up, given_up.active_try) == (Phase.SUBMITTING, True, None)
    assert StepRecord.begin(given_up, replace(FACTS, try_number=2)) == replace(first, active_try=2, lost_tries=1)


def test_a_try_that_died_after_it_had_failed_for_good_has_its_failure_counted_once() -> None:
    first = started()
    ended = first.failed(1).failed_for_good()
    assert (ended.is_closed, ended.may_have_job, ended.failures) == (True, False, 1)
    again = StepRecord.begin(ended, replace(FACTS, try_number=2))
    assert (again.job_name, again.phase, again.failures, again.lost_tries) == ("job", Phase.SUBMITTING, 0, 1)


def test_a_record_survives_its_json_form() -> None:
    record = replace(started(), phase=Phase.FAILED, policy_retries={"1": 2})
    assert StepRecord.from_json(record.to_json()) == record
    with pytest.raises(TypeError):
        StepRecord.from_json("text")
