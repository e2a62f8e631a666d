"""The next run of a scheduled pipeline whose file is broken: it fails, says why, and tells those who are to be told."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.runs.harness import Airflow, pipeline, training

FILE = """
import datetime
from pathlib import Path

from airflow_sm_pipelines import SageMakerPipelineDag

def told(context):
    Path({told!r}).write_text(str(context["exception"]))

dag = SageMakerPipelineDag(
    {path!r}, on_error="dag", schedule="@daily", start_date=datetime.datetime(2026, 1, 1),
    default_args={{"owner": "ml", "on_failure_callback": told}},
)
"""


def test_its_next_run_fails_loudly(airflow: Airflow, capfd: pytest.CaptureFixture[str]) -> None:
    path, told = airflow.folder / "forecast.json", airflow.folder / "told.txt"
    path.write_text(json.dumps(pipeline(training("Train", DependsOn=["Nobody"]))))
    (airflow.folder / "forecast_dag.py").write_text(FILE.format(path=str(path), told=str(told)))
    run = airflow.test("forecast")
    assert (run.state, run.states) == ("failed", {"definition_error": "failed"})
    assert "$.Steps[0].DependsOn[0]" in told.read_text()
    assert "$.Steps[0].DependsOn[0]" in "".join(capfd.readouterr())
    assert airflow.endpoint.requests() == ()


def test_a_scheduler_goes_on_to_make_its_runs(airflow: Airflow) -> None:
    """The scheduler knows the Dag by its serialized form: with a schedule, it has a next run."""
    from airflow.sdk import DAG
    from airflow.serialization.serialized_objects import DagSerialization

    from airflow_sm_pipelines import load_dags

    (airflow.folder / "forecast.json").write_text("{")
    dag: DAG = load_dags(airflow.folder, schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC))["forecast"]
    known = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    info = known.next_dagrun_info(last_automated_run_info=None)
    assert info is not None
    assert info.data_interval is not None
