"""The ways in which a Callback step gets its answer, and what a kill does to it, on Airflow's real components."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest
from botocore.exceptions import ClientError
from cryptography.fernet import Fernet

from airflow_sm_pipelines.local.endpoint import ACCESS_KEY, REGION, LocalEndpoint
from tests.runs.harness import get, pipeline, training
from tests.runs.test_callback import OPTION, callback
from tests.runs.workers import make_queue, send, take
from tests.system.deployment import Deployment, deployed
from tests.system.processes import shown_on_failure

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

ASK, AFTER = "Ask", "After"
# The second has a step that is given the outputs.
DAG_IDS = ASKING, TELLING = "asking", "telling"
OUTPUTS = {"count": "Integer", "score": "Float", "ok": "Boolean", "text": "String"}
DAG_FILE = f"""
from airflow_sm_pipelines import SageMakerPipelineDag

asking = SageMakerPipelineDag("asking.json", dag_id={ASKING!r})
telling = SageMakerPipelineDag("telling.json", dag_id={TELLING!r})
"""

T = TypeVar("T")


def definitions(work: str) -> dict[str, str]:
    """The definitions by file name: a Callback step, and one with a Training step that gets its outputs."""
    ask = callback(ASK, work, OUTPUTS)
    told = {
        name: {"Std:Join": {"On": "", "Values": [get(f"Steps.{ASK}.OutputParameters['{name}']")]}} for name in OUTPUTS
    }
    after = training(AFTER, Arguments={"HyperParameters": told})
    return {"asking.json": json.dumps(pipeline(ask)), "telling.json": json.dumps(pipeline(ask, after))}


def outputs(count: int) -> list[dict[str, str]]:
    """A success's outputs, as SageMaker's call has them."""
    values = {"count": str(count), "score": "0.5", "ok": "true", "text": "{{ é }}"}
    return [{"Name": name, "Value": value} for name, value in values.items()]


@dataclass(frozen=True)
class Run:
    """A run of one of the Dags."""

    bench: "Bench"
    dag_id: str
    run_id: str

    @property
    def states(self) -> dict[str, str | None]:
        """The state of each task."""
        return self.bench.deployment.airflow.task_states(self.dag_id, self.run_id)

    @property
    def ask(self) -> dict[str, Any]:
        """The Callback step's task."""
        return self.bench.deployment.airflow.task(self.dag_id, self.run_id, ASK)

    @property
    def outputs(self) -> Any:
        """The Callback step's result."""
        path = f"/dags/{self.dag_id}/dagRuns/{self.run_id}/taskInstances/{ASK}/xcomEntries/return_value"
        entry = self.bench.deployment.airflow.call("GET", path, params={"deserialize": True})
        return entry["value"]["OutputParameters"]

    def kill(self) -> None:
        """Mark the Callback step failed, as a user does in the UI."""
        self.bench.deployment.airflow.set_task_state(self.dag_id, self.run_id, ASK, "failed")

    def clear(self) -> None:
        """Clear the Callback step, as a user does in the UI."""
        self.bench.deployment.airflow.clear_task(self.dag_id, self.run_id, ASK)

    def end(self) -> str:
        """The state in which the run ends."""
        airflow = self.bench.deployment.airflow
        return self.bench.until(lambda: airflow.ended(self.dag_id, self.run_id), f"end of {self.dag_id}")


