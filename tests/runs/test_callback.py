"""Callback steps by the reply queue: the message, typed outputs, shared queues, time-outs, failures and the kill."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.operators.callback import CallbackStepOperator, XComPost
from tests.runs import time_limits
from tests.runs.adapters import lose_the_first_result
from tests.runs.harness import Airflow, get, pipeline, training
from tests.runs.records import records
from tests.runs.workers import make_queue, send, take, worker

OPTION = "AIRFLOW__SAGEMAKER_PIPELINES__"


def callback(name: str, url: Any, outputs: dict[str, str] | None = None, **members: Any) -> dict[str, Any]:
    declared = [{"OutputName": output, "OutputType": kind} for output, kind in (outputs or {}).items()]
    return {
        "Name": name,
        "Type": "Callback",
        "SqsQueueUrl": url,
        "Arguments": {},
        "OutputParameters": declared,
        **members,
    }


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment that encrypts, and that waits for no lost answer for seven days."""
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    monkeypatch.setenv(f"{OPTION}CALLBACK_TIMEOUT", "3600")


@pytest.fixture(params=[True, False], ids=["deferrable", "synchronous"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


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


def answering(endpoint: LocalEndpoint, replies: str, **outputs: Any) -> Callable[[dict[str, Any]], None]:
    """A worker's code that answers each message with these outputs."""
    parameters = [{"Name": name, "Value": value} for name, value in outputs.items()]

    def answer(message: dict[str, Any]) -> None:
        reply = {"token": message["token"], "status": "Success", "OutputParameters": parameters}
        send(endpoint, replies, reply)

    return answer


def sent(airflow: Airflow, url: str) -> list[dict[str, Any]]:
    """The messages that were sent to a queue."""
    requests = airflow.endpoint.requests("sqs", "SendMessage")
    return [json.loads(r.parameters["MessageBody"]) for r in requests if r.parameters["QueueUrl"] == url]


def test_the_message_has_the_services_form_and_the_outputs_are_typed(
    airflow: Airflow, work: str, replies: str, deferrable: bool
) -> None:
    step = callback(
        "Approve",
        {"Std:Join": {"On": "", "Values": [work]}},
        {"decision": "String", "score": "Float", "count": "Integer", "ok": "Boolean"},
        Arguments={
            "s": "{{ x }}",
            "i": 1,
            "f": 1.5,
            "b": True,
            "p": get("Parameters.P"),
            "nested": {"list": [1, None], "none": None},
            "nothing": None,
            "arn": get("Execution.PipelineExecutionArn"),
        },
    )
    told = {name: {"Std:Join": {"On": "", "Values": [get(f"Steps.Approve.OutputParameters['{name}']")]}}
            for name in ("decision", "score", "count", "ok")}  # fmt: skip
    after = training("After", Arguments={"HyperParameters": told})
    values = {"decision": "yes", "score": "0.5", "count": "3", "ok": "true", "undeclared": "x"}
    definition = pipeline(step, after, Parameters=[{"Name": "P", "Type": "Integer", "DefaultValue": 7}])
    with worker(airflow.endpoint, work, answering(airflow.endpoint, replies, **values)) as seen:
        run = airflow.run(definition, dag_id="My_Pipe", deferrable=deferrable)
    assert run.state == "success"
    [message] = seen
    arn = message["pipelineExecutionArn"]
    assert re.fullmatch(r"arn:aws:sagemaker:us-east-1:123456789012:pipeline/my-pipe/execution/[a-z0-9]{12}", arn)
    assert list(message) == ["token", "pipelineExecutionArn", "arguments", "status"]
    assert re.fullmatch("[a-zA-Z0-9]{10}", message["token"])
    assert message["status"] == "Executing"
    assert message["arguments"] == {
        "s": "{{ x }}",
        "i": 1,
        "f": 1.5,
        "b": True,
        "p": 7,
        "nested": {"list": [1, None], "none": None},
        "nothing": None,
        "arn": arn,
    }
    assert run.xcom("Approve") == {"OutputParameters": {"decision": "yes", "score": 0.5, "count": 3, "ok": True}}
    [created] = airflow.created("CreateTrainingJob")
    assert created["HyperParameters"] == {"decision": "yes", "score": "0.5", "count": "3", "ok": "true"}
    assert take(airflow.endpoint, replies) == []
    shown = run.rendered("Approve")["request"]
    assert (shown["QueueUrl"], shown["arguments"]["p"]) == (work, 7)
    assert message["token"] not in json.dumps(shown)
    assert message["token"] not in json.dumps(stored(run.dag_id))


def stored(dag_id: str) -> list[str]:
    """All that Airflow shows of what the Dag's tasks have stored."""
    from airflow.models.task_state_store import TaskStateStoreModel
    from airflow.models.trigger import Trigger
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        states = session.scalars(select(TaskStateStoreModel.value).where(TaskStateStoreModel.dag_id == dag_id))
        xcoms = session.scalars(select(XComModel.value).where(XComModel.dag_id == dag_id))
        triggers = session.scalars(select(Trigger.encrypted_kwargs))
        found = [*states, *(json.dumps(value) for value in xcoms), *triggers]
    assert len(found) > 4
    return found


def test_messages_that_are_for_others_are_not_lost(airflow: Airflow, work: str, replies: str) -> None:
    others = [{"token": f"0123456{number:03d}", "status": "Success"} for number in range(25)]
    for other in others:
        send(airflow.endpoint, replies, other)
    with worker(airflow.endpoint, work, answering(airflow.endpoint, replies, n="1")):
        run = airflow.run(pipeline(callback("One", work, {"n": "Integer"})))
    assert run.state == "success"
    assert len(airflow.endpoint.requests("sqs", "ReceiveMessage")) > 3
    sqs = airflow.endpoint.client("sqs")
    left = []
    while messages := sqs.receive_message(QueueUrl=replies, MaxNumberOfMessages=10).get("Messages", []):
        left += [message["Body"] for message in messages]
    assert sorted(left) == sorted(json.dumps(other) for other in others)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ({"status": "Failure", "FailureReason": "the form is empty"}, "answered with a failure: the form is empty"),
        ({"status": "Failure"}, "answered with a failure: it gave no reason"),
        ({"status": "success"}, 'its status is "success", and neither Success nor Failure'),
        ({"status": "Success", "OutputParameters": {"n": 1}}, "its OutputParameters are no array of objects like"),
        ({"status": "Success"}, "the answer to the callback did not give the declared output n; it gave nothing."),
        (
            {"status": "Success", "OutputParameters": [{"Name": "n", "Value": "x"}]},
            'the answer to the callback gave the output n = "x", which is no Integer.',
        ),
    ],
)
def test_each_failure_has_its_message(
    airflow: Airflow, work: str, replies: str, capfd: pytest.CaptureFixture[str], reply: Any, message: str
) -> None:
    def answer(received: dict[str, Any]) -> None:
        send(airflow.endpoint, replies, {"token": received["token"], **reply})

    with worker(airflow.endpoint, work, answer):
        run = airflow.run(pipeline(callback("Ask", work, {"n": "Integer"}), training("After", DependsOn=["Ask"])))
    assert run.states == {"Ask": "failed", "After": "upstream_failed"}
    assert message in "".join(capfd.readouterr())
    assert len(sent(airflow, work)) == 1


