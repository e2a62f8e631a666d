"""The life of a Callback step without Airflow: what a try does, by what is on record, what AWS says, and what befalls
its calls. That Airflow calls in these ways is shown by tests/runs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.fernet import Fernet
from msgspec.structs import replace

from airflow_sm_pipelines.aws.failures import ExceptionType, JobUnreachable, StepFailure
from airflow_sm_pipelines.callbacks.lifecycle import CallbackLifecycle, CallbackRun, MessageWait
from airflow_sm_pipelines.callbacks.message import Answer, AnswerSlot, AnswerState, digest_of
from airflow_sm_pipelines.callbacks.reply import Reply
from airflow_sm_pipelines.callbacks.store import CallbackStore
from airflow_sm_pipelines.callbacks.waiting import CallbackEnd, CallbackEvent, SlotUnreadableError
from airflow_sm_pipelines.definition.model import Step
from airflow_sm_pipelines.jobs.record import STORE_KEY, Phase, StepRecord
from airflow_sm_pipelines.jobs.step_lifecycle import Finished
from airflow_sm_pipelines.jobs.step_run import LostTriesExceeded, StepKilled, StepParts, StepTimedOut, TaskTry
from airflow_sm_pipelines.step_types import STEP_TYPES
from airflow_sm_pipelines.step_types.stop_target import MessageTarget, read_stop_target
from tests.expressions.scope import FixedScope
from tests.jobs.doubles import LOG, SETTINGS, FakeClock, FakeOutput, FakeStore, Fault, Faults, WorkerDied

SEND, DELETE = "SendMessage", "DeleteMessage"
QUEUE, REPLIES = "https://sqs/work", "https://sqs/replies"
STEP = Step(
    "Approve",
    "Callback",
    ((None, "Steps"), 0),
    arguments={"model": "m"},
    settings={"SqsQueueUrl": QUEUE, "OutputParameters": ({"OutputName": "n", "OutputType": "Integer"},)},
)
YES = Answer("Success", {"n": "1"})
EXPIRED = CallbackEvent(CallbackEnd.EXPIRED)
ANSWERED = CallbackEvent(CallbackEnd.ANSWERED)


class FakeQueues:
    """AWS with SQS alone: the messages that were sent, and the handles of those that were deleted."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.deleted: list[str] = []
        self.faults = Faults()

    def client(self, service: str) -> FakeQueues:
        assert service == "sqs"
        return self

    def client_calling_once(self, service: str) -> FakeQueues:
        return self.client(service)

    def renewed(self) -> FakeQueues:
        return self

    def to_json(self) -> dict[str, Any]:
        return {"aws_conn_id": "aws_default", "region_name": None, "verify": None, "botocore_config": None}

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> Any:  # noqa: N803 # the API's
        assert QueueUrl == QUEUE
        return self.faults.around(SEND, lambda: self.bodies.append(json.loads(MessageBody)))

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> Any:  # noqa: N803 # the API's
        assert QueueUrl == REPLIES
        return self.faults.around(DELETE, lambda: self.deleted.append(ReceiptHandle))

    @property
    def statuses(self) -> list[str]:
        return [body["status"] for body in self.bodies]

    @property
    def tokens(self) -> list[str]:
        return [body["token"] for body in self.bodies]


class FakePost:
    """The mailboxes of a task; a look at them can fail as calls do not: Airflow does not answer."""

    def __init__(self) -> None:
        self.slots: dict[str, AnswerState] = {}
        self.replies: dict[str, Reply] = {}
        self.unanswered_looks = 0

    def leave(self, slot: AnswerSlot, answer_state: AnswerState) -> None:
        self.slots[slot.digest] = answer_state

    async def look(self, slot: AnswerSlot) -> Any:
        if self.unanswered_looks:
            self.unanswered_looks -= 1
            raise SlotUnreadableError("no answer")
        return self.slots[slot.digest].to_text()

    def reply_left(self, slot: AnswerSlot) -> Reply | None:
        return self.replies.get(slot.digest)


