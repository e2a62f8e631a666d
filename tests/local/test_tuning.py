from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.samples import tuning_request


def children(sagemaker: Any, **asked: Any) -> list[dict[str, Any]]:
    found = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName="tune", **asked)
    summaries: list[dict[str, Any]] = found["TrainingJobSummaries"]
    return summaries


def value(summary: dict[str, Any]) -> float:
    found: float = summary["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    return found


@pytest.mark.parametrize(("goal", "best"), [("Minimize", 1.0), ("Maximize", 9.0)])
def test_best_training_job_by_objective(endpoint: LocalEndpoint, sagemaker: Any, goal: str, best: float) -> None:
    rule = {"kind": "tuning", "duration": 60, "metrics": {"validation:rmse": [3.0, 1.0, 9.0, 2.0]}}
    endpoint.load_scenario({"jobs": [rule]})
    request = tuning_request("tune", goal=goal)
    sagemaker.create_hyper_parameter_tuning_job(**request)
    endpoint.advance(60)
    found = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="tune")
    assert found["HyperParameterTuningJobStatus"] == "Completed"
    assert {key: found[key] for key in request} == request
    assert value(found["BestTrainingJob"]) == best
    assert found["BestTrainingJob"]["ObjectiveStatus"] == "Succeeded"
    assert found["TrainingJobStatusCounters"]["Completed"] == 4
    assert found["ObjectiveStatusCounters"] == {"Succeeded": 4, "Pending": 0, "Failed": 0}
    assert "HyperParameterTuningEndTime" in found
    ascending = children(sagemaker, SortBy="FinalObjectiveMetricValue")
    assert [value(child) for child in ascending] == [1.0, 2.0, 3.0, 9.0]
    descending = children(sagemaker, SortBy="FinalObjectiveMetricValue", SortOrder="Descending")
    assert descending == ascending[::-1]


def test_children_are_real_training_jobs(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    sagemaker.create_hyper_parameter_tuning_job(**tuning_request("tune"))
    endpoint.advance(100)
    listed = children(sagemaker)
    assert [child["TrainingJobName"][:9] for child in listed] == [f"tune-{n:03}-" for n in (1, 2, 3, 4)]
    name = listed[0]["TrainingJobName"]
    found = sagemaker.describe_training_job(TrainingJobName=name)
    assert found["TuningJobArn"].endswith("hyper-parameter-tuning-job/tune")
    tuned = listed[0]["TunedHyperParameters"]
    assert tuned.keys() == {"max_depth", "eta", "booster"}
    assert 2 <= int(tuned["max_depth"]) <= 9
    assert 0.1 <= float(tuned["eta"]) <= 0.5
    assert found["HyperParameters"] == {
        **tuned,
        "num_round": "10",
        "_tuning_objective_metric": "validation:rmse",
    }
    assert found["FinalMetricDataList"][0]["Value"] == value(listed[0])
    key = f"trained/{name}/output/model.tar.gz"
    assert endpoint.client("s3").head_object(Bucket="local-models", Key=key)["ContentLength"] > 0


def test_no_more_than_max_parallel_run_at_a_time(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    sagemaker.create_hyper_parameter_tuning_job(**tuning_request("tune", jobs=3, parallel=1))
    seen = []
    for _ in range(4):
        found = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="tune")
        counters = found["TrainingJobStatusCounters"]
        seen.append((found["HyperParameterTuningJobStatus"], counters["Completed"], counters["InProgress"]))
        endpoint.advance(100 / 3)
    assert seen == [("InProgress", 0, 1), ("InProgress", 1, 1), ("InProgress", 2, 1), ("Completed", 3, 0)]


def test_stop_stops_running_children_and_starts_no_more(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.load_scenario({"jobs": [{"duration": 1000, "stopping": 10}]})
    sagemaker.create_hyper_parameter_tuning_job(**tuning_request("tune", jobs=4, parallel=2))
    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="tune")
    found = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="tune")
    assert found["HyperParameterTuningJobStatus"] == "Stopping"
    endpoint.advance(10)
    assert endpoint.jobs("tuning")[0].status == "Stopped"
    assert [child["TrainingJobStatus"] for child in children(sagemaker)] == ["Stopped", "Stopped"]
    found = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="tune")
    assert found["TrainingJobStatusCounters"]["Stopped"] == 2
    assert "BestTrainingJob" not in found
    assert children(sagemaker, SortBy="FinalObjectiveMetricValue") == []
    endpoint.advance(10_000)
    assert len(endpoint.jobs("training")) == 2


def test_failing_children(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    rules = [{"kind": "training", "name": "tune-002-*", "outcome": "Failed", "failure_reason": "AlgorithmError: x"}]
    endpoint.load_scenario({"jobs": rules, "defaults": {"duration": 0}})
    sagemaker.create_hyper_parameter_tuning_job(**tuning_request("tune"))
    assert endpoint.jobs("tuning")[0].status == "Completed"
    failed = children(sagemaker, StatusEquals="Failed")
    assert [child["FailureReason"] for child in failed] == ["AlgorithmError: x"]
    assert failed[0]["ObjectiveStatus"] == "Failed"
    assert len(children(sagemaker, SortBy="FinalObjectiveMetricValue")) == 3


def test_fails_when_all_children_fail(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.load_scenario({"jobs": [{"kind": "training", "duration": 0, "outcome": "Failed"}]})
    sagemaker.create_hyper_parameter_tuning_job(**tuning_request("tune"))
    found = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="tune")
    assert found["HyperParameterTuningJobStatus"] == "Failed"
    assert found["FailureReason"].startswith("All training jobs failed.")


def test_name_in_use_and_missing(sagemaker: Any) -> None:
    sagemaker.create_hyper_parameter_tuning_job(**tuning_request("tune"))
    with pytest.raises(ClientError, match="ResourceInUse"):
        sagemaker.create_hyper_parameter_tuning_job(**tuning_request("tune"))
    for call in ("describe_hyper_parameter_tuning_job", "stop_hyper_parameter_tuning_job"):
        with pytest.raises(ClientError) as caught:
            getattr(sagemaker, call)(HyperParameterTuningJobName="nobody")
        assert caught.value.response["Error"] == {
            "Code": "ResourceNotFound",
            "Message": "Amazon SageMaker can't find a tuning job called nobody. Type another name.",
        }


def test_list(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    for name in ("b", "a"):
        sagemaker.create_hyper_parameter_tuning_job(**tuning_request(name, jobs=1, parallel=1))
    listed = sagemaker.list_hyper_parameter_tuning_jobs(SortBy="Name")["HyperParameterTuningJobSummaries"]
    assert [entry["HyperParameterTuningJobName"] for entry in listed] == ["a", "b"]
    assert listed[0]["Strategy"] == "Bayesian"
    assert listed[0]["ResourceLimits"]["MaxNumberOfTrainingJobs"] == 1