def test_no_answer_in_time(
    airflow: Airflow,
    work: str,
    deferrable: bool,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(f"{OPTION}CALLBACK_TIMEOUT", "1")
    run = airflow.run(pipeline(callback("Ask", work)), deferrable=deferrable)
    assert run.states == {"Ask": "failed"}
    assert "no answer came within 1 s ([sagemaker_pipelines] callback_timeout)" in "".join(capfd.readouterr())
    assert [message["status"] for message in sent(airflow, work)] == ["Executing"]


def test_a_killed_step_tells_its_workers(airflow: Airflow, work: str, replies: str, deferrable: bool) -> None:
    with time_limits.time_over(airflow, deferrable=deferrable, look="ReceiveMessage") as limit:
        run = airflow.run(
            pipeline(callback("Ask", work, Arguments={"a": 1.5})), deferrable=deferrable, default_args=limit
        )
    assert run.states == {"Ask": "failed"}
    first, second = sent(airflow, work)
    assert (first["status"], second["status"]) == ("Executing", "Stopping")
    assert {**first, "status": ""} == {**second, "status": ""}


def test_a_queue_that_is_not_there_fails_the_step(
    airflow: Airflow, work: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert airflow.run(pipeline(callback("Ask", f"{work}-absent"))).states == {"Ask": "failed"}
    assert "sqs:SendMessage was refused. " in "".join(capfd.readouterr())
    monkeypatch.setenv(f"{OPTION}CALLBACK_REPLY_QUEUE_URL", f"{work}-replies")
    assert airflow.run(pipeline(callback("Ask", work))).states == {"Ask": "failed"}
    assert f"the reply queue {work}-replies cannot be read: " in "".join(capfd.readouterr())


def test_a_message_that_was_throttled_is_sent_again(airflow: Airflow, work: str, replies: str) -> None:
    error = {"code": "RequestThrottled", "message": "Rate exceeded", "status": 400}
    airflow.endpoint.add_fault("sqs", "SendMessage", times=2, error=error)
    with worker(airflow.endpoint, work, answering(airflow.endpoint, replies)) as seen:
        run = airflow.run(pipeline(callback("Ask", work)))
    assert run.state == "success"
    assert len(seen) == 1


def test_with_patience_no_policy_counts_a_message_that_was_throttled(
    airflow: Airflow, work: str, replies: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{OPTION}THROTTLE_PATIENCE", "60")
    airflow.endpoint.add_fault("sqs", "SendMessage", times=2, error={"code": "RequestThrottled"})
    with worker(airflow.endpoint, work, answering(airflow.endpoint, replies)):
        run = airflow.run(pipeline(callback("Ask", work)))
    assert run.state == "success"
    (record,) = records()
    assert (record["failures"], record["policy_retries"]) == (0, {})


def test_a_reply_that_was_lost_sends_the_same_token_again(
    airflow: Airflow, work: str, replies: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{OPTION}AWS_MAX_ATTEMPTS", "1")
    airflow.endpoint.add_fault("sqs", "SendMessage", times=1, drop="after")
    with worker(airflow.endpoint, work, answering(airflow.endpoint, replies)):
        run = airflow.run(pipeline(callback("Ask", work)))
    assert run.state == "success"
    assert len({message["token"] for message in sent(airflow, work)}) == 1


def test_a_fifo_queue_can_tell_a_message_that_is_sent_again(
    airflow: Airflow, replies: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = make_queue(airflow.endpoint, "work.fifo", FifoQueue="true")
    monkeypatch.setenv(f"{OPTION}AWS_MAX_ATTEMPTS", "1")
    airflow.endpoint.add_fault("sqs", "SendMessage", times=1, drop="after")
    with worker(airflow.endpoint, work, answering(airflow.endpoint, replies)):
        run = airflow.run(pipeline(callback("Ask", work)))
    assert run.state == "success"
    requests = [
        r.parameters for r in airflow.endpoint.requests("sqs", "SendMessage") if r.parameters["QueueUrl"] == work
    ]
    [token] = {json.loads(request["MessageBody"])["token"] for request in requests}
    assert [request["MessageDeduplicationId"] for request in requests] == [f"{token}-Executing"] * 2


@pytest.mark.parametrize(("death", "method"), [(CallbackStepOperator, "defer"), (XComPost, "leave")])
def test_the_try_after_a_workers_death_waits_for_the_same_token(
    airflow: Airflow, work: str, replies: str, monkeypatch: pytest.MonkeyPatch, death: type[Any], method: str
) -> None:
    whole = getattr(death, method)
    deaths: list[int] = []

    def dying(self: Any, *arguments: Any, **named: Any) -> Any:
        if not deaths:
            deaths.append(1)
            raise OSError("gone")
        return whole(self, *arguments, **named)

    monkeypatch.setattr(death, method, dying)
    with worker(airflow.endpoint, work, answering(airflow.endpoint, replies, n="1")) as seen:
        run = airflow.run(pipeline(callback("Ask", work, {"n": "Integer"})))
    assert run.state == "success"
    assert len(seen) == 1


def test_an_answer_that_airflow_did_not_hear_of_is_kept(
    airflow: Airflow, work: str, replies: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_the_first_result(monkeypatch)
    with worker(airflow.endpoint, work, answering(airflow.endpoint, replies, n="1")) as seen:
        run = airflow.run(pipeline(callback("Ask", work, {"n": "Integer"})))
    assert run.state == "success"
    assert run.xcom("Ask") == {"OutputParameters": {"n": 1}}
    assert len(seen) == 1
