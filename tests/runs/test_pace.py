"""A fan-out against an AWS that throttles Creates, with permits from the app that the API server mounts."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from airflow_sm_pipelines.jobs.record import STORE_KEY
from airflow_sm_pipelines.pace.asking import STORE_KEY as DIGEST_KEY
from airflow_sm_pipelines.pace.asking import Asking, PacedCall, PaceMessage, TaskRef
from airflow_sm_pipelines.pace.queue import Answer, CallQueue
from tests.runs.harness import ROLE, Airflow, Run, pipeline, processing, training
from tests.runs.records import records
from tests.runs.statsd import StatsD
from tests.runs.test_lambda import function

OPTION = "AIRFLOW__SAGEMAKER_PIPELINES__"
CREATE = "CreateTrainingJob"
CALL = PacedCall(CREATE, ROLE.split(":")[4], "us-east-1")


class ServersClock:
    """The time, which a test can stop."""

    stopped_at: float | None = None

    def __call__(self) -> float:
        return time.time() if self.stopped_at is None else self.stopped_at


SERVERS_CLOCK = ServersClock()
ASKED: list[Asking] = []
"""What tasks have sent, in order."""


@pytest.fixture(scope="module")
def api_server(airflow_database: None) -> Iterator[str]:
    """A server with the app where Airflow's API server mounts it."""
    import uvicorn
    from fastapi import FastAPI

    from airflow_sm_pipelines.server.pace_answers import answer
    from airflow_sm_pipelines.server.pace_app import make_app
    from airflow_sm_pipelines.server.refusal_rate import RefusalRate

    def noted(asking: Asking) -> Answer:
        ASKED.append(asking)
        return answer(asking, rates={CREATE: 1.0, "Invoke": 1.0}, clock=SERVERS_CLOCK)

    app = FastAPI()
    app.mount("/sagemaker-pace", make_app(noted, RefusalRate(300)))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{OPTION}THROTTLE_PATIENCE", "900")


