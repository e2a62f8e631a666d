"""Which deaths of a Callback step its workers are told of, and that they are told once."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import get_current_context
from cryptography.fernet import Fernet
from msgspec.structs import replace

from airflow_sm_pipelines.callbacks.lifecycle import CallbackRun
from airflow_sm_pipelines.callbacks.message import AnswerState
from airflow_sm_pipelines.server.orphan_sweep import sweep
from tests.runs.adapters import before_the_callback_waits, lose_the_first_callback_try
from tests.runs.harness import Airflow, Run, pipeline
from tests.runs.lost_tries import MINUTE, change_task, rewrite, stored_record
from tests.runs.test_callback import OPTION, answering, callback, sent
from tests.runs.workers import make_queue, worker


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment that encrypts, and that waits for no lost answer for seven days."""
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    monkeypatch.setenv(f"{OPTION}CALLBACK_TIMEOUT", "3600")


@pytest.fixture
def work(airflow: Airflow) -> str:
    """The queue of the steps' messages."""
    return make_queue(airflow.endpoint, "work")


@pytest.fixture
def replies(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> str:
    """The reply queue."""
    url = make_queue(airflow.endpoint, "replies")
    monkeypatch.setenv(f"{OPTION}CALLBACK_REPLY_QUEUE_URL", url)
    return url


LOST = ["running", "queued", "up_for_retry", "restarting", None]


def kill_in_state(monkeypatch: pytest.MonkeyPatch, state: str | None) -> None:
    """Let Airflow kill the waiting task, in its own process, while the server has it in a state."""

    def be_killed(run: CallbackRun) -> None:
        task: Any = get_current_context()["task"]
        change_task(run.task.run_id, state=state)
        task.on_kill()
        change_task(run.task.run_id, state="running")

    before_the_callback_waits(monkeypatch, be_killed)


def lose_every_try(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Let tries die as they begin to wait, and none follow; gives the records as they are then."""
    left: list[dict[str, Any]] = []

    def die(run: CallbackRun) -> None:
        left.append(stored_record(run.task.run_id))
        raise OSError("this try is lost")

    before_the_callback_waits(monkeypatch, die)
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__MAX_LOST_TRIES", "0")
    return left


def clear_the_first_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a user clear the task as its first try begins to wait, and the next one start at once."""
    lose_the_first_callback_try(monkeypatch, lambda run: change_task(run.task.run_id, max_tries=run.task.max_tries + 1))


@pytest.mark.parametrize("state", LOST)
def test_a_try_that_is_lost_leaves_its_message_to_the_next_one(
    airflow: Airflow,
    work: str,
    replies: str,
    monkeypatch: pytest.MonkeyPatch,
    state: str | None,
) -> None:
    kill_in_state(monkeypatch, state)
    with worker(airflow.endpoint, work, answering(airflow.endpoint, replies)):
        run = airflow.run(pipeline(callback("Ask", work)), deferrable=False)
    assert run.state == "success"
    assert [message["status"] for message in sent(airflow, work)] == ["Executing"]


def test_a_task_that_has_ended_tells_its_workers(
    airflow: Airflow,
    work: str,
    replies: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kill_in_state(monkeypatch, "failed")
    monkeypatch.setenv(f"{OPTION}CALLBACK_TIMEOUT", "1")
    airflow.run(pipeline(callback("Ask", work)), deferrable=False)
    first, second = sent(airflow, work)
    assert (first["status"], second) == ("Executing", {**first, "status": "Stopping"})


@pytest.mark.parametrize("deferrable", [True, False], ids=["deferrable", "synchronous"])
def test_the_next_try_of_a_cleared_task_takes_the_message_back(
    airflow: Airflow,
    work: str,
    replies: str,
    deferrable: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clear_the_first_try(monkeypatch)
    answer, tokens = answering(airflow.endpoint, replies, n="1"), set()

    def answer_the_second(message: dict[str, Any]) -> None:
        tokens.add(message["token"])
        if len(tokens) == 2:
            answer(message)

    with worker(airflow.endpoint, work, answer_the_second):
        run = airflow.run(pipeline(callback("Ask", work, {"n": "Integer"})), deferrable=deferrable)
    assert run.state == "success"
    first, taken_back, second = sent(airflow, work)
    assert taken_back == {**first, "status": "Stopping"}
    assert (second["status"], second["token"] != first["token"]) == ("Executing", True)


def key(run: Run) -> str:
    """The key of the mailbox of a run's last message."""
    return f"sagemaker_callback_{stored_record(run.run_id)['job_name']}"


def letter(run: Run) -> AnswerState:
    """What that mailbox holds."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session(scoped=False) as session:
        text = session.scalar(select(XComModel.value).filter_by(run_id=run.run_id, key=key(run)))
    found = AnswerState.found_in(text)
    assert found is not None
    return found


@pytest.fixture
def lost(airflow: Airflow, work: str, replies: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run whose task was marked failed while nobody was there to tell the workers."""
    left = lose_every_try(monkeypatch)
    run = airflow.run(pipeline(callback("Ask", work, Arguments={"a": 1.5})))
    rewrite(run, "failed", MINUTE, **left[0])
    return run


def test_the_sweep_tells_the_workers_of_a_task_that_ended_without_a_word(
    airflow: Airflow,
    lost: Run,
    work: str,
) -> None:
    sweep()
    first, second = sent(airflow, work)
    assert second == {**first, "status": "Stopping"}
    assert letter(lost).state == "stopping"
    assert (stored_record(lost.run_id)["phase"], stored_record(lost.run_id)["job"]) == ("delivered", {})
    sweep()
    assert len(sent(airflow, work)) == 2


def test_a_message_that_cannot_be_sent_is_sent_by_the_next_sweep(
    airflow: Airflow,
    lost: Run,
    work: str,
) -> None:
    airflow.endpoint.add_fault("sqs", "SendMessage", times=1, error={"code": "AccessDenied", "status": 403})
    sweep()
    assert letter(lost).state == "waiting"
    sweep()
    statuses = [message["status"] for message in sent(airflow, work)]
    assert statuses == ["Executing", "Stopping", "Stopping"]
    assert letter(lost).state == "stopping"


@pytest.mark.parametrize("state", ["stopping", "answered"])
def test_the_sweep_tells_nobody_twice(airflow: Airflow, lost: Run, work: str, state: str) -> None:
    from airflow.models.xcom import XComModel

    XComModel.set(
        key(lost),
        replace(letter(lost), state=state).to_text(),
        dag_id=lost.dag_id,
        task_id="Ask",
        run_id=lost.run_id,
        serialize=False,
    )
    sweep()
    assert len(sent(airflow, work)) == 1
    assert stored_record(lost.run_id)["phase"] == "delivered"


def test_the_sweep_finds_a_mailbox_that_a_try_has_emptied(airflow: Airflow, lost: Run, work: str) -> None:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    with create_session(scoped=False) as session:
        session.execute(delete(XComModel).where(XComModel.run_id == lost.run_id))
    sweep()
    assert [message["status"] for message in sent(airflow, work)] == ["Executing", "Stopping"]
    assert letter(lost).state == "stopping"
