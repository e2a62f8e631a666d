"""Dev and prod of one file: what the settings beside a definition say is what AWS is asked for."""

from __future__ import annotations

import json

import pytest

from tests.runs.harness import BUCKET, Airflow, get, pipeline, training

LOADER = "from airflow_sm_pipelines import load_dags\nglobals().update(load_dags('pipelines'))\n"
DEFINITION = pipeline(
    training(
        "Train",
        Arguments={"HyperParameters": {"version": get("Parameters.Version")}},
        CacheConfig={"Enabled": True, "ExpireAfter": "P1D"},
    ),
    Parameters=[{"Name": "Version", "Type": "String", "DefaultValue": "0"}],
)
HOST = "dkr.ecr.us-east-1.amazonaws.com"
REPLACE = (
    f"replace:\n  - at: $.Steps[*].Arguments\n    from: s3://{BUCKET}\n    to: s3://prod\n"
    f"  - at: $.Steps\n    from: 123456789012.{HOST}\n    to: 210987654321.{HOST}\n"
)


def test_instances_send_their_own_values(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__SIDECAR_ALLOWS", "replace")
    folder = airflow.folder / "pipelines"
    folder.mkdir()
    (airflow.folder / "loader.py").write_text(LOADER)
    (folder / "forecast.json").write_text(json.dumps(DEFINITION))
    (folder / "forecast.airflow.yaml").write_text("parameters: {Version: 1.10}\n")
    (folder / "forecast.prod.airflow.yaml").write_text("parameters: {Version: 2026-01-05}\n" + REPLACE)
    for dag_id in ("forecast", "forecast.prod"):
        assert airflow.test(dag_id).state == "success"
    sent = [
        (request["HyperParameters"]["version"], request["OutputDataConfig"]["S3OutputPath"], request["TrainingJobName"])
        for request in airflow.created("CreateTrainingJob")
    ]
    assert [each[:2] for each in sent] == [("1.10", f"s3://{BUCKET}/out"), ("2026-01-05", "s3://prod/out")]


def test_a_replaced_text_counts_in_the_key_of_the_cache(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__SIDECAR_ALLOWS", "replace")
    folder = airflow.folder / "pipelines"
    folder.mkdir()
    (airflow.folder / "loader.py").write_text(LOADER)
    (folder / "forecast.json").write_text(json.dumps(DEFINITION))
    made = []
    for settings in ("", "", REPLACE, REPLACE):
        (folder / "forecast.airflow.yaml").write_text(settings)
        assert airflow.test("forecast").state == "success"
        made.append(len(airflow.created("CreateTrainingJob")))
    assert made == [1, 1, 2, 2]
