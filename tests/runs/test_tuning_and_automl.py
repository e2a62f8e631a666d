"""Tuning and AutoML steps: the request, the properties and what refers to them, the failure, the kill."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.runs.harness import BUCKET, IMAGE, ROLE, Airflow, get, pipeline, training
from tests.runs.time_limits import time_over


@pytest.fixture(params=[True, False], ids=["deferrable", "synchronous"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def tuning(name: str, **members: Any) -> dict[str, Any]:
    definition = training("x")["Arguments"]
    job = {
        "AlgorithmSpecification": {
            **definition["AlgorithmSpecification"],
            "MetricDefinitions": [{"Name": "validation:rmse", "Regex": "rmse=(.*)"}],
        },
        "StaticHyperParameters": {"epochs": "2"},
        **{key: definition[key] for key in ("OutputDataConfig", "ResourceConfig", "StoppingCondition", "RoleArn")},
    }
    arguments = {
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 3},
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "validation:rmse"},
            "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0", "MaxValue": "1"}]},
        },
        "TrainingJobDefinition": job,
    }
    return {"Name": name, "Type": "Tuning", "Arguments": arguments, **members}


SCENARIO = {"jobs": [{"kind": "tuning", "duration": 0.3, "metrics": {"validation:rmse": [3.0, 1.0, 2.0]}}]}


def test_the_best_training_jobs_can_be_referred_to(airflow: Airflow) -> None:
    airflow.endpoint.reset(SCENARIO)
    names = {
        "best": get("Steps.Tune.BestTrainingJob.TrainingJobName"),
        "first": get("Steps.Tune.TrainingJobSummaries[0].TrainingJobName"),
        "last": get("Steps.Tune.TrainingJobSummaries[2].TrainingJobName"),
        "tuned": get("Steps.Tune.BestTrainingJob.TunedHyperParameters['eta']"),
    }
    run = airflow.run(pipeline(tuning("Tune"), training("After", Arguments={"HyperParameters": names})))
    assert run.state == "success"
    [request] = airflow.created("CreateHyperParameterTuningJob")
    assert re.fullmatch(r"[a-z0-9]{10}-Tune", request["HyperParameterTuningJobName"])
    assert {**request, "HyperParameterTuningJobName": ""} == {
        **tuning("x")["Arguments"],
        "HyperParameterTuningJobName": "",
    }
    values = [
        job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for job in run.xcom("Tune")["TrainingJobSummaries"]
    ]
    assert values == [1.0, 2.0, 3.0]
    after = next(r for r in airflow.created("CreateTrainingJob") if "best" in r.get("HyperParameters", {}))
    told = after["HyperParameters"]
    assert told["best"] == told["first"] != told["last"]
    assert float(told["tuned"]) >= 0


def test_the_order_follows_the_goal_of_several_algorithms(airflow: Airflow) -> None:
    airflow.endpoint.reset(SCENARIO)
    step = tuning("Tune_several")
    arguments = step["Arguments"]
    config = arguments["HyperParameterTuningJobConfig"]
    objective = {**config.pop("HyperParameterTuningJobObjective"), "Type": "Maximize"}
    ranges = config.pop("ParameterRanges")
    definition = arguments.pop("TrainingJobDefinition")
    arguments["TrainingJobDefinitions"] = [
        {**definition, "DefinitionName": name, "TuningObjective": objective, "HyperParameterRanges": ranges}
        for name in ("a", "b")
    ]
    run = airflow.run(pipeline(step))
    values = [
        job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
        for job in run.xcom("Tune_several")["TrainingJobSummaries"]
    ]
    assert values == sorted(values, reverse=True)
    assert len(values) == 3


def test_a_warm_start(airflow: Airflow) -> None:
    airflow.endpoint.reset(SCENARIO)
    again = tuning("Again")
    parents = [{"HyperParameterTuningJobName": get("Steps.Tune.HyperParameterTuningJobName")}]
    again["Arguments"]["WarmStartConfig"] = {
        "ParentHyperParameterTuningJobs": parents,
        "WarmStartType": "TransferLearning",
    }
    told = {
        "parent": get("Steps.Again.WarmStartConfig.ParentHyperParameterTuningJobs[0].HyperParameterTuningJobName"),
        "best": get("Steps.Again.BestTrainingJob.TrainingJobName"),
    }
    run = airflow.run(pipeline(tuning("Tune"), again, training("After", Arguments={"HyperParameters": told})))
    assert run.state == "success"
    first, second = airflow.created("CreateHyperParameterTuningJob")
    assert "WarmStartConfig" not in first
    name = first["HyperParameterTuningJobName"]
    parent = {"ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": name}]}
    assert second["WarmStartConfig"] == {**parent, "WarmStartType": "TransferLearning"}
    after = next(r for r in airflow.created("CreateTrainingJob") if "parent" in r.get("HyperParameters", {}))
    best = run.xcom("Again")["TrainingJobSummaries"][0]["TrainingJobName"]
    assert after["HyperParameters"] == {"parent": name, "best": best}


def automl(name: str) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": "AutoML",
        "Arguments": {
            "InputDataConfig": [
                {
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/in"}},
                    "TargetAttributeName": "y",
                }
            ],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/automl"},
            "AutoMLJobConfig": {"Mode": "ENSEMBLING"},
            "RoleArn": ROLE,
        },
    }


def automl_v2(name: str, **arguments: Any) -> dict[str, Any]:
    """An AutoML step whose Arguments are those of the API's second version; a null of the first does not count."""
    [channel] = automl(name)["Arguments"]["InputDataConfig"]
    shared = {key: automl(name)["Arguments"][key] for key in ("OutputDataConfig", "RoleArn")}
    own = {
        "AutoMLJobInputDataConfig": [{"ChannelType": "training", "DataSource": channel["DataSource"]}],
        "AutoMLProblemTypeConfig": {"TabularJobConfig": {"TargetAttributeName": "y"}},
        "AutoMLJobConfig": None,
    }
    return {"Name": name, "Type": "AutoML", "Arguments": {**shared, **own, **arguments}}