@dataclass(frozen=True)
class Scope(FixedScope):
    execution_arn: str = "arn:execution"


@dataclass
class Task:
    """A task with one Callback step, as Airflow keeps it from one try to the next."""

    aws: FakeQueues = field(default_factory=FakeQueues)
    store: FakeStore = field(default_factory=FakeStore)
    post: FakePost = field(default_factory=FakePost)
    output: FakeOutput = field(default_factory=FakeOutput)
    clock: FakeClock = field(default_factory=FakeClock)
    try_number: int = 1
    max_tries: int = 3

    def begun(self) -> CallbackLifecycle:
        """The life of a new try, whose message is resolved."""
        pipeline: Any = SimpleNamespace(name="p", graph=SimpleNamespace(watched=frozenset()), digest="digest")
        aws: Any = self.aws
        scope: Any = Scope()
        run = CallbackRun(
            TaskTry("dag", "run", "Approve", -1, self.try_number, self.max_tries),
            StepParts(
                STEP,
                STEP_TYPES["Callback"],
                pipeline,
                replace(SETTINGS, callback_reply_queue_url=REPLIES),
                None,
                LOG,
            ),
            aws=aws,
            store=self.store,
            output=self.output,
            clock=self.clock,
        )
        life = CallbackLifecycle(run, self.post)
        life.begin()
        life.resolve(scope)
        return life

    def sent(self) -> CallbackLifecycle:
        """A try that has sent its message and is to wait for the answer."""
        life = self.begun()
        assert isinstance(life.submit_or_adopt(), MessageWait)
        return life

    def next_try(self) -> CallbackLifecycle:
        self.try_number += 1
        return self.begun()

    def clear(self) -> None:
        """What a user's clear changes: the tries are counted from here on."""
        self.max_tries = self.try_number + 3

    @property
    def record(self) -> StepRecord:
        return StepRecord.from_json(self.store.values[STORE_KEY])

    @property
    def slot(self) -> AnswerState:
        """What is in the one mailbox there is."""
        [state] = self.post.slots.values()
        return state

    def answer(self, answer: Answer = YES) -> None:
        """The endpoint takes an answer to the last message, and leaves it in its slot."""
        digest = digest_of(self.aws.tokens[-1])
        self.post.slots[digest] = replace(self.post.slots[digest], state="answered", answer=answer)


@pytest.fixture
def task() -> Task:
    return Task()


# Send -----------------------------------------------------------------------------------------------------------


def test_record_and_slot_are_there_before_the_message(task: Task) -> None:
    task.aws.faults.plan(SEND, Fault.DEATH_BEFORE)
    with pytest.raises(WorkerDied):
        task.begun().submit_or_adopt()
    assert (task.record.phase, task.aws.bodies, task.slot.state) == (Phase.SUBMITTING, [], "waiting")
    kept = CallbackStore(task.store).message(task.record.token)
    assert kept is not None
    assert (kept.digest, kept.sent_at) == (task.record.job_name, None)
    assert isinstance(read_stop_target(task.record.stop_target), MessageTarget)


def test_the_message_has_a_token_of_its_own(task: Task) -> None:
    task.sent()
    [body] = task.aws.bodies
    token = body.pop("token")
    assert body == {"pipelineExecutionArn": "arn:execution", "arguments": {"model": "m"}, "status": "Executing"}
    assert list(task.post.slots) == [digest_of(token)]
    assert token not in json.dumps(task.store.values[STORE_KEY])