@pytest.fixture
def paced(api_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(f"{OPTION}PACE", f"{CREATE}=1")
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", f"{api_server}/execution/")
    return api_server


def queue(change: CallQueue | None = None, call: PacedCall = CALL) -> CallQueue:
    """The queue as it was in the database, before it was set to ``change``."""
    from airflow_sm_pipelines.server.pace_rows import change_queue

    return change_queue(call, lambda found: (found if change is None else change, found))


def check(airflow: Airflow, run: Run, steps: int) -> None:
    """Each step has succeeded with one job of its first attempt, and no policy has granted a retry."""
    assert set(run.states.values()) == {"success"}
    assert len(airflow.created(CREATE)) == len(airflow.endpoint.jobs("training")) == steps
    for record in records():
        assert (record["failures"], record["policy_retries"], record["worker_deaths"]) == (0, {}, 0)
    tried = {request.parameters["TrainingJobName"] for request in airflow.endpoint.requests("sagemaker", CREATE)}
    assert tried == {job.name for job in airflow.endpoint.jobs("training")}


def expiries(key: str) -> list[datetime | None]:
    """When the rows of this key in the tasks' state store expire."""
    from airflow.models.task_state_store import TaskStateStoreModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        found = list(session.scalars(select(TaskStateStoreModel.expires_at).where(TaskStateStoreModel.key == key)))
    assert found
    return found


def fan_out(steps: int) -> dict[str, object]:
    return pipeline(*(training(f"Train{number}") for number in range(steps)))


def test_a_fan_out_against_a_limit_on_creates(airflow: Airflow, paced: str) -> None:
    queue(CallQueue())
    airflow.endpoint.load_scenario({"rates": [{"action": CREATE, "per_second": 1}]})
    run = airflow.run(fan_out(4))
    check(airflow, run, 4)
    assert queue().permit_at > 0
    for expires in expiries(STORE_KEY):
        assert expires is None
    for expires in expiries(DIGEST_KEY):
        assert expires is not None
        assert expires > datetime.now(UTC)


def test_a_step_whose_turn_is_far_is_deferred_and_goes_on_with_its_attempt(
    airflow: Airflow, statsd: StatsD, paced: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(SERVERS_CLOCK, "stopped_at", now)
    # Six wait: who asks for the first time comes after them.
    queue(CallQueue(1.0, now, now + 6.0, now))
    run = airflow.run(fan_out(1))
    check(airflow, run, 1)
    assert queue() == CallQueue(1.0, now + 1.0, now + 21.0, now, ((now + 6.0, now + 20.0),))
    # Milliseconds: its turn was twenty seconds away.
    assert statsd.received()[f"sm_pipelines.pace.wait,operation={CREATE}"] == 20_000


def test_where_aws_takes_less_the_pace_is_widened(airflow: Airflow, paced: str) -> None:
    queue(CallQueue())
    airflow.endpoint.add_fault("sagemaker", CREATE, error="ThrottlingException", times=2)
    run = airflow.run(fan_out(1))
    check(airflow, run, 1)
    assert queue().interval > 1.0
    assert [request.error_code for request in airflow.endpoint.requests("sagemaker", CREATE)] == [
        "ThrottlingException",
        "ThrottlingException",
        None,
    ]


def test_without_a_door_throttled_calls_are_made_again(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"{OPTION}PACE", f"{CREATE}=1")
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "http://127.0.0.1:9/execution/")
    airflow.endpoint.add_fault("sagemaker", CREATE, error="ThrottlingException", times=2)
    run = airflow.run(fan_out(3))
    check(airflow, run, 3)
    assert "".join(capfd.readouterr()).count("Calls that create jobs are made without a pace") == 1


def test_a_call_that_has_a_pace_in_the_workers_settings_alone_is_made_without_one_and_the_log_says_so(
    airflow: Airflow, paced: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"{OPTION}PACE", "CreateProcessingJob=1")
    run = airflow.run(pipeline(processing("Prepare")))
    assert set(run.states.values()) == {"success"}
    assert "it has none for CreateProcessingJob" in "".join(capfd.readouterr())


def test_a_function_whose_turn_is_far_is_invoked_once_after_that(
    airflow: Airflow, paced: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    invoke = PacedCall("Invoke", "123456789012", "us-east-1")
    monkeypatch.setattr(SERVERS_CLOCK, "stopped_at", now)
    monkeypatch.setenv(f"{OPTION}PACE", "Invoke=1")
    queue(CallQueue(1.0, now, now + 6.0, now), invoke)
    airflow.endpoint.load_scenario({"jobs": [{"kind": "lambda", "result": {"n": 3}}]})
    run = airflow.run(pipeline(function("Call", {"n": "Integer"})))
    assert run.xcom("Call") == {"OutputParameters": {"n": 3}}
    assert len(airflow.endpoint.requests("lambda", "Invoke")) == 1
    assert queue(call=invoke) == CallQueue(1.0, now + 1.0, now + 21.0, now, ((now + 6.0, now + 20.0),))


def test_a_throttled_function_is_invoked_again_and_no_policy_counts_it(airflow: Airflow) -> None:
    airflow.endpoint.load_scenario({"jobs": [{"kind": "lambda", "result": {"n": 3}}]})
    airflow.endpoint.add_fault("lambda", "Invoke", error={"code": "TooManyRequestsException", "status": 429}, times=2)
    never = [{"ExceptionType": ["Step.THROTTLING"], "MaxAttempts": 0}]
    run = airflow.run(pipeline(function("Call", {"n": "Integer"}, RetryPolicies=never)))
    assert run.xcom("Call") == {"OutputParameters": {"n": 3}}
    assert len(airflow.endpoint.requests("lambda", "Invoke")) == 3
    (record,) = records()
    assert (record["failures"], record["policy_retries"]) == (0, {})


@pytest.mark.parametrize("secret", ["guessed", ""])
def test_who_is_no_running_task_gets_no_permit(airflow: Airflow, api_server: str, secret: str) -> None:
    import httpx
    import msgspec

    run = airflow.run(fan_out(1))
    asking = Asking(PaceMessage.ASK, CALL, TaskRef(run.dag_id, run.run_id, "Train0"), secret)
    answer = httpx.post(f"{api_server}/sagemaker-pace/calls", content=msgspec.json.encode(asking))
    assert answer.status_code == (403 if secret else 400)


def test_the_secret_of_a_task_is_of_no_use_once_it_has_ended(airflow: Airflow, paced: str) -> None:
    import httpx

    queue(CallQueue())
    ASKED.clear()
    run = airflow.run(fan_out(1))
    check(airflow, run, 1)
    permits = queue()
    # While the task ran, its call got a permit.
    assert permits.permit_at > 0
    assert [asking.task for asking in ASKED] == [TaskRef(run.dag_id, run.run_id, "Train0")]
    answer = httpx.post(f"{paced}/sagemaker-pace/calls", content=ASKED[0].to_bytes())
    assert answer.status_code == 403
    assert queue() == permits