@dataclass(frozen=True)
class Bench:
    """The deployment, the endpoint with its queues, and a worker's client of the deployment's API server."""

    deployment: Deployment
    endpoint: LocalEndpoint
    work: str
    replies: str
    sagemaker: Any

    def until(self, check: Callable[[], T | None], what: str) -> T:
        """Wait for what ought to happen within seconds, while all components live."""
        return self.deployment.processes.wait_until(check, what, timeout=300)

    def ask(self, dag_id: str) -> Run:
        """A new run whose Callback step is deferred."""
        run = Run(self, dag_id, self.deployment.airflow.trigger(dag_id))
        self.until(lambda: run.states[ASK] == "deferred", f"{ASK} of {dag_id} is deferred")
        return run

    def next_message(self) -> dict[str, Any]:
        """The one message that is in the workers' queue, taken out."""
        (message,) = self.until(lambda: take(self.endpoint, self.work) or None, "a message to the workers")
        return message

    def wait_for_next_look(self) -> None:
        """Wait until the triggerer looks for replies: from then on a kill reaches it."""
        before = len(self.requests("ReceiveMessage", self.replies))
        self.until(lambda: len(self.requests("ReceiveMessage", self.replies)) > before, "a look at the reply queue")

    def sent(self) -> list[dict[str, Any]]:
        """All messages that the workers' queue was sent."""
        return [json.loads(request["MessageBody"]) for request in self.requests("SendMessage", self.work)]

    def requests(self, action: str, queue_url: str) -> list[Mapping[str, Any]]:
        """The requests that one of the queues got."""
        calls = self.endpoint.requests("sqs", action)
        return [call.parameters for call in calls if call.parameters["QueueUrl"] == queue_url]

    def logs(self) -> list[str]:
        """All that the components and the tasks have logged so far, file by file."""
        folders = (self.deployment.processes.log_dir, self.deployment.site.home)
        return [log.read_text(errors="replace") for folder in folders for log in folder.rglob("*.log")]


@pytest.fixture(scope="module")
def deployed_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One Airflow for all tests of the module; it encrypts what it stores, and has a reply queue."""
    folder = tmp_path_factory.mktemp("airflow")
    with LocalEndpoint() as endpoint:
        work, replies = make_queues(endpoint)
        settings = {
            **endpoint.environment,
            "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
            f"{OPTION}CALLBACK_REPLY_QUEUE_URL": replies,
            f"{OPTION}ORPHAN_JOBS_INTERVAL": "2",
        }
        dags = {"dags.py": DAG_FILE, **definitions(work)}
        with deployed(folder, settings, dags) as deployment:
            sagemaker = boto3.client(
                "sagemaker",
                endpoint_url=f"{deployment.site.url}/aws/sagemaker",
                region_name=REGION,
                aws_access_key_id=ACCESS_KEY,
                aws_secret_access_key=ACCESS_KEY,
            )
            bench = Bench(deployment, endpoint, work, replies, sagemaker)
            bench.until(lambda: deployment.airflow.dag_ids() >= set(DAG_IDS), "the Dags are listed")
            yield bench


def make_queues(endpoint: LocalEndpoint) -> tuple[str, str]:
    """The workers' queue and the reply queue."""
    return make_queue(endpoint, "work"), make_queue(endpoint, "replies")


