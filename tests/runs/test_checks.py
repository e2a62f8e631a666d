"""QualityCheck and ClarifyCheck steps: what the job is given, which baseline is used, and what violations do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.runs.harness import BUCKET, ROLE, Airflow, get, pipeline, training, without_own_tags
from tests.runs.time_limits import time_over

ANALYZER = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
CLARIFY = "205585389593.dkr.ecr.us-east-1.amazonaws.com/sagemaker-clarify-processing:1.0"
OLD = f"s3://{BUCKET}/old"
CONFIG: dict[str, Any] = {
    "dataset_type": "text/csv",
    "predictor": {"instance_type": "ml.m5.large", "initial_instance_count": 1},
}
DRIFT = {"feature_name": "age", "constraint_check_type": "baseline_drift_check", "description": "0.4 exceeds 0.1"}
FIRST: dict[str, Any] = {"SkipCheck": True, "RegisterNewBaseline": True}
SUPPLIED: dict[str, Any] = {"SuppliedBaselineConstraints": f"{OLD}/constraints.json"}
SUPPLIED_BOTH: dict[str, Any] = {**SUPPLIED, "SuppliedBaselineStatistics": f"{OLD}/statistics.json"}


def s3_input(name: str, uri: str, folder: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "AppManaged": False,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": folder,
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
            "S3CompressionType": "None",
        },
    }


def check_arguments(image: str, output: str, inputs: list[Any]) -> dict[str, Any]:
    place = {"S3Uri": f"s3://{BUCKET}/reports", "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"}
    return {
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}
        },
        "AppSpecification": {"ImageUri": image},
        "RoleArn": ROLE,
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": output, "AppManaged": False, "S3Output": place}]},
    }


def quality(check_type: str = "DATA_QUALITY", **settings: Any) -> dict[str, Any]:
    folder = "/opt/ml/processing/input/baseline_dataset_input"
    arguments = check_arguments(
        ANALYZER, "quality_check_output", [s3_input("baseline_dataset_input", f"s3://{BUCKET}/data", folder)]
    )
    arguments["Environment"] = {"dataset_source": folder, "publish_cloudwatch_metrics": "Disabled"}
    return {"Name": "Check", "Type": "QualityCheck", "Arguments": arguments, "CheckType": check_type, **settings}


def clarify(check_type: str = "MODEL_BIAS", **settings: Any) -> dict[str, Any]:
    config = s3_input("analysis_config", f"s3://{BUCKET}/cfg/analysis_config.json", "/opt/ml/processing/input/config")
    data = s3_input("dataset", f"s3://{BUCKET}/data", "/opt/ml/processing/input/data")
    arguments = check_arguments(CLARIFY, "analysis_result", [config, data])
    return {"Name": "Check", "Type": "ClarifyCheck", "Arguments": arguments, "CheckType": check_type, **settings}


def scenario(*violations: Any, output: str = "quality_check_output", **rule: Any) -> dict[str, Any]:
    files = {output: {"constraint_violations.json": {"violations": list(violations)}}}
    job = {"kind": "processing", "outputs": files, **rule}
    return {"defaults": {"duration": 0.01}, "jobs": [job], "s3": {BUCKET: {"cfg/analysis_config.json": CONFIG}}}


def approve(airflow: Airflow, baselines: dict[str, Any], *, status: str = "Approved", group: str = "group") -> None:
    """Register a model package with drift-check baselines."""
    client = airflow.endpoint.client("sagemaker")
    if not airflow.endpoint.requests("sagemaker", "CreateModelPackageGroup"):
        client.create_model_package_group(ModelPackageGroupName=group)
    client.create_model_package(ModelPackageGroupName=group, ModelApprovalStatus=status, DriftCheckBaselines=baselines)


def source(name: str) -> dict[str, str]:
    return {"ContentType": "application/json", "S3Uri": f"{OLD}/{name}"}


@pytest.fixture(params=[True, False], ids=["deferrable", "synchronous"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_a_supplied_baseline_is_mounted_and_the_new_one_told(airflow: Airflow, deferrable: bool) -> None:
    airflow.endpoint.reset(scenario())
    step = quality(
        SuppliedBaselineConstraints=get("Parameters.Constraints"),
        SuppliedBaselineStatistics=f"{OLD}/statistics.json",
        SkipCheck=get("Parameters.Skip"),
        RegisterNewBaseline=None,
        ModelPackageGroupName="",
    )
    told = {
        name: get(f"Steps.Check.{name}")
        for name in (
            "CalculatedBaselineConstraints",
            "CalculatedBaselineStatistics",
            "BaselineUsedForDriftCheckConstraints",
            "BaselineUsedForDriftCheckStatistics",
        )
    }
    run = airflow.run(
        pipeline(
            step,
            training("After", Arguments={"HyperParameters": told}),
            Parameters=[
                {"Name": "Constraints", "Type": "String", "DefaultValue": f"{OLD}/limits.json"},
                {"Name": "Skip", "Type": "Boolean", "DefaultValue": False},
            ],
        ),
        deferrable=deferrable,
    )
    assert run.state == "success"
    [request] = airflow.created("CreateProcessingJob")
    expected = step["Arguments"]
    folder = "/opt/ml/processing/baseline"
    assert request == {
        **expected,
        "ProcessingJobName": request["ProcessingJobName"],
        "ProcessingInputs": [
            *expected["ProcessingInputs"],
            s3_input("constraints", f"{OLD}/limits.json", f"{folder}/constraints"),
            s3_input("baseline", f"{OLD}/statistics.json", f"{folder}/stats"),
        ],
        "Environment": {
            **expected["Environment"],
            "baseline_constraints": f"{folder}/constraints/limits.json",
            "baseline_statistics": f"{folder}/stats/statistics.json",
        },
    }
    assert without_own_tags(run.rendered("Check")["request"]) == request
    job = airflow.endpoint.jobs("processing")[0]
    uris = {
        "CalculatedBaselineConstraints": f"s3://{BUCKET}/reports/constraints.json",
        "CalculatedBaselineStatistics": f"s3://{BUCKET}/reports/statistics.json",
        "BaselineUsedForDriftCheckConstraints": f"{OLD}/limits.json",
        "BaselineUsedForDriftCheckStatistics": f"{OLD}/statistics.json",
    }
    assert run.xcom("Check") == {
        **uris,
        "CheckType": "DATA_QUALITY",
        "CheckJobArn": job.arn,
        "SkipCheck": False,
        "RegisterNewBaseline": False,
    }
    [after] = airflow.created("CreateTrainingJob")
    assert after["HyperParameters"] == uris
    assert not airflow.endpoint.requests("sagemaker", "ListModelPackages")


def test_a_first_run_needs_no_baseline_and_reads_no_report(airflow: Airflow) -> None:
    airflow.endpoint.reset(scenario(DRIFT))
    run = airflow.run(pipeline(quality(ModelPackageGroupName="group", **FIRST)))
    assert run.state == "success"
    [request] = airflow.created("CreateProcessingJob")
    assert len(request["ProcessingInputs"]) == 1
    result = run.xcom("Check")
    assert result["BaselineUsedForDriftCheckConstraints"] == result["CalculatedBaselineConstraints"]
    assert result["BaselineUsedForDriftCheckStatistics"] == result["CalculatedBaselineStatistics"]
    assert result["ModelPackageGroupName"] == "group"
    assert "ViolationReport" not in result
    calls = {request.action for request in airflow.endpoint.requests()}
    assert not calls & {"ListModelPackages", "GetObject"}


def test_the_latest_approved_package_has_the_previous_baseline(airflow: Airflow) -> None:
    airflow.endpoint.reset(scenario())
    for version in ("1", "2"):
        files = {"Constraints": source(f"{version}/constraints.json"), "Statistics": source(f"{version}/stats.json")}
        approve(airflow, {"ModelDataQuality": files})
    approve(airflow, {"ModelDataQuality": {"Constraints": source("3/c.json")}}, status="PendingManualApproval")
    run = airflow.run(pipeline(quality(ModelPackageGroupName="group", RegisterNewBaseline=True)))
    assert run.state == "success"
    [request] = airflow.created("CreateProcessingJob")
    mounted = [one["S3Input"]["S3Uri"] for one in request["ProcessingInputs"][1:]]
    assert mounted == [f"{OLD}/2/constraints.json", f"{OLD}/2/stats.json"]
    assert run.xcom("Check")["BaselineUsedForDriftCheckConstraints"] == f"s3://{BUCKET}/reports/constraints.json"


def test_a_supplied_file_comes_before_that_of_the_package(airflow: Airflow) -> None:
    airflow.endpoint.reset(scenario())
    approve(airflow, {"ModelQuality": {"Constraints": source("c.json"), "Statistics": source("s.json")}})
    run = airflow.run(pipeline(quality("MODEL_QUALITY", ModelPackageGroupName="group", **SUPPLIED)))
    assert run.state == "success"
    [request] = airflow.created("CreateProcessingJob")
    assert [one["InputName"] for one in request["ProcessingInputs"]] == ["baseline_dataset_input", "constraints"]
    assert "baseline_statistics" not in request["Environment"]
    result = run.xcom("Check")
    assert result["BaselineUsedForDriftCheckConstraints"] == f"{OLD}/constraints.json"
    assert result["BaselineUsedForDriftCheckStatistics"] == f"{OLD}/s.json"


def test_a_skipped_check_hands_the_previous_baseline_on(airflow: Airflow) -> None:
    airflow.endpoint.reset(scenario(DRIFT))
    run = airflow.run(
        pipeline(quality("MODEL_QUALITY", SkipCheck={"Std:Join": {"On": "", "Values": ["true"]}}, **SUPPLIED))
    )
    assert run.state == "success"
    [request] = airflow.created("CreateProcessingJob")
    assert len(request["ProcessingInputs"]) == 1
    result = run.xcom("Check")
    assert result["BaselineUsedForDriftCheckConstraints"] == f"{OLD}/constraints.json"
    assert "BaselineUsedForDriftCheckStatistics" not in result


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (
            quality(),
            "SuppliedBaselineConstraints and SuppliedBaselineStatistics is not given, and no ModelPackageGroup",
        ),
        (clarify(ModelPackageGroupName="group"), "has no DriftCheckBaselines.Bias.PostTrainingConstraints"),
        (clarify(ModelName="m", **FIRST), "cfg/analysis_config.json does not exist, and the check needs it"),
    ],
)
def test_what_is_missing_fails_the_step_before_any_job(
    airflow: Airflow, capfd: pytest.CaptureFixture[str], step: dict[str, Any], why: str
) -> None:
    approve(airflow, {"Bias": {"PreTrainingConstraints": source("analysis.json")}})
    run = airflow.run(pipeline(step))
    assert run.states == {"Check": "failed"}
    assert airflow.created("CreateProcessingJob") == []
    assert why in "".join(capfd.readouterr())


def test_violations_fail_the_step_and_are_told(
    airflow: Airflow, deferrable: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    airflow.endpoint.reset(scenario(*[{**DRIFT, "feature_name": f"age{number}"} for number in range(25)]))
    step = quality(FailOnViolation=None, **SUPPLIED_BOTH)
    run = airflow.run(pipeline(step, training("After", DependsOn=["Check"])), deferrable=deferrable)
    assert run.states == {"Check": "failed", "After": "upstream_failed"}
    told = "".join(capfd.readouterr())
    assert "Step 'Check' failed: ClientError: Quality check failed. See violation report " in told
    assert f"report s3://{BUCKET}/reports/constraint_violations.json. 25 violations:" in told
    assert "age0: baseline_drift_check: 0.4 exceeds 0.1" in told
    assert "and 5 more" in told
    assert len(airflow.created("CreateProcessingJob")) == 1
    assert not airflow.endpoint.requests("sagemaker", "StopProcessingJob")
    assert run.xcom("Check", "sagemaker")["job_arn"] == airflow.endpoint.jobs("processing")[0].arn


def test_violations_that_may_be_are_in_the_result(airflow: Airflow) -> None:
    airflow.endpoint.reset(scenario(DRIFT))
    step = quality(FailOnViolation=get("Parameters.Strict"), **SUPPLIED_BOTH)
    strict = {"Name": "Strict", "Type": "Boolean", "DefaultValue": False}
    run = airflow.run(pipeline(step, Parameters=[strict]))
    assert run.state == "success"
    assert run.xcom("Check")["ViolationReport"] == f"s3://{BUCKET}/reports/constraint_violations.json"
    assert run.xcom("Check")["BaselineUsedForDriftCheckConstraints"] == f"{OLD}/constraints.json"


def test_a_result_with_violations_is_not_kept_for_reuse(airflow: Airflow) -> None:
    """FailOnViolation is no key attribute: a kept result would make a step green that lets no violation pass."""
    cache: dict[str, Any] = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P1D"}}
    states = []
    for violations, may_fail in (((DRIFT,), False), ((DRIFT,), True), ((), True), ((), True)):
        airflow.endpoint.reset(scenario(*violations))
        step = quality(FailOnViolation=may_fail, **SUPPLIED_BOTH, **cache)
        run = airflow.run(pipeline(step), dag_id="cached_checks")
        states.append((run.state, len(airflow.created("CreateProcessingJob"))))
    assert states == [("success", 1), ("failed", 1), ("success", 1), ("success", 0)]


def test_the_report_of_an_earlier_execution_is_not_taken_for_this_ones(airflow: Airflow) -> None:
    written = {
        "defaults": {"duration": 0.01},
        "s3": {BUCKET: {"reports/constraint_violations.json": {"violations": [DRIFT]}}},
    }
    airflow.endpoint.reset(written)
    run = airflow.run(pipeline(quality(**SUPPLIED_BOTH)))
    assert run.state == "success"
    assert "ViolationReport" not in run.xcom("Check")


def test_violations_without_a_report_fail_the_step(airflow: Airflow, capfd: pytest.CaptureFixture[str]) -> None:
    message = "CompletedWithViolations: Job completed successfully with 2 violations."
    airflow.endpoint.reset({"jobs": [{"duration": 0.01, "exit_message": message}]})
    assert airflow.run(pipeline(quality(**SUPPLIED_BOTH))).states == {"Check": "failed"}
    assert message in "".join(capfd.readouterr())


def test_a_report_that_may_not_be_read_fails_the_step(airflow: Airflow, capfd: pytest.CaptureFixture[str]) -> None:
    denied = {"code": "AccessDenied", "message": "Access Denied", "status": 403}
    airflow.endpoint.reset(
        {**scenario(), "faults": [{"service": "s3", "action": "GetObject", "times": 2, "error": denied}]}
    )
    assert airflow.run(pipeline(quality(**SUPPLIED_BOTH))).states == {"Check": "failed"}
    assert "s3:ListBucket to learn that a file is missing" in "".join(capfd.readouterr())


def test_a_later_try_goes_on_with_the_job_and_the_baseline_of_the_first(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__AWS_MAX_ATTEMPTS", "1")
    slow = {"code": "SlowDown", "message": "Reduce your request rate", "status": 503}
    fault = {"service": "s3", "action": "GetObject", "error": slow, "skip": 1, "times": 1}
    airflow.endpoint.reset({**scenario(DRIFT), "faults": [fault]})
    approve(airflow, {"ModelQuality": {"Constraints": source("c.json")}})
    run = airflow.run(pipeline(quality("MODEL_QUALITY", FailOnViolation=False, ModelPackageGroupName="group")))
    assert run.state == "success"
    assert "ViolationReport" in run.xcom("Check")
    assert run.xcom("Check")["BaselineUsedForDriftCheckConstraints"] == f"{OLD}/c.json"
    assert len(airflow.created("CreateProcessingJob")) == 1
    assert len(airflow.endpoint.requests("sagemaker", "ListModelPackages")) == 1


def test_the_model_is_put_into_a_copy_of_the_analysis_config(airflow: Airflow) -> None:
    airflow.endpoint.reset(scenario(output="analysis_result"))
    approve(airflow, {"Bias": {"PostTrainingConstraints": source("analysis.json")}})
    step = clarify(ModelName=get("Steps.Train.TrainingJobName"), ModelPackageGroupName="group")
    told = {
        name: get(f"Steps.Check.{name}")
        for name in ("CalculatedBaselineConstraints", "BaselineUsedForDriftCheckConstraints")
    }
    run = airflow.run(
        pipeline(
            training("Train"),
            step,
            training("After", Arguments={"HyperParameters": {**told, "run": get("Execution.PipelineExecutionId")}}),
        )
    )
    assert run.state == "success"
    [request] = airflow.created("CreateProcessingJob")
    train, after = airflow.created("CreateTrainingJob")
    name, execution = request["ProcessingJobName"], after["HyperParameters"].pop("run")
    key = f"reports/analysis_config/{execution}/{name}/analysis_config.json"
    config, data = step["Arguments"]["ProcessingInputs"]
    folder = "/opt/ml/processing/baseline/constraints"
    assert request == {
        **step["Arguments"],
        "ProcessingJobName": name,
        "ProcessingInputs": [
            {**config, "S3Input": {**config["S3Input"], "S3Uri": f"s3://{BUCKET}/{key}"}},
            data,
            s3_input("constraints", f"{OLD}/analysis.json", folder),
        ],
        "Environment": {"baseline_constraints": f"{folder}/analysis.json"},
    }
    assert without_own_tags(run.rendered("Check")["request"]) == request
    predictor = {**CONFIG["predictor"], "model_name": train["TrainingJobName"]}
    assert content(airflow, key) == {**CONFIG, "predictor": predictor}
    assert content(airflow, "cfg/analysis_config.json") == CONFIG
    calculated = f"s3://{BUCKET}/reports/analysis.json"
    uris = {
        "CalculatedBaselineConstraints": calculated,
        "BaselineUsedForDriftCheckConstraints": f"{OLD}/analysis.json",
    }
    assert after["HyperParameters"] == uris
    assert run.xcom("Check") == {
        **uris,
        "CheckType": "MODEL_BIAS",
        "ModelPackageGroupName": "group",
        "CheckJobArn": airflow.endpoint.jobs("processing")[0].arn,
        "SkipCheck": False,
        "RegisterNewBaseline": False,
    }


def content(airflow: Airflow, key: str) -> Any:
    return json.loads(airflow.endpoint.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read())


def test_violations_of_a_clarify_check(airflow: Airflow, capfd: pytest.CaptureFixture[str]) -> None:
    bias = {
        "facet": "Age",
        "facet_value": "40",
        "metric_name": "CI",
        "constraint_check_type": "bias_drift_check",
        "description": "Value 0.07 does not meet the constraint requirement",
    }
    airflow.endpoint.reset(scenario(bias, output="analysis_result"))
    run = airflow.run(pipeline(clarify("DATA_BIAS", SuppliedBaselineConstraints=f"{OLD}/analysis.json")))
    assert run.states == {"Check": "failed"}
    told = "".join(capfd.readouterr())
    assert "ClientError: Clarify check failed. See violation report" in told
    assert "Age = 40, CI: bias_drift_check: Value 0.07 does not meet" in told
    assert not airflow.endpoint.requests("s3", "PutObject")


def test_a_failed_job_fails_the_step(airflow: Airflow) -> None:
    airflow.endpoint.reset({"jobs": [{"kind": "processing", "outcome": "Failed", "failure_reason": "ClientError: no"}]})
    assert airflow.run(pipeline(quality(**FIRST))).states == {"Check": "failed"}
    assert len(airflow.endpoint.jobs("processing")) == 1
    assert not airflow.endpoint.requests("s3", "GetObject")


@pytest.mark.parametrize(
    "step", [quality(**SUPPLIED_BOTH), clarify(ModelName="m", **FIRST)], ids=["quality", "clarify"]
)
def test_a_killed_step_stops_its_job(airflow: Airflow, step: dict[str, Any]) -> None:
    airflow.endpoint.reset(scenario(duration=600))
    with time_over(airflow) as limit:
        run = airflow.run(pipeline(step), default_args=limit)
    assert run.states == {"Check": "failed"}
    assert len(airflow.endpoint.requests("sagemaker", "StopProcessingJob")) == 1