def test_the_second_version_of_automl(airflow: Airflow, deferrable: bool) -> None:
    secret = {"BestCandidate": {"InferenceContainers": [{"Environment": {"API_TOKEN": "hush", "A": "1"}}]}}
    airflow.endpoint.reset({"jobs": [{"kind": "automl", "duration": 0.3, "describe": secret}]})
    names = {
        "name": get("Steps.Auto.AutoMLJobName"),
        "problem": get("Steps.Auto.AutoMLProblemTypeConfigName"),
        "target": get("Steps.Auto.AutoMLProblemTypeConfig.TabularJobConfig.TargetAttributeName"),
        "input": get("Steps.Auto.AutoMLJobInputDataConfig[0].DataSource.S3DataSource.S3Uri"),
        "token": get("Steps.Auto.BestCandidate.InferenceContainers[0].Environment['API_TOKEN']"),
    }
    after = training("After", Arguments={"HyperParameters": names})
    run = airflow.run(pipeline(automl_v2("Auto"), after), deferrable=deferrable)
    assert run.state == "success"
    [request] = airflow.created("CreateAutoMLJobV2")
    name = request.pop("AutoMLJobName")
    assert request == {key: value for key, value in automl_v2("x")["Arguments"].items() if value is not None}
    [created] = airflow.created("CreateTrainingJob")
    uri = f"s3://{BUCKET}/in"
    assert created["HyperParameters"] == {
        "name": name,
        "problem": "Tabular",
        "target": "y",
        "input": uri,
        "token": "hush",
    }
    environment = run.xcom("Auto")["BestCandidate"]["InferenceContainers"][0]["Environment"]
    assert environment == {"API_TOKEN": "***", "A": "1"}
    assert airflow.endpoint.requests("sagemaker", "DescribeAutoMLJob") == ()


def test_the_best_candidate_of_automl_can_be_referred_to(airflow: Airflow) -> None:
    candidate = {
        "CandidateName": "best",
        "ObjectiveStatus": "Succeeded",
        "CandidateSteps": [],
        "CandidateStatus": "Completed",
        "CreationTime": 0,
        "LastModifiedTime": 0,
        "InferenceContainers": [{"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/m.tar.gz", "Environment": {"A": "1"}}],
        "CandidateProperties": {
            "CandidateArtifactLocations": {
                "Explainability": f"s3://{BUCKET}/explain",
                "ModelInsights": f"s3://{BUCKET}/insights/",
            }
        },
    }
    airflow.endpoint.reset({"jobs": [{"kind": "automl", "describe": {"BestCandidate": candidate}}]})
    names = {
        "image": get("Steps.Auto.BestCandidate.InferenceContainers[0].Image"),
        "variable": get("Steps.Auto.BestCandidate.InferenceContainers[0].Environment['A']"),
        "insights": get("Steps.Auto.BestCandidateProperties.ModelInsightsJsonReportPath"),
        "explained": get("Steps.Auto.BestCandidateProperties.ExplainabilityJsonReportPath"),
    }
    run = airflow.run(pipeline(automl("Auto"), training("After", Arguments={"HyperParameters": names})))
    assert run.state == "success"
    [request] = airflow.created("CreateAutoMLJob")
    assert re.fullmatch(r"[a-z0-9]{10}-Auto", request["AutoMLJobName"])
    [after] = airflow.created("CreateTrainingJob")
    assert after["HyperParameters"] == {
        "image": IMAGE,
        "variable": "1",
        "insights": f"s3://{BUCKET}/insights/statistics.json",
        "explained": f"s3://{BUCKET}/explain/analysis.json",
    }


