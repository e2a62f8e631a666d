"""What the log of a task says of its end: the reason of a failure, a success in one line, the values of a condition."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

from tests.runs.harness import DAG_FILE, Airflow, condition, pipeline, training

REASON = "AlgorithmError: the data of 2026-01-05 is not there, and what is there has no column that is called so" * 3


def test_reason_success_and_condition_are_lines_of_the_log(airflow: Airflow) -> None:
    airflow.endpoint.reset({"jobs": [{"name": "*-Bad-*", "outcome": "Failed", "failure_reason": REASON}]})
    holds = {"Type": "LessThanOrEqualTo", "LeftValue": 4.63, "RightValue": 6.0}
    steps = [training("Good"), training("Bad"), condition("Check", [holds], [training("Then")], [])]
    path = airflow.folder / "pipeline.json"
    path.write_text(json.dumps(pipeline(*steps)))
    (airflow.folder / "pipeline_dag.py").write_text(DAG_FILE.format(path=str(path), arguments={}))
    # The tests' own process tells warnings only.
    command = [sys.executable, "-m", "airflow", "dags", "test", "pipeline"]
    environment = {**os.environ, "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO", "NO_COLOR": "1"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in (ended.stdout + ended.stderr).splitlines()]
    print("\n".join(lines))
    first = next(number for number, line in enumerate(lines) if "error " in line and "Bad" in line)
    assert "Step 'Bad' failed: the training job" in lines[first]
    # It is one message, in lines that the window shows.
    assert REASON in " ".join(" ".join(lines[first : first + 6]).split())
    [success] = [line for line in lines if re.search(r"The training job \S*-Good-\S* succeeded", line)]
    for part in (" s, ", "1 x ml.m5.large", "s3://"):
        assert part in success
    assert [line for line in lines if "4.63 <= 6.0, the if branch" in line]
