"""OpenLineage's provider, installed and switched on: what it is told of each job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.runs.harness import BUCKET, ROLE, Airflow, condition, equals, get, pipeline, processing, training, transform

TRAIN_DATA = f"{BUCKET}/train"
CHANNEL = {
    "ChannelName": "train",
    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{TRAIN_DATA}"}},
}
DAG_FILE = "from airflow_sm_pipelines import SageMakerPipelineDag\n\ndag = SageMakerPipelineDag('lineage.json')\n"


def told(events: Path) -> dict[tuple[str, str], tuple[list[str], list[str]]]:
    """Inputs and outputs by task and kind of event."""
    found = {}
    for line in events.read_text().splitlines():
        event = json.loads(line)
        names = [
            [f"{each['namespace']}/{each['name']}" for each in event.get(side, [])] for side in ("inputs", "outputs")
        ]
        found[event["job"]["name"].partition(".")[2], event["eventType"]] = (names[0], names[1])
    return found


def told_by(airflow: Airflow, folder: Path) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Run the Dag ``lineage``, and give what came of it and the file with all events until now."""
    events = folder / "events.json"
    transport = {"type": "file", "log_file_path": str(events), "append": True}
    environment = {
        **os.environ,
        **airflow.endpoint.environment,
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
    }
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "dags", "test", "lineage"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    return done, events


def test_inputs_and_outputs_of_jobs_are_told(airflow: Airflow, tmp_path: Path) -> None:
    process = processing("Process")
    process["Arguments"]["ProcessingInputs"] = [
        {
            "InputName": "raw",
            "S3Input": {
                "S3Uri": f"s3://{BUCKET}/raw/data.csv",
                "LocalPath": "/opt/ml/processing/in",
                "S3DataType": "S3Prefix",
                "S3InputMode": "File",
            },
        }
    ]
    model = {
        "PrimaryContainer": {
            "Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/image:1",
            "ModelDataUrl": get("Steps.Train.ModelArtifacts.S3ModelArtifacts"),
        },
        "ExecutionRoleArn": ROLE,
    }
    steps = [
        process,
        training("Train", Arguments={"InputDataConfig": [CHANNEL]}, DependsOn=["Process"]),
        {"Name": "Model", "Type": "Model", "Arguments": model},
        transform("Transform"),
        training("Broken", Arguments={"InputDataConfig": [CHANNEL]}),
        condition("Branch", [equals(1, 1)], [], []),
    ]
    (airflow.folder / "lineage.json").write_text(json.dumps(pipeline(*steps)))
    (airflow.folder / "lineage_dag.py").write_text(DAG_FILE)
    airflow.endpoint.reset(
        {
            "existing": {"model": ["forecast"]},
            "jobs": [
                {"kind": "training", "name": "*Broken*", "outcome": "Failed", "failure_reason": "AlgorithmError: no"}
            ],
        }
    )
    done, events = told_by(airflow, tmp_path)
    assert done.returncode == 1, done.stdout[-4000:] + done.stderr[-4000:]

    (train,) = [job.name for job in airflow.endpoint.jobs("training") if "Train" in job.name]
    artifact = f"s3://{BUCKET}/out/{train}/output/model.tar.gz"
    found = told(events)
    assert found["Process", "COMPLETE"] == ([f"s3://{BUCKET}/raw/data.csv"], [f"s3://{BUCKET}/Process/out"])
    assert found["Train", "COMPLETE"] == ([f"s3://{TRAIN_DATA}"], [artifact])
    assert found["Model", "COMPLETE"] == ([artifact], [])
    assert found["Transform", "COMPLETE"] == ([f"s3://{BUCKET}/in"], [f"s3://{BUCKET}/transformed"])
    assert found["Broken", "FAIL"] == ([f"s3://{TRAIN_DATA}"], [f"s3://{BUCKET}/out"])
    assert found["Branch", "COMPLETE"] == ([], [])


def test_a_step_whose_result_is_an_old_one_reads_and_writes_nothing(airflow: Airflow, tmp_path: Path) -> None:
    cache = {"Enabled": True, "ExpireAfter": "P1D"}
    step = training("Train", Arguments={"InputDataConfig": [CHANNEL]}, CacheConfig=cache)
    (airflow.folder / "lineage.json").write_text(json.dumps(pipeline(step)))
    (airflow.folder / "lineage_dag.py").write_text(DAG_FILE)
    first, events = told_by(airflow, tmp_path)
    inputs, outputs = told(events)["Train", "COMPLETE"]
    assert (inputs, len(outputs)) == ([f"s3://{TRAIN_DATA}"], 1), first.stdout[-4000:]

    second, events = told_by(airflow, tmp_path)
    assert len(airflow.endpoint.jobs("training")) == 1, second.stdout[-4000:]
    assert told(events)["Train", "COMPLETE"] == ([], [])
