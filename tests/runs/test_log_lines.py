"""What the log of a task says of its end, and which pipeline, step and attempt each line names."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tests.runs.harness import DAG_FILE, Airflow, condition, pipeline, training
from tests.runs.test_callback import OPTION, answering, callback
from tests.runs.test_lambda import function
from tests.runs.workers import make_queue, worker

REASON = "AlgorithmError: the data of 2026-01-05 is not there, and what is there has no column that is called so" * 3


def lines_of(airflow: Airflow, definition: Mapping[str, Any], **settings: str) -> list[str]:
    """What ``airflow dags test`` prints: the tests' own process tells warnings only."""
    path = airflow.folder / "pipeline.json"
    path.write_text(json.dumps(definition))
    (airflow.folder / "pipeline_dag.py").write_text(DAG_FILE.format(path=str(path), arguments={}))
    command = [sys.executable, "-m", "airflow", "dags", "test", "pipeline"]
    environment = {**os.environ, "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO", "NO_COLOR": "1", **settings}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in (ended.stdout + ended.stderr).splitlines()]
    print("\n".join(lines))
    return lines


def test_reason_success_and_condition_are_lines_of_the_log(airflow: Airflow) -> None:
    airflow.endpoint.reset({"jobs": [{"name": "*-Bad-*", "outcome": "Failed", "failure_reason": REASON}]})
    holds = {"Type": "LessThanOrEqualTo", "LeftValue": 4.63, "RightValue": 6.0}
    steps = [training("Good"), training("Bad"), condition("Check", [holds], [training("Then")], [])]
    lines = lines_of(airflow, pipeline(*steps))
    first = next(number for number, line in enumerate(lines) if "error " in line and "Bad" in line)
    assert "Step 'Bad' failed: the training job" in lines[first]
    # It is one message, in lines that the window shows.
    assert REASON in " ".join(" ".join(lines[first : first + 6]).split())
    [success] = [line for line in lines if re.search(r"The training job \S*-Good-\S* succeeded", line)]
    for part in (" s, ", "1 x ml.m5.large", "s3://"):
        assert part in success
    assert [line for line in lines if "4.63 <= 6.0, the if branch" in line]


def test_lines_of_every_step_say_whose_they_are(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those of steps that run no job."""
    work, replies = make_queue(airflow.endpoint, "work"), make_queue(airflow.endpoint, "replies")
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    monkeypatch.setenv(f"{OPTION}CALLBACK_REPLY_QUEUE_URL", replies)
    airflow.endpoint.put_function("compute", lambda event: event)
    holds = {"Type": "LessThanOrEqualTo", "LeftValue": 4.63, "RightValue": 6.0}
    steps = [training("Train"), function("Compute"), callback("Approve", work), condition("Check", [holds], [], [])]

    with worker(airflow.endpoint, work, answering(airflow.endpoint, replies)):
        printed = lines_of(airflow, pipeline(*steps), AIRFLOW__LOGGING__JSON_LOGS="True")

    lines = [json.loads(line) for line in printed if line.startswith("{")]
    for begins, step in {
        "Created the training job": "Train",
        "Invoking the function": "Compute",
        "Sent the message": "Approve",
        "4.63 <= 6.0, the if branch": "Check",
    }.items():
        [line] = [line for line in lines if str(line["event"]).startswith(begins)]
        assert {name: line.get(name) for name in ("pipeline", "step", "attempt")} == {
            "pipeline": "pipeline",
            "step": step,
            "attempt": 1,
        }
        # A function and a message are no jobs, and a line has nothing of the step before.
        assert ("job" in line) == (step == "Train")
