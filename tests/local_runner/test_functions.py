"""Python functions of the user's own that answer for Lambda and to Callback steps, and a shell where a job has run."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_sm_pipelines.local.callbacks import REPLY_QUEUE
from airflow_sm_pipelines.local.handler_calls import HandlerCalls
from tests.guarded.plugin import ENVIRONMENT
from tests.local_runner.jobs import BUCKET, Jobs, wait_until
from tests.local_runner.test_containment import processes_with

HANDLERS = """
import os, sys, time
import beside

def double(event, context):
    print("doubling for", context.function_name)
    return {"number": beside.twice(event["number"]), "region": os.environ["AWS_DEFAULT_REGION"]}

def broken(event, context):
    raise KeyError("number")

def leave(event, context):
    sys.exit(3)

def slow(message, context):
    open(message["arguments"]["started"], "w").close()
    time.sleep(600)

def answer(message, context):
    if message["arguments"]["rows"] == "garbled":
        open(sys.argv[4], "w").write("{")
        os._exit(0)
    if message["arguments"]["rows"] == "0":
        raise ValueError("the table is empty")
    return {"count": int(message["arguments"]["rows"]) + 1, "name": "table"}
"""


@pytest.fixture
def jobs(start_jobs: Callable[..., Jobs], tmp_path: Path) -> Jobs:
    (tmp_path / "handlers.py").write_text(HANDLERS)
    (tmp_path / "beside.py").write_text("def twice(number): return 2 * number")
    rules = [{"lambda": name, "handler": f"{tmp_path}/handlers.py:{name}"} for name in ("double", "broken", "leave")]
    started = start_jobs("auto", *rules, {"callback": "work", "handler": f"{tmp_path}/handlers.py:answer"})
    started.endpoint._parts[0].state.real_jobs.environment = {**started.endpoint.environment, **ENVIRONMENT}
    return started


def invoke(jobs: Jobs, name: str, event: object) -> tuple[object, str | None, str]:
    answer = jobs.endpoint.client("lambda").invoke(
        FunctionName=name, Payload=json.dumps(event).encode(), LogType="Tail"
    )
    tail = base64.b64decode(answer.get("LogResult", "")).decode()
    return json.loads(answer["Payload"].read()), answer.get("FunctionError"), tail


def test_a_handler_answers_for_a_function(jobs: Jobs) -> None:
    assert invoke(jobs, "double", {"number": 21}) == (
        {"number": 42, "region": "us-east-1"},
        None,
        "doubling for double\n",
    )


def test_a_handler_that_raises_is_a_function_that_does(jobs: Jobs) -> None:
    told, error, tail = invoke(jobs, "broken", {})
    assert isinstance(told, dict)
    assert (told["errorType"], told["errorMessage"], error) == ("KeyError", "'number'", "Unhandled")
    assert "in broken" in told["stackTrace"][0]
    assert tail.endswith("KeyError: 'number'\n")
    told, error, _ = invoke(jobs, "leave", {})
    assert (told, error) == (
        {"errorType": "Runtime.ExitError", "errorMessage": "the process of leave ended with exit code 3"},
        "Unhandled",
    )


def test_a_function_without_a_handler_does_not_exist(jobs: Jobs) -> None:
    client = jobs.endpoint.client("lambda", attempts=1)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="other", Payload=b"{}")


@pytest.mark.parametrize(
    ("rows", "reply"),
    [
        (
            "41",
            {
                "status": "Success",
                "OutputParameters": [{"Name": "count", "Value": "42"}, {"Name": "name", "Value": "table"}],
            },
        ),
        (
            "garbled",
            {
                "status": "Failure",
                "FailureReason": "JSONDecodeError: the local runner: Expecting property name enclosed in double quotes:"
                " line 1 column 2 (char 1)",
            },
        ),
        ("0", {"status": "Failure", "FailureReason": "ValueError: the table is empty"}),
    ],
)
def test_a_handler_answers_to_a_callback_step(jobs: Jobs, rows: str, reply: object) -> None:
    sqs = jobs.endpoint.client("sqs")
    url = sqs.get_queue_url(QueueName="work")["QueueUrl"]
    message = {"token": "aBcDeFgH12", "status": "Executing", "arguments": {"rows": rows}}
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(message))
    replies = sqs.get_queue_url(QueueName=REPLY_QUEUE)["QueueUrl"]
    found = wait_until(lambda: sqs.receive_message(QueueUrl=replies).get("Messages"), "the handler has answered")
    assert [json.loads(each["Body"]) for each in found] == [{"token": "aBcDeFgH12", **reply}]  # type: ignore[dict-item]


def test_a_reset_ends_a_handler_and_drops_its_answer(start_jobs: Callable[..., Jobs], tmp_path: Path) -> None:
    file = tmp_path / f"slow_{uuid.uuid4().hex}.py"
    file.write_text(HANDLERS.replace("import beside", ""))
    rule = {"callback": "work", "handler": f"{file}:slow"}
    jobs = start_jobs("auto", rule)
    sqs = jobs.endpoint.client("sqs")
    message = {"token": "aBcDeFgH12", "status": "Executing", "arguments": {"started": str(tmp_path / "started")}}
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="work")["QueueUrl"], MessageBody=json.dumps(message))
    wait_until((tmp_path / "started").exists, "the handler runs")
    jobs = start_jobs("auto", rule)
    wait_until(lambda: not processes_with(file.stem), "nothing of the handler runs")
    sqs = jobs.endpoint.client("sqs")
    replies = sqs.get_queue_url(QueueName=REPLY_QUEUE)["QueueUrl"]
    assert "Messages" not in sqs.receive_message(QueueUrl=replies)


def test_a_call_that_begins_while_the_endpoint_ends_is_cancelled() -> None:
    calls = HandlerCalls()
    before = calls.begin()
    assert not calls.end_all(0)
    assert before.cancelled.is_set()
    late = calls.begin()
    assert late.cancelled.is_set()
    for call in (before, late):
        calls.end(call)
    assert calls.end_all(0)
    calls.begin_anew()
    assert not calls.begin().cancelled.is_set()


def test_a_shell_is_opened_where_a_job_has_failed(
    start_jobs: Callable[..., Jobs], isolation: str, tmp_path: Path
) -> None:
    jobs = start_jobs(isolation, keep=True, folder=str(tmp_path / "jobs"))
    files = {"train.py": "open('/opt/ml/output/data/left', 'w').write('here'); raise SystemExit(1)"}
    jobs.train("failing", files)
    assert jobs.wait("failing").status == "Failed"
    folder = jobs.endpoint.job_folder("failing")
    shell = "from pathlib import Path; from airflow_sm_pipelines.local_runner.debugging import open_shell"
    answer = subprocess.run(
        [sys.executable, "-c", f"{shell}; raise SystemExit(open_shell(Path({str(folder)!r})))"],
        input="pwd; ls; cat ../output/data/left; echo; python3 train.py; exit 7\n",
        capture_output=True,
        text=True,
        check=False,
    )
    lines = answer.stdout.splitlines()
    assert lines[0].endswith("/opt/ml/code")
    assert lines[1:3] == ["train.py", "here"]
    assert answer.returncode == 7
    assert jobs.endpoint.last_lines() == {}


def test_the_last_line_of_a_log_is_told(start_jobs: Callable[..., Jobs]) -> None:
    jobs = start_jobs("paths", {"type": "Processing", "run": "process"})
    jobs.endpoint.load_scenario(
        {"runner": [{"type": "Processing", "run": "process"}], "jobs": [{"kind": "training", "logs": ["epoch 1"]}]}
    )
    jobs.process("real", "print('one'); print('two')")
    jobs.train("simulated", {"train.py": ""})
    jobs.wait("real")
    jobs.wait("simulated")
    assert jobs.endpoint.last_lines() == {"real": "two", "simulated": "Training job simulated completed"}


def test_a_job_without_a_folder_has_no_shell(jobs: Jobs, tmp_path: Path) -> None:
    from airflow_sm_pipelines.local_runner.debugging import open_shell

    jobs.process("simulated", "", inputs={"data": f"s3://{BUCKET}/nothing"})
    jobs.wait("simulated")
    assert jobs.endpoint.job_folder("simulated") is None
    assert open_shell(tmp_path) is None