@pytest.fixture
def bench(deployed_bench: Bench, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """The Airflow, and an endpoint with empty queues."""
    deployed_bench.endpoint.reset()
    assert make_queues(deployed_bench.endpoint) == (deployed_bench.work, deployed_bench.replies)
    with shown_on_failure(deployed_bench.deployment.processes, request):
        yield deployed_bench


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, int]:
    """Code and HTTP status of the error that a call of the worker's client gets."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_workers_own_call_ends_the_step_with_typed_outputs(bench: Bench) -> None:
    run = bench.ask(TELLING)
    worker = Path(f"/proc/{run.ask['pid']}")
    bench.until(lambda: not worker.exists(), "the process of the deferred task has ended")
    message = bench.next_message()

    response = bench.sagemaker.send_pipeline_execution_step_success(
        CallbackToken=message["token"], OutputParameters=outputs(3)
    )

    assert response["PipelineExecutionArn"] == message["pipelineExecutionArn"]
    assert run.end() == "success"
    assert run.outputs == {"count": 3, "score": 0.5, "ok": True, "text": "{{ é }}"}
    (created,) = bench.endpoint.requests("sagemaker", "CreateTrainingJob")
    assert created.parameters["HyperParameters"] == {"count": "3", "score": "0.5", "ok": "true", "text": "{{ é }}"}
    assert bench.sent() == [message]
    logs = bench.logs()
    assert any(f"Sent the message to {bench.work}" in log for log in logs)
    assert not any(message["token"] in log for log in logs)


def test_wrong_and_repeated_answers_change_nothing_and_a_failure_fails_the_step(bench: Bench) -> None:
    run = bench.ask(TELLING)
    token = bench.next_message()["token"]
    success = bench.sagemaker.send_pipeline_execution_step_success
    failure = bench.sagemaker.send_pipeline_execution_step_failure
    other = token[:-1] + ("a" if token[-1] != "a" else "b")

    assert refusal(success, CallbackToken=other, OutputParameters=outputs(1)) == ("ResourceNotFound", 400)
    bench.wait_for_next_look()
    assert run.states == {ASK: "deferred", AFTER: None}
    bench.until(bench.deployment.knows_deferrals, "the scheduler knows of the deferral")
    same = {"CallbackToken": token, "ClientRequestToken": "r" * 32}
    first = failure(**same, FailureReason="the table is empty")
    assert failure(**same, FailureReason="another reason")["PipelineExecutionArn"] == first["PipelineExecutionArn"]
    repeated = {"CallbackToken": token, "OutputParameters": outputs(2)}
    assert refusal(success, **repeated) == ("ConflictException", 400)

    assert run.end() == "failed"
    assert run.states == {ASK: "failed", AFTER: "upstream_failed"}
    assert run.ask["try_number"] == 1
    reason = f"Step '{ASK}' failed: the callback was answered with a failure: the table is empty"
    assert any(reason in log for log in bench.logs())
    assert refusal(success, **repeated) == ("ConflictException", 400)
    assert len(bench.sent()) == 1
    assert bench.endpoint.requests("sagemaker", "CreateTrainingJob") == ()


def test_answers_that_cannot_be_stored_and_poison_harm_neither_step_nor_triggerer(bench: Bench) -> None:
    by_call = bench.ask(TELLING)
    first = bench.next_message()
    by_queue = bench.ask(ASKING)
    second = bench.next_message()
    success = bench.sagemaker.send_pipeline_execution_step_success
    failure = bench.sagemaker.send_pipeline_execution_step_failure

    for bad in ("no\0", "\ud800"):
        for token in (first["token"], second["token"]):
            named = [{"Name": "text", "Value": bad}]
            assert refusal(success, CallbackToken=token, OutputParameters=named) == ("ValidationException", 400)
            named = [{"Name": bad, "Value": "1"}]
            assert refusal(success, CallbackToken=token, OutputParameters=named) == ("ValidationException", 400)
            assert refusal(failure, CallbackToken=token, FailureReason=bad) == ("ValidationException", 400)
        reply = {"token": second["token"], "status": "Success"}
        send(bench.endpoint, bench.replies, {**reply, "OutputParameters": [{"Name": "text", "Value": bad}]})
        send(bench.endpoint, bench.replies, {**reply, "status": "Failure", "FailureReason": bad})
    for message in ("no JSON", "[" * 250_000, '{"token": "\\ud800"}', "[]"):
        send(bench.endpoint, bench.replies, message)
    poison = bench.requests("SendMessage", bench.replies)
    bench.until(
        lambda: len(bench.requests("DeleteMessage", bench.replies)) == len(poison) or None, "the poison is deleted"
    )
    assert [run.states[ASK] for run in (by_call, by_queue)] == ["deferred", "deferred"]

    success(CallbackToken=first["token"], OutputParameters=outputs(11))
    send(bench.endpoint, bench.replies, {**reply, "OutputParameters": outputs(12)})
    assert [run.end() for run in (by_call, by_queue)] == ["success", "success"]
    assert [run.outputs["count"] for run in (by_call, by_queue)] == [11, 12]
    bench.deployment.process("triggerer").check_running()
    assert take(bench.endpoint, bench.replies) == []
    told = "is for no Callback step and was deleted"
    bench.until(lambda: sum(log.count(told) for log in bench.logs()) >= len(poison), "a line on each poison")


def test_an_answer_in_the_reply_queue_ends_the_step(bench: Bench) -> None:
    run = bench.ask(ASKING)
    message = bench.next_message()
    stranger = {"token": "0123456789", "status": "Success", "OutputParameters": outputs(5)}
    send(bench.endpoint, bench.replies, stranger)
    send(bench.endpoint, bench.replies, {**stranger, "token": message["token"], "OutputParameters": outputs(4)})

    assert run.end() == "success"
    assert run.outputs == {"count": 4, "score": 0.5, "ok": True, "text": "{{ é }}"}
    assert bench.sent() == [message]
    # The step's own answer is deleted, that to another token is shown again.
    assert len(bench.requests("DeleteMessage", bench.replies)) == 1
    assert bench.until(lambda: take(bench.endpoint, bench.replies) or None, "the other message") == [stranger]


def test_a_kill_tells_the_workers_once_and_takes_their_answer(bench: Bench) -> None:
    run = bench.ask(TELLING)
    first = bench.next_message()
    bench.wait_for_next_look()
    # A worker can be faster than the reply to the call that sent it the message.
    bench.endpoint.add_fault("sqs", "SendMessage", name=bench.work, pause="after")

    run.kill()
    second = bench.next_message()
    response = bench.sagemaker.send_pipeline_execution_step_success(
        CallbackToken=second["token"], OutputParameters=outputs(6)
    )
    bench.endpoint.resume()

    assert second == {**first, "status": "Stopping"}
    assert response["PipelineExecutionArn"] == first["pipelineExecutionArn"]
    assert run.end() == "failed"
    bench.until(lambda: len(bench.sent()) > 1, "the reply to the second SendMessage")
    failure = bench.sagemaker.send_pipeline_execution_step_failure
    assert refusal(failure, CallbackToken=first["token"], FailureReason="stopped") == ("ConflictException", 400)
    assert run.states == {ASK: "failed", AFTER: "upstream_failed"}
    assert bench.sent() == [first, second]
    assert bench.endpoint.requests("sagemaker", "CreateTrainingJob") == ()


def test_a_kill_while_the_triggerer_is_dead_is_told_when_there_is_one_again(bench: Bench) -> None:
    run = bench.ask(TELLING)
    first = bench.next_message()
    bench.wait_for_next_look()

    bench.deployment.processes.kill(bench.deployment.process("triggerer"))
    run.kill()
    assert run.end() == "failed"
    bench.deployment.start("triggerer", "triggerer")

    assert bench.next_message() == {**first, "status": "Stopping"}
    success = bench.sagemaker.send_pipeline_execution_step_success
    response = success(CallbackToken=first["token"], OutputParameters=outputs(9))
    assert response["PipelineExecutionArn"] == first["pipelineExecutionArn"]
    assert run.states == {ASK: "failed", AFTER: "upstream_failed"}
    assert len(bench.sent()) == 2


def test_a_cleared_step_takes_its_message_back_once_and_sends_another(bench: Bench) -> None:
    run = bench.ask(ASKING)
    first = bench.next_message()
    bench.wait_for_next_look()

    run.clear()
    taken_back, second = bench.until(lambda: bench.sent()[1:] if len(bench.sent()) > 2 else None, "two messages")
    bench.sagemaker.send_pipeline_execution_step_success(CallbackToken=second["token"], OutputParameters=outputs(10))

    assert run.end() == "success"
    assert run.outputs["count"] == 10
    assert (taken_back, second["status"]) == ({**first, "status": "Stopping"}, "Executing")
    assert second["token"] != first["token"]
    assert len(bench.sent()) == 3


def test_answers_that_come_while_the_triggerer_is_dead_are_not_lost(bench: Bench) -> None:
    by_call = bench.ask(ASKING)
    first = bench.next_message()
    by_queue = bench.ask(ASKING)
    second = bench.next_message()
    bench.wait_for_next_look()

    bench.deployment.processes.kill(bench.deployment.process("triggerer"))
    bench.sagemaker.send_pipeline_execution_step_success(CallbackToken=first["token"], OutputParameters=outputs(7))
    reply = {"token": second["token"], "status": "Success", "OutputParameters": outputs(8)}
    send(bench.endpoint, bench.replies, reply)
    assert [run.states[ASK] for run in (by_call, by_queue)] == ["deferred", "deferred"]
    bench.deployment.start("triggerer", "triggerer")

    assert [run.end() for run in (by_call, by_queue)] == ["success", "success"]
    assert [run.outputs["count"] for run in (by_call, by_queue)] == [7, 8]
    assert bench.sent() == [first, second]
    assert len(bench.requests("DeleteMessage", bench.replies)) == 1