ENVIRONMENT = (
    *("MODEL_NAME", "SAGEMAKER_PROGRAM", "SAGEMAKER_SUBMIT_DIRECTORY"),
    *("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "SAGEMAKER_INFERENCE_OUTPUT", "SAGEMAKER_INFERENCE_SUPPORTED"),
)


def test_the_example_of_the_sdks_documentation_runs_at_the_endpoint_as_it_comes(airflow: Airflow) -> None:
    """What ``get_best_auto_ml_model``, ``create`` and ``register`` write for an AutoMLStep; no scenario."""
    best = "Steps.Auto.BestCandidate.InferenceContainers[0]"
    container = {
        "Image": get(f"{best}.Image"),
        "ModelDataUrl": get(f"{best}.ModelDataUrl"),
        "Environment": {name: get(f"{best}.Environment['{name}']") for name in ENVIRONMENT},
    }

    def report(name: str) -> dict[str, Any]:
        return {"ContentType": "application/json", "S3Uri": get(f"Steps.Auto.BestCandidateProperties.{name}")}

    create = {
        "Name": "Best-CreateModel",
        "Type": "Model",
        "Arguments": {"ExecutionRoleArn": ROLE, "PrimaryContainer": container},
    }
    register = {
        "Name": "Best-RegisterModel",
        "Type": "RegisterModel",
        "Arguments": {
            "ModelPackageGroupName": "best-models",
            "ModelMetrics": {
                "ModelQuality": {"Statistics": report("ModelInsightsJsonReportPath")},
                "Bias": {},
                "Explainability": {"Report": report("ExplainabilityJsonReportPath")},
            },
            "InferenceSpecification": {
                "Containers": [container],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
                "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
                "SupportedTransformInstanceTypes": ["ml.m5.large"],
            },
            "ModelApprovalStatus": "PendingManualApproval",
        },
    }
    run = airflow.run(pipeline(automl("Auto"), create, register))
    assert run.state == "success"
    candidate = run.xcom("Auto")["BestCandidate"]["InferenceContainers"][0]
    assert set(candidate["Environment"]) == set(ENVIRONMENT)
    [model] = airflow.created("CreateModel")
    [package] = airflow.created("CreateModelPackage")
    assert model["PrimaryContainer"] == package["InferenceSpecification"]["Containers"][0] == candidate
    job = airflow.created("CreateAutoMLJob")[0]["AutoMLJobName"]
    folder = f"s3://{BUCKET}/automl/{job}/documentation"
    assert (
        package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
        == f"{folder}/model_monitor/output/statistics.json"
    )
    explained = package["ModelMetrics"]["Explainability"]["Report"]["S3Uri"]
    assert explained == f"{folder}/explainability/output/analysis.json"
    bucket, _, key = explained.removeprefix("s3://").partition("/")
    assert airflow.endpoint.client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"] > 0


def test_null_members_of_the_second_version_leave_the_first(airflow: Airflow) -> None:
    step = automl("Auto")
    step["Arguments"] |= {"AutoMLProblemTypeConfig": None, "DataSplitConfig": None}
    assert airflow.run(pipeline(step)).state == "success"
    assert len(airflow.created("CreateAutoMLJob")) == 1


@pytest.mark.parametrize(
    ("step", "kind"),
    [(tuning("Step"), "tuning"), (automl("Step"), "automl"), (automl_v2("Step"), "automl")],
    ids=["tuning", "automl", "automl v2"],
)
def test_a_failed_job_fails_the_step(airflow: Airflow, step: dict[str, Any], kind: str) -> None:
    airflow.endpoint.reset({"jobs": [{"kind": kind, "outcome": "Failed", "failure_reason": "AlgorithmError: no"}]})
    assert airflow.run(pipeline(step)).states == {"Step": "failed"}
    assert len(airflow.endpoint.jobs(kind)) == 1


@pytest.mark.parametrize(("step", "kind"), [(tuning("Step"), "tuning"), (automl("Step"), "automl")])
def test_no_policy_starts_another_job_for_an_internal_error(airflow: Airflow, step: dict[str, Any], kind: str) -> None:
    """The service retries the jobs inside by itself (semantics 7)."""
    capacity = {"kind": kind, "outcome": "Failed", "failure_reason": "CapacityError: no machines", "times": 1}
    internal = {"kind": kind, "outcome": "Failed", "failure_reason": "InternalServerError: try again"}
    airflow.endpoint.reset({"jobs": [capacity, internal]})
    policies = [
        {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "IntervalSeconds": 1, "MaxAttempts": 3},
        {"ExceptionType": ["SageMaker.CAPACITY_ERROR"], "IntervalSeconds": 1, "MaxAttempts": 3},
    ]
    assert airflow.run(pipeline({**step, "RetryPolicies": policies})).states == {"Step": "failed"}
    assert len(airflow.endpoint.jobs(kind)) == 2


@pytest.mark.parametrize(
    ("step", "kind", "stop"),
    [
        (tuning("Step"), "tuning", "StopHyperParameterTuningJob"),
        (automl("Step"), "automl", "StopAutoMLJob"),
        (automl_v2("Step"), "automl", "StopAutoMLJob"),
    ],
    ids=["tuning", "automl", "automl v2"],
)
def test_a_killed_step_stops_its_job(airflow: Airflow, step: dict[str, Any], kind: str, stop: str) -> None:
    airflow.endpoint.reset({"jobs": [{"kind": kind, "duration": 600}]})
    with time_over(airflow) as limit:
        run = airflow.run(pipeline(step), default_args=limit)
    assert run.states == {"Step": "failed"}
    assert len(airflow.endpoint.requests("sagemaker", stop)) == 1