@pytest.mark.parametrize(
    ("fault", "exception_type", "phase"),
    [
        (Fault.THROTTLED, ExceptionType.THROTTLING, Phase.FAILED),
        (Fault.DENIED, None, Phase.FAILED),
        # The call may have taken effect: the attempt stays open.
        (Fault.FAULTY, ExceptionType.SERVICE_FAULT, Phase.SUBMITTING),
    ],
)
def test_a_message_that_is_refused(
    task: Task, fault: Fault, exception_type: ExceptionType | None, phase: Phase
) -> None:
    task.aws.faults.plan(SEND, fault)
    with pytest.raises(StepFailure, match="sqs:SendMessage was refused") as failed:
        task.begun().submit_or_adopt()
    assert (failed.value.exception_type, failed.value.outcome_unknown) == (exception_type, phase is Phase.SUBMITTING)
    assert (task.record.phase, task.record.failures) == (phase, int(phase is Phase.FAILED))


@pytest.mark.parametrize(("fault", "sent"), [(Fault.LOST_BEFORE, 1), (Fault.LOST_AFTER, 2)])
def test_a_message_whose_reply_was_lost_is_sent_again_with_its_token(task: Task, fault: Fault, sent: int) -> None:
    task.aws.faults.plan(SEND, fault)
    task.sent()
    assert (len(task.aws.tokens), len(set(task.aws.tokens))) == (sent, 1)
    assert (task.record.failures, task.record.lost_tries) == (0, 0)


def test_where_no_reply_comes_the_try_is_lost_and_the_next_sends_the_same_message(task: Task) -> None:
    task.aws.faults.plan(SEND, *[Fault.LOST_AFTER] * 100)
    life = task.begun()
    life.run.settings = replace(SETTINGS, poll_interval=30.0, poll_interval_max=300.0)
    with pytest.raises(JobUnreachable):
        life.submit_or_adopt()
    assert (task.record.phase, task.record.failures) == (Phase.SUBMITTING, 0)
    task.aws.faults.planned.clear()
    assert isinstance(task.next_try().submit_or_adopt(), MessageWait)
    assert len(set(task.aws.tokens)) == 1


# Adopt ----------------------------------------------------------------------------------------------------------


def test_a_message_that_is_on_record_as_sent_is_sent_once(task: Task, caplog: pytest.LogCaptureFixture) -> None:
    task.sent()
    caplog.set_level("INFO")
    task.next_try().submit_or_adopt()
    assert task.aws.statuses == ["Executing"]
    assert "Going on with the token of an earlier try" in caplog.text


@pytest.mark.parametrize(("fault", "sent"), [(Fault.DEATH_BEFORE, 1), (Fault.DEATH_AFTER, 2)])
def test_a_message_that_nobody_knows_to_be_sent_is_sent_with_its_token(task: Task, fault: Fault, sent: int) -> None:
    task.aws.faults.plan(SEND, fault)
    with pytest.raises(WorkerDied):
        task.begun().submit_or_adopt()
    task.next_try().submit_or_adopt()
    assert (len(task.aws.tokens), len(set(task.aws.tokens))) == (sent, 1)
    assert task.record.lost_tries == 1


@pytest.mark.parametrize("write", range(3))
@pytest.mark.parametrize("fault", [Fault.DEATH_BEFORE, Fault.DEATH_AFTER])
def test_a_death_around_any_write_leaves_one_token(task: Task, write: int, fault: Fault) -> None:
    task.store.faults.plan("set", *[None] * write, fault)
    with pytest.raises(WorkerDied):
        task.begun().submit_or_adopt()
    task.next_try().submit_or_adopt()
    assert len(set(task.aws.tokens)) == 1


