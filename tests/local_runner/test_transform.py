"""Batch transform jobs whose model's script really runs."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.local_runner.transformer import columns, joined
from tests.local_runner.jobs import BUCKET, GUARDED, ROLE, Jobs, packed

INFERENCE = """
    import json, pathlib

    def model_fn(folder):
        return int(pathlib.Path(folder, "factor").read_text())

    def input_fn(body, content_type):
        assert content_type == "text/csv"
        print("asked for", len(body.split()), "records")
        return [sum(map(float, line.split(","))) for line in body.split()]

    def predict_fn(data, model):
        return [value * model for value in data]

    def output_fn(prediction, accept):
        return json.dumps(prediction) if accept == "application/json" else "\\n".join(map(str, prediction))
"""


def transform(jobs: Jobs, name: str, script: str | None = INFERENCE, **more: Any) -> None:
    files = {"factor": "10", **({} if script is None else {"code/inference.py": script})}
    address = jobs.put(f"{name}/model.tar.gz", packed(files))
    container = {"Image": "own/scikit-learn:1", "ModelDataUrl": address}
    jobs.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/rows/"}}
    request: dict[str, Any] = {
        "TransformJobName": name,
        "ModelName": name,
        "TransformInput": {
            "DataSource": source,
            "ContentType": "text/csv",
            "SplitType": "Line",
            **more.pop("TransformInput", {}),
        },
        "TransformOutput": {
            "S3OutputPath": f"s3://{BUCKET}/predicted/{name}",
            "AssembleWith": "Line",
            **more.pop("TransformOutput", {}),
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "Environment": GUARDED,
    }
    jobs.sagemaker.create_transform_job(**{**request, **more})


def test_each_file_has_its_predictions_beside_it(jobs: Jobs) -> None:
    jobs.put("rows/a.csv", "1,2\n3,4\n")
    jobs.put("rows/deep/b.csv", "5,6\n")
    transform(jobs, "predict")
    assert jobs.wait("predict").status == "Completed", jobs.log("predict", "TransformJobs")
    assert jobs.keys("predicted/") == ["predicted/predict/a.csv.out", "predicted/predict/deep/b.csv.out"]
    assert jobs.get("predicted/predict/a.csv.out") == b"30.0\n70.0\n"
    assert jobs.log("predict", "TransformJobs") == ["asked for 2 records", "asked for 1 records"]


def test_single_records_filters_and_joins(jobs: Jobs) -> None:
    jobs.put("rows/a.csv", "id-1,1,2\nid-2,3,4\n")
    processing = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    transform(jobs, "joined", BatchStrategy="SingleRecord", DataProcessing=processing)
    assert jobs.wait("joined").status == "Completed", jobs.log("joined", "TransformJobs")
    assert jobs.get("predicted/joined/a.csv.out") == b"id-1,30.0\nid-2,70.0\n"
    assert jobs.log("joined", "TransformJobs") == ["asked for 1 records"] * 2


def test_a_file_that_is_not_split_is_one_request(jobs: Jobs) -> None:
    jobs.put("rows/a.csv", "1,2\n3,4\n")
    transform(
        jobs,
        "whole",
        TransformInput={"SplitType": "None"},
        TransformOutput={"AssembleWith": "None", "Accept": "application/json"},
    )
    assert jobs.wait("whole").status == "Completed", jobs.log("whole", "TransformJobs")
    assert jobs.get("predicted/whole/a.csv.out") == b"[30.0, 70.0]"


def test_what_fails_and_what_cannot_run_says_so(jobs: Jobs) -> None:
    jobs.put("rows/a.csv", "one,two\n")
    transform(jobs, "failing")
    transform(jobs, "no-script", script=None)
    transform(jobs, "records", TransformInput={"SplitType": "RecordIO"})
    assert jobs.wait("failing").failure_reason == "AlgorithmError: See job logs for more information"
    assert jobs.log("failing", "TransformJobs")[-1] == "ValueError: could not convert string to float: 'one'"
    assert "there is no script code/inference.py in the model" in str(jobs.wait("no-script").failure_reason)
    assert "SplitType RecordIO does not work locally" in str(jobs.wait("records").failure_reason)


@pytest.mark.parametrize(
    ("wanted", "found"), [("$", "a,b,c\nd,e,f"), ("$[1:]", "b,c\ne,f"), ("$[:-1]", "a,b\nd,e"), ("$[2,0]", "c,a\nf,d")]
)
def test_columns(wanted: str, found: str) -> None:
    assert columns("a,b,c\nd,e,f", wanted) == found


def test_a_join_needs_a_prediction_for_each_record() -> None:
    assert joined("a\nb\n", "1\n2") == "a,1\nb,2"
    with pytest.raises(ValueError, match="2 records have 1 predictions"):
        joined("a\nb", "1")
