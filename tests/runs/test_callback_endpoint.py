"""Callback steps answered at the endpoint of Airflow's API server, by boto3 over HTTP as a worker would."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.fernet import Fernet

from tests.runs.adapters import lose_the_first_callback_try
from tests.runs.harness import Airflow, pipeline, training
from tests.runs.test_callback import OPTION, callback, sent
from tests.runs.time_limits import time_over
from tests.runs.workers import make_queue, worker


@pytest.fixture(scope="module")
def api_server(airflow_database: None) -> Iterator[str]:
    """A server with the apps of Airflow's plugins, mounted as the API server mounts them."""
    import uvicorn
    from airflow.api_fastapi.app import init_plugins
    from fastapi import FastAPI

    app = FastAPI()
    init_plugins(app)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(params=["/aws/sagemaker", "/aws/sagemaker/"])
def sagemaker(request: pytest.FixtureRequest, airflow: Airflow, api_server: str) -> Any:
    """A worker's client: it differs from one of AWS by its endpoint alone."""
    return client_of(api_server + request.param)


def client_of(url: str) -> Any:
    import boto3
    from botocore.config import Config

    create: Any = boto3.client
    return create("sagemaker", endpoint_url=url, config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture
def client(airflow: Airflow, api_server: str) -> Any:
    return client_of(f"{api_server}/aws/sagemaker")


@pytest.fixture
def work(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    monkeypatch.setenv(f"{OPTION}CALLBACK_TIMEOUT", "3600")
    return make_queue(airflow.endpoint, "work")


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(ClientError) as caught:
        yield
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize("deferrable", [True, False])
def test_a_success_is_answered_with_the_executions_arn(
    airflow: Airflow, sagemaker: Any, work: str, deferrable: bool
) -> None:
    responses = []

    def answer(message: dict[str, Any]) -> None:
        outputs = [{"Name": "n", "Value": "3"}, {"Name": "text", "Value": "é"}]
        token = message["token"]
        response = sagemaker.send_pipeline_execution_step_success(CallbackToken=token, OutputParameters=outputs)
        responses.append(response["PipelineExecutionArn"] == message["pipelineExecutionArn"])

    with worker(airflow.endpoint, work, answer) as seen:
        run = airflow.run(pipeline(callback("Ask", work, {"n": "Integer", "text": "String"})), deferrable=deferrable)
    assert run.state == "success"
    assert run.xcom("Ask") == {"OutputParameters": {"n": 3, "text": "é"}}
    assert responses == [True]
    with refused("ConflictException"):
        sagemaker.send_pipeline_execution_step_failure(CallbackToken=seen[0]["token"])
    assert run.xcom("Ask") == {"OutputParameters": {"n": 3, "text": "é"}}


def test_a_failure(airflow: Airflow, client: Any, work: str, capfd: pytest.CaptureFixture[str]) -> None:
    def answer(message: dict[str, Any]) -> None:
        client.send_pipeline_execution_step_failure(CallbackToken=message["token"], FailureReason="no time")

    with worker(airflow.endpoint, work, answer):
        run = airflow.run(pipeline(callback("Ask", work), training("After", DependsOn=["Ask"])))
    assert run.states == {"Ask": "failed", "After": "upstream_failed"}
    assert "the callback was answered with a failure: no time" in "".join(capfd.readouterr())


def test_a_token_takes_one_answer_and_the_same_call_again(airflow: Airflow, client: Any, work: str) -> None:
    mistakes: list[Exception] = []

    def answer(message: dict[str, Any]) -> None:
        success = client.send_pipeline_execution_step_success
        token, same = message["token"], "r" * 32
        wrong = token[:-1] + ("a" if token[-1] != "a" else "b")
        with refused("ResourceNotFound"):
            success(CallbackToken=wrong)
        with refused("ValidationException"):
            success(CallbackToken=token, OutputParameters=[{"Name": "n", "Value": "x" * 1025}])
        first = success(CallbackToken=token, ClientRequestToken=same, OutputParameters=[{"Name": "n", "Value": "1"}])
        again = success(CallbackToken=token, ClientRequestToken=same, OutputParameters=[{"Name": "n", "Value": "2"}])
        assert first["PipelineExecutionArn"] == again["PipelineExecutionArn"]
        with refused("ConflictException"):
            success(CallbackToken=token)

    def watched(message: dict[str, Any]) -> None:
        try:
            answer(message)
        except Exception as error:
            mistakes.append(error)
            raise

    with worker(airflow.endpoint, work, watched):
        run = airflow.run(pipeline(callback("Ask", work, {"n": "Integer"})))
    assert mistakes == []
    assert run.xcom("Ask") == {"OutputParameters": {"n": 1}}


def test_of_many_answers_at_once_one_is_taken(airflow: Airflow, api_server: str, work: str) -> None:
    clients = [client_of(f"{api_server}/aws/sagemaker") for _ in range(8)]
    taken: list[str] = []

    def answer(message: dict[str, Any]) -> None:
        def call(number: int) -> None:
            outputs = [{"Name": "n", "Value": str(number)}]
            try:
                clients[number].send_pipeline_execution_step_success(
                    CallbackToken=message["token"], OutputParameters=outputs
                )
            except ClientError:
                return
            taken.append(str(number))

        threads = [threading.Thread(target=call, args=(number,)) for number in range(len(clients))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with worker(airflow.endpoint, work, answer):
        run = airflow.run(pipeline(callback("Ask", work, {"n": "String"})))
    assert [run.xcom("Ask")["OutputParameters"]["n"]] == taken


def test_a_late_answer_is_refused(airflow: Airflow, client: Any, work: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{OPTION}CALLBACK_TIMEOUT", "1")
    run = airflow.run(pipeline(callback("Ask", work)))
    assert run.states == {"Ask": "failed"}
    [message] = sent(airflow, work)
    with refused("ResourceNotFound"):
        client.send_pipeline_execution_step_success(CallbackToken=message["token"])


def test_the_worker_of_a_killed_step_may_answer_once(airflow: Airflow, client: Any, work: str) -> None:
    """As on SageMaker, whose execution stays Stopping until the answer to the second message has come."""
    with time_over(airflow) as limit:
        run = airflow.run(pipeline(callback("Ask", work)), default_args=limit)
    assert run.states == {"Ask": "failed"}
    _, stopping = sent(airflow, work)
    response = client.send_pipeline_execution_step_failure(CallbackToken=stopping["token"], FailureReason="stopped")
    assert response["PipelineExecutionArn"] == stopping["pipelineExecutionArn"]
    with refused("ConflictException"):
        client.send_pipeline_execution_step_failure(CallbackToken=stopping["token"])


def test_an_answer_while_no_try_runs_is_kept_for_the_next(
    airflow: Airflow, client: Any, work: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first try dies after it has sent its message; the worker answers before the second one starts."""

    def answer(run: Any) -> None:
        [message] = sent(airflow, work)
        client.send_pipeline_execution_step_success(
            CallbackToken=message["token"], OutputParameters=[{"Name": "n", "Value": "5"}]
        )

    lose_the_first_callback_try(monkeypatch, answer)
    run = airflow.run(pipeline(callback("Ask", work, {"n": "Integer"})))
    assert run.xcom("Ask") == {"OutputParameters": {"n": 5}}
    assert len(sent(airflow, work)) == 1


def post(api_server: str, target: str, body: bytes) -> tuple[int, dict[str, Any]]:
    import httpx

    headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
    response = httpx.post(f"{api_server}/aws/sagemaker", content=body, headers=headers)
    return response.status_code, response.json()


SUCCESS = "SageMaker.SendPipelineExecutionStepSuccess"


@pytest.mark.parametrize(
    ("target", "body", "status", "code"),
    [
        ("SageMaker.CreateTrainingJob", b"{}", 400, "UnknownOperationException"),
        ("SendPipelineExecutionStepSuccess", b"{}", 400, "UnknownOperationException"),
        ("", b"{}", 400, "UnknownOperationException"),
        (SUCCESS, b"nonsense", 400, "SerializationException"),
        (SUCCESS, b"{}", 400, "ValidationException"),
        (SUCCESS, b"[]", 400, "SerializationException"),
        (SUCCESS, b'{"CallbackToken": "01234567\xff9"}', 400, "SerializationException"),
        (SUCCESS, b'{"x": ' + b"[" * 250_000, 400, "SerializationException"),
        (SUCCESS, b'{"CallbackToken": "short"}', 400, "ValidationException"),
        (SUCCESS, b'{"CallbackToken": "0123456789", "ClientRequestToken": "short"}', 400, "ValidationException"),
        (SUCCESS, b'{"CallbackToken": "0123456789"}', 400, "ResourceNotFound"),
        (SUCCESS, b" " * 500_000, 413, "RequestEntityTooLargeException"),
    ],
)
def test_a_wrong_request_is_refused_in_sagemakers_words(
    api_server: str, target: str, body: bytes, status: int, code: str
) -> None:
    answered, error = post(api_server, target, body)
    assert (answered, error["__type"]) == (status, code)
    assert error["message"]
    assert "0123456789" not in error["message"]


def test_the_endpoint_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_sm_pipelines import plugin

    find: Callable[[], list[Any]] = plugin._apps
    doors = [app["url_prefix"] for app in find()]
    assert "/aws" in doors
    monkeypatch.setenv(f"{OPTION}CALLBACK_ENDPOINT", "False")
    assert [app["url_prefix"] for app in find()] == [door for door in doors if door != "/aws"]