def test_a_message_of_another_key_fails_the_step(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    task.sent()
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    with pytest.raises(StepFailure, match="its message on record cannot be read"):
        task.next_try().submit_or_adopt()
    assert task.aws.statuses == ["Executing"]


def test_too_many_lost_tries_take_the_message_back(task: Task) -> None:
    task.sent()
    task.store.values[STORE_KEY] = replace(task.record, lost_tries=9).to_json()
    with pytest.raises(LostTriesExceeded):
        task.next_try().submit_or_adopt()
    assert (task.aws.statuses, task.slot.state) == (["Executing", "Stopping"], "stopping")


# Answer ---------------------------------------------------------------------------------------------------------


def wait_in_worker(task: Task) -> Finished | MessageWait:
    # Waiting goes by the real clock.
    task.clock.now = time.time()
    life = task.begun()
    wait = life.submit_or_adopt()
    assert isinstance(wait, MessageWait)
    task.answer()
    return life.wait(MessageWait(replace(wait.wait, reply_queue_url=None), wait.message))


@pytest.mark.parametrize("unanswered_looks", [0, 3])
def test_the_answer_in_the_slot_is_the_result(task: Task, unanswered_looks: int) -> None:
    task.post.unanswered_looks = unanswered_looks
    assert wait_in_worker(task) == Finished({"OutputParameters": {"n": 1}})
    assert (task.record.phase, task.record.stop_target) == (Phase.CLOSED, {})


def test_a_failure_that_was_answered_fails_the_step(task: Task) -> None:
    life = task.sent()
    with pytest.raises(StepFailure, match="answered with a failure: too cold") as failed:
        life.resume(CallbackEvent(CallbackEnd.ANSWERED, Answer("Failure", failure_reason="too cold")))
    assert failed.value.exception_type is None
    assert task.record.phase is Phase.FAILED


def test_outputs_that_are_not_as_declared_fail_the_step(task: Task) -> None:
    with pytest.raises(StepFailure, match="n"):
        task.sent().resume(CallbackEvent(CallbackEnd.ANSWERED, Answer("Success", {"n": "many"})))


def leave_reply(task: Task, outputs: Mapping[str, str]) -> None:
    """The task's trigger has found an answer in the reply queue."""
    task.post.replies[digest_of(task.aws.tokens[-1])] = Reply(Answer("Success", outputs), "handle")


def test_an_answer_of_the_queue_is_on_record_before_its_message_is_deleted(task: Task) -> None:
    life = task.sent()
    leave_reply(task, {"n": "2"})
    task.aws.faults.plan(DELETE, Fault.DEATH_BEFORE)
    with pytest.raises(WorkerDied):
        life.resume(ANSWERED)
    assert task.aws.deleted == []
    assert task.next_try().submit_or_adopt() == Finished({"OutputParameters": {"n": 2}})
    assert task.aws.statuses == ["Executing"]


def test_an_answer_of_the_queue_is_deleted_when_it_is_taken(task: Task) -> None:
    life = task.sent()
    leave_reply(task, {"n": "2"})
    assert life.resume(ANSWERED) == Finished({"OutputParameters": {"n": 2}})
    assert task.aws.deleted == ["handle"]


def test_an_answer_that_cannot_be_deleted_counts(task: Task, caplog: pytest.LogCaptureFixture) -> None:
    life = task.sent()
    leave_reply(task, {"n": "2"})
    task.aws.faults.plan(DELETE, Fault.DENIED)
    assert isinstance(life.resume(ANSWERED), Finished)
    assert "stays in the reply queue" in caplog.text


@pytest.mark.parametrize("event", [ANSWERED, EXPIRED, CallbackEvent(CallbackEnd.TIMED_OUT)])
def test_the_answer_that_its_worker_was_told_to_count_does(task: Task, event: CallbackEvent) -> None:
    """The endpoint puts it on record, also when the time is over or the queue has another one."""
    life = task.sent()
    CallbackStore(task.store).put_answer(life.sent.digest, YES)
    leave_reply(task, {"n": "2"})
    assert life.resume(event) == Finished({"OutputParameters": {"n": 1}})


def test_an_answer_that_is_lost_is_waited_for_again(task: Task, caplog: pytest.LogCaptureFixture) -> None:
    """A clear of another task may have emptied the slot since the trigger saw it."""
    assert isinstance(task.sent().resume(ANSWERED), MessageWait)
    assert task.aws.statuses == ["Executing"]
    assert "it is waited for again" in caplog.text


def test_no_answer_in_time_fails_the_step(task: Task) -> None:
    with pytest.raises(StepFailure, match="no answer came within 60 s"):
        task.sent().resume(EXPIRED)
    assert task.record.phase is Phase.FAILED


def test_a_reply_queue_that_cannot_be_read_fails_the_step(task: Task) -> None:
    with pytest.raises(StepFailure, match="cannot be read: AccessDenied"):
        task.sent().resume(CallbackEvent(CallbackEnd.UNREADABLE, seen="AccessDenied"))


def test_the_time_out_is_told_and_the_message_taken_back_by_the_kill_that_follows(task: Task) -> None:
    life = task.sent()
    with pytest.raises(StepTimedOut, match="no answer came"):
        life.resume(CallbackEvent(CallbackEnd.TIMED_OUT))
    assert task.aws.statuses == ["Executing"]
    life.kill()
    assert task.aws.statuses == ["Executing", "Stopping"]


# Kill -----------------------------------------------------------------------------------------------------------


def test_a_kill_takes_the_message_back_and_ends_the_try(task: Task) -> None:
    life = task.sent()
    life.kill()
    assert task.aws.statuses == ["Executing", "Stopping"]
    assert len(set(task.aws.tokens)) == 1
    assert task.slot == AnswerState("arn:execution", "stopping")
    with pytest.raises(StepKilled):
        life.resume(ANSWERED)


def test_the_slot_says_so_before_the_workers_are_told(task: Task) -> None:
    """They may answer at once, and are not to be refused."""
    life = task.sent()
    task.aws.faults.plan(SEND, Fault.DEATH_BEFORE)
    with pytest.raises(WorkerDied):
        life.kill()
    assert (task.aws.statuses, task.slot.state) == (["Executing"], "stopping")


def test_a_kill_before_the_message_is_on_record_tells_nobody(task: Task) -> None:
    task.begun().kill()
    assert (task.aws.bodies, task.post.slots) == ([], {})


def test_workers_who_cannot_be_told_are_logged(task: Task, caplog: pytest.LogCaptureFixture) -> None:
    life = task.sent()
    task.aws.faults.plan(SEND, Fault.DENIED)
    life.kill()
    assert "could not be told that the step is stopping" in caplog.text
    assert task.record.may_have_job


def test_an_orderly_shutdown_is_no_lost_try(task: Task) -> None:
    task.sent().run.record_interruption()
    task.next_try().submit_or_adopt()
    assert (task.record.lost_tries, task.aws.statuses) == (0, ["Executing"])


# A user's clear -------------------------------------------------------------------------------------------------


def test_a_cleared_task_takes_the_old_message_back_and_sends_a_new_one(task: Task) -> None:
    task.sent()
    task.clear()
    assert isinstance(task.next_try().submit_or_adopt(), MessageWait)
    assert task.aws.statuses == ["Executing", "Stopping", "Executing"]
    old, told, new = task.aws.tokens
    assert old == told != new
    assert [state.state for state in task.post.slots.values()] == ["stopping", "waiting"]


def test_a_cleared_task_tells_nobody_who_has_answered(task: Task) -> None:
    CallbackStore(task.store).put_answer(task.sent().sent.digest, YES)
    task.clear()
    task.next_try().submit_or_adopt()
    assert task.aws.statuses == ["Executing", "Executing"]


def test_an_old_message_that_cannot_be_taken_back_keeps_no_new_try_from_beginning(
    task: Task, caplog: pytest.LogCaptureFixture
) -> None:
    task.sent()
    task.clear()
    task.aws.faults.plan(SEND, Fault.DENIED)
    assert isinstance(task.next_try().submit_or_adopt(), MessageWait)
    assert "could not be told that the step is stopping" in caplog.text
