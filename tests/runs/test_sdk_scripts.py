"""Definitions that both SDKs have made from scripts run for real, unchanged: tests/local_mode/sdk."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from fit import read
from line import Line
from rows import make_rows

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.bubblewrap import need_bubblewrap
from tests.local_mode.uploads import SDK, upload
from tests.runs.harness import BUCKET, Airflow, Run


@pytest.fixture(scope="module", autouse=True)
def bubblewrap() -> None:
    """The definitions' jobs run in namespaces, so that a path of SageMaker's is one here."""
    need_bubblewrap()


def really_run(airflow: Airflow, definition: Path, folder: Path, **conf: Any) -> Run:
    runner = {"rules": [{"run": "process"}], "isolation": "bubblewrap", "folder": str(folder)}
    airflow.endpoint.reset({"runner": runner})
    upload(airflow.endpoint, definition)
    return airflow.run(definition, conf)


def text(endpoint: LocalEndpoint, uri: str) -> str:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body: bytes = endpoint.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body.decode()


def model_in(endpoint: LocalEndpoint, uri: str) -> tuple[dict[str, Any], set[str]]:
    """The line that a training job has left, and the names of the files in its archive."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body = endpoint.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        names = {member.name for member in archive if member.isfile()}
        file = archive.extractfile("line.json")
        assert file is not None
        return json.load(file), names


def fitted(folder: Path, run: Run, endpoint: LocalEndpoint, epochs: int, rate: float) -> tuple[Line, float]:
    """What ``fit.py`` makes of the rows of a run, here; and its loss on those for validation."""
    for output in run.xcom("Split")["ProcessingOutputConfig"]["Outputs"]:
        name = output["OutputName"]
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "rows.csv").write_text(text(endpoint, f"{output['S3Output']['S3Uri']}/{name}.csv"))
    line, rows = Line(), read(str(folder / "train"))
    for _ in range(epochs):
        line.step(rows, rate)
    return line, line.loss(read(str(folder / "validation")))


def tuned(endpoint: LocalEndpoint, run: Run) -> list[tuple[dict[str, Any], float]]:
    """The line and the objective of each training job of ``Tune``, the best one first."""
    client = endpoint.client("sagemaker")
    jobs = client.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=run.xcom("Tune")["HyperParameterTuningJobName"]
    )["TrainingJobSummaries"]
    found = []
    for job in jobs:
        described = client.describe_training_job(TrainingJobName=job["TrainingJobName"])
        line, _ = model_in(endpoint, described["ModelArtifacts"]["S3ModelArtifacts"])
        [metric] = described["FinalMetricDataList"]
        assert metric["MetricName"] == "validation:loss"
        found.append((line, metric["Value"]))
    return sorted(found, key=lambda each: each[1])


def test_what_the_sdk_2_has_made_runs_for_real(airflow: Airflow, local_endpoint: LocalEndpoint, tmp_path: Path) -> None:
    run = really_run(airflow, SDK / "framework_2.json", tmp_path / "jobs", Rows=40, Rate=0.25)
    assert set(run.states.values()) == {"success"}, run.states
    line, loss = fitted(tmp_path, run, local_endpoint, epochs=200, rate=0.25)
    assert len(read(str(tmp_path / "train"))) == 20
    assert read(str(tmp_path / "validation"))[0] == pytest.approx(make_rows(40, 7)[0], abs=1e-6)

    left, names = model_in(local_endpoint, run.xcom("Fit")["ModelArtifacts"]["S3ModelArtifacts"])
    assert left == {"slope": line.slope, "intercept": line.intercept, "epochs": 200, "rate": 0.25}
    assert names == {"line.json"}
    [metric] = run.xcom("Fit")["FinalMetricDataList"]
    assert metric["Value"] == pytest.approx(loss, abs=1e-6)

    best, *others = tuned(local_endpoint, run)
    assert len(others) == 2
    assert run.xcom("Tune")["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == best[1]
    assert all(1 <= line["epochs"] <= 60 and 0.05 <= line["rate"] <= 0.4 for line, _ in (best, *others))

    # The batch transform serves the best one, and its answers are those of the line.
    scores = text(local_endpoint, f"s3://{BUCKET}/scores/batch.csv.out").split()
    features = [float(line) for line in (tmp_path / "batch" / "rows.csv").read_text().split()]
    served = Line(best[0]["slope"], best[0]["intercept"])
    assert [float(score) for score in scores] == pytest.approx([served.predict(each) for each in features], abs=1e-6)

    # The registered model is that of Fit, packed again with the scripts that serve it.
    [package] = airflow.created("CreateModelPackage")
    [container] = package["InferenceSpecification"]["Containers"]
    again, names = model_in(local_endpoint, container["ModelDataUrl"])
    assert again == left
    assert {"line.json", "code/serve.py", "code/line.py"} <= names


def test_what_the_sdk_3_has_made_runs_for_real(airflow: Airflow, local_endpoint: LocalEndpoint, tmp_path: Path) -> None:
    run = really_run(airflow, SDK / "trainer_3.json", tmp_path / "jobs")
    assert set(run.states.values()) == {"success"}, run.states
    line, _ = fitted(tmp_path, run, local_endpoint, epochs=200, rate=0.3)
    left, _ = model_in(local_endpoint, run.xcom("Fit")["ModelArtifacts"]["S3ModelArtifacts"])
    assert (left["slope"], left["intercept"]) == (line.slope, line.intercept)
    best, other = tuned(local_endpoint, run)
    assert best[1] <= other[1]
    assert best[0]["rate"] == 0.3
