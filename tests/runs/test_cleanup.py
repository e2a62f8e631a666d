"""Cleanup steps: what is gone afterwards, what stays, and what becomes of the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.expressions.identity import execution_id
from airflow_sm_pipelines.place import Place
from tests.runs.adapters import lose_the_first_result
from tests.runs.beside import beside
from tests.runs.harness import BUCKET, Airflow, Run, get, pipeline, processing, training
from tests.runs.time_limits import time_over
from tests.waiting import until

CASE = Path(__file__).parent.parent / "cases" / "41-cleanup-step.json"
PREFIXES = "AIRFLOW__SAGEMAKER_PIPELINES__CLEANUP_PREFIXES"
SCENARIO = {
    "defaults": {"duration": 0.05},
    "jobs": [{"kind": "processing", "outputs": {"out": {"report.json": {"a": 1}, "report.json2": {"a": 2}}}}],
    "s3": {BUCKET: {"out/other/model.tar.gz": {"not": "mine"}, "Prep/out2/report.json": {"not": "mine"}}},
}
OTHERS = {"out/other/model.tar.gz", "Prep/out2/report.json"}


def tidy(*entries: Any, **members: Any) -> dict[str, Any]:
    return {"Name": "Tidy", "Type": "Cleanup", "Arguments": {"Resources": {"S3": list(entries)}}, **members}


def keys(airflow: Airflow) -> set[str]:
    listed = airflow.endpoint.client("s3").list_objects_v2(Bucket=BUCKET)
    return {one["Key"] for one in listed.get("Contents", [])}


def model_of(run: Run) -> str:
    return f"out/{run.xcom('Train')['TrainingJobName']}/output/model.tar.gz"


def test_the_named_objects_are_gone_and_others_stay(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIXES, f"s3://{BUCKET}/Prep/out")
    airflow.endpoint.reset(SCENARIO)
    s3 = airflow.endpoint.client("s3")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    run = airflow.run(json.loads(CASE.read_text()))
    assert run.state == "success"
    assert keys(airflow) == {*OTHERS, "Prep/out/report.json2"}
    result = run.xcom("Tidy")
    gone = [f"s3://{BUCKET}/{model_of(run)}", f"s3://{BUCKET}/Prep/out/report.json"]
    assert (result["Deleted"], result["CleanedSteps"]) == (gone, ["Train", "Prep"])
    named = [request.parameters for request in airflow.endpoint.requests("s3", "DeleteObjects")]
    assert len(named) == 2
    assert airflow.endpoint.requests("s3", "DeleteObject") == ()
    versions = {one["Key"] for one in s3.list_object_versions(Bucket=BUCKET)["Versions"]}
    assert {model_of(run), "Prep/out/report.json"} <= versions


def test_what_another_run_may_need_is_refused_by_default(airflow: Airflow) -> None:
    airflow.endpoint.reset(SCENARIO)
    run = airflow.run(json.loads(CASE.read_text()))
    assert run.states == {"Train": "success", "Prep": "success", "Tidy": "failed"}
    assert keys(airflow) == {*OTHERS, "Prep/out/report.json", "Prep/out/report.json2"}
    result = run.xcom("Tidy")
    assert (result["CleanedSteps"], result["FailedSteps"]) == (["Train"], ["Prep"])
    assert [one["S3Uri"] for one in result["Refused"]] == [f"s3://{BUCKET}/Prep/out/report.json"]


def test_an_output_of_the_execution_needs_no_setting_and_a_lost_result_is_told_again(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    airflow.endpoint.reset(SCENARIO)
    folder = {"Std:Join": {"On": "/", "Values": [f"s3://{BUCKET}/runs", get("Execution.PipelineExecutionId")]}}
    output = {"S3Uri": folder, "LocalPath": "/opt/ml/processing/out", "S3UploadMode": "EndOfJob"}
    outputs = {"Outputs": [{"OutputName": "out", "S3Output": output}]}
    report = {"Std:Join": {"On": "/", "Values": [folder, "report.json"]}}
    prep = processing("Prep", Arguments={"ProcessingOutputConfig": outputs})
    definition = pipeline(prep, tidy({"StepName": "Prep", "S3Uris": [report]}))
    lose_the_first_result(monkeypatch)
    run = airflow.run(definition)
    assert run.state == "success"
    written = f"runs/{execution_id(Place(run.dag_id), run.run_id)}/report.json"
    assert keys(airflow) == {*OTHERS, f"{written}2"}
    assert run.xcom("Tidy")["Deleted"] == [f"s3://{BUCKET}/{written}"]


def test_what_another_run_made_is_never_deleted(airflow: Airflow) -> None:
    """By the step cache, and by a selective execution."""
    airflow.endpoint.reset(SCENARIO)
    train = training("Train", CacheConfig={"Enabled": True, "ExpireAfter": "P1D"})
    first = airflow.run(pipeline(train))
    definition = pipeline(train, tidy({"StepName": "Train"}))
    for conf in (None, {"sagemaker_selected_steps": ["Tidy"], "sagemaker_source_run_id": first.run_id}):
        run = airflow.run(definition, conf)
        assert run.state == "success"
        assert run.xcom("Tidy")["SkippedSteps"] == ["Train"]
        assert keys(airflow) == {*OTHERS, model_of(first)}
    assert airflow.endpoint.requests("s3", "DeleteObjects") == ()


def test_a_source_that_failed_is_cleaned_up_where_a_trigger_says_so(airflow: Airflow) -> None:
    reason = {"name": "*-Train-*", "outcome": "Failed", "failure_reason": "AlgorithmError: no"}
    airflow.endpoint.reset({**SCENARIO, "jobs": [reason]})
    upon = [{"Step": "Train", "Trigger": "Any"}]
    run = airflow.run(pipeline(training("Train"), tidy({"StepName": "Train"}, DependsOn=upon)))
    assert (run.states["Train"], run.states["Tidy"]) == ("failed", "success")
    [folder] = run.xcom("Tidy")["Missing"]
    assert folder == f"s3://{BUCKET}/out/{run.xcom('Train')['TrainingJobName']}/"


def write_as_the_job(airflow: Airflow) -> None:
    """Write an object to the folder of the job that is looked at, as a job that is running does."""
    [look] = until(airflow.endpoint.paused)
    key = checkpoint_of(look.parameters["TrainingJobName"])
    airflow.endpoint.load_scenario({"s3": {BUCKET: {key: {"step": 1}}}})
    airflow.endpoint.resume()


def checkpoint_of(job: str) -> str:
    return f"out/{job}/checkpoint"


def test_a_source_whose_time_was_over_is_cleaned_up_too(airflow: Airflow) -> None:
    """It has no result: where its job wrote is asked of AWS."""
    look = {"action": "DescribeTrainingJob", "pause": "before", "times": 1}
    rule = {"kind": "training", "duration": 600, "stopping": 0.05}
    airflow.endpoint.reset({**SCENARIO, "jobs": [rule], "faults": [look]})
    upon = [{"Step": "Train", "Trigger": "Any"}]
    definition = pipeline(training("Train"), tidy({"StepName": "Train"}, DependsOn=upon))
    with time_over(airflow) as limit, beside(lambda: write_as_the_job(airflow)):
        run = airflow.run(definition, default_args=limit)
    [created] = airflow.created("CreateTrainingJob")
    written = checkpoint_of(created["TrainingJobName"])
    assert (run.states["Train"], run.states["Tidy"], run.xcom("Train")) == ("failed", "success", None)
    result = run.xcom("Tidy")
    assert (result["CleanedSteps"], result["SkippedSteps"], result["Missing"]) == (["Train"], [], [])
    assert f"s3://{BUCKET}/{written}" in result["Deleted"]
    assert keys(airflow) == OTHERS


def test_objects_that_s3_does_not_delete_fail_the_step(airflow: Airflow) -> None:
    denied = {"service": "s3", "action": "DeleteObjects", "error": {"code": "AccessDenied", "status": 403}, "times": 9}
    airflow.endpoint.reset({**SCENARIO, "faults": [denied]})
    run = airflow.run(pipeline(training("Train"), tidy({"StepName": "Train"})))
    assert run.states == {"Train": "success", "Tidy": "failed"}
    assert run.xcom("Tidy")["FailedSteps"] == ["Train"]
    assert len(airflow.endpoint.requests("s3", "DeleteObjects")) == 1
