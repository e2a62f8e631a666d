"""Tuning jobs whose training jobs really run."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.local.kinds.search import chosen
from tests.local_runner.jobs import BUCKET, GUARDED, ROLE, Jobs, packed, unpacked, wait_until

# The best depth is 3.
TRAIN = """
    import argparse, pathlib
    parser = argparse.ArgumentParser()
    parser.add_argument("--depth", type=int)
    parser.add_argument("--mode")
    options = parser.parse_args()
    if options.mode == "broken":
        raise SystemExit(1)
    if options.mode == "silent":
        raise SystemExit(0)
    print(f"error={abs(options.depth - 3)}.5;")
    pathlib.Path("/opt/ml/model/depth").write_text(str(options.depth))
    if options.mode == "slow":
        import time
        while True:
            time.sleep(0.05)
"""


def tune(jobs: Jobs, name: str, values: list[str], *, mode: str = "fast", parallel: int = 2) -> None:
    source = jobs.put("tuning/sourcedir.tar.gz", packed({"train.py": TRAIN}))
    definition = {
        "StaticHyperParameters": {
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": f'"{source}"',
            "mode": f'"{mode}"',
        },
        "AlgorithmSpecification": {
            "TrainingInputMode": "File",
            "TrainingImage": "own/image:1",
            "MetricDefinitions": [{"Name": "error", "Regex": r"error=([0-9.]+);"}],
        },
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/tuned"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "Environment": GUARDED,
    }
    jobs.sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig={
            "Strategy": "Grid",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "error"},
            "ResourceLimits": {"MaxParallelTrainingJobs": parallel},
            "ParameterRanges": {"CategoricalParameterRanges": [{"Name": "depth", "Values": values}]},
        },
        TrainingJobDefinition=definition,
    )


def told(jobs: Jobs, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = jobs.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    return answer


def children(jobs: Jobs, name: str) -> list[dict[str, Any]]:
    answer = jobs.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    found: list[dict[str, Any]] = answer["TrainingJobSummaries"]
    return found


def test_the_best_training_job_is_that_of_the_real_metric(jobs: Jobs) -> None:
    tune(jobs, "grid", ["1", "3", "7"])
    assert jobs.wait("grid").status == "Completed"
    found = told(jobs, "grid")
    best = found["BestTrainingJob"]
    assert best["TunedHyperParameters"] == {"depth": "3"}
    assert best["FinalHyperParameterTuningJobObjectiveMetric"] == {
        "Type": "Minimize",
        "MetricName": "error",
        "Value": 0.5,
    }
    assert found["TrainingJobStatusCounters"]["Completed"] == 3
    model = unpacked(jobs.get(f"tuned/{best['TrainingJobName']}/output/model.tar.gz"))
    assert model == {"depth": b"3"}
    assert jobs.training(best["TrainingJobName"])["TuningJobArn"] == found["HyperParameterTuningJobArn"]


def test_no_more_run_at_once_than_may_and_a_stop_ends_all(jobs: Jobs) -> None:
    tune(jobs, "slow", ["1", "3", "7"], mode="slow")
    wait_until(
        lambda: [child["TrainingJobStatus"] for child in children(jobs, "slow")] == ["InProgress"] * 2,
        "two training jobs run",
    )
    names = [child["TrainingJobName"] for child in children(jobs, "slow")]
    wait_until(lambda: all(jobs.log(name, "TrainingJobs") for name in names), "both have begun")
    jobs.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="slow")
    assert jobs.wait("slow").status == "Stopped"
    assert [child["TrainingJobStatus"] for child in children(jobs, "slow")] == ["Stopped"] * 2


@pytest.mark.parametrize(("mode", "status"), [("broken", "Failed"), ("silent", "Completed")])
def test_without_a_metric_there_is_no_best_one(jobs: Jobs, mode: str, status: str) -> None:
    tune(jobs, mode, ["1", "3"], mode=mode)
    ended = jobs.wait(mode)
    assert ended.status == status
    found = told(jobs, mode)
    assert "BestTrainingJob" not in found
    assert found["ObjectiveStatusCounters"] == {"Succeeded": 0, "Pending": 0, "Failed": 2}
    assert (ended.failure_reason or "").startswith("All training jobs failed." if mode == "broken" else "")


def test_values_are_drawn_within_their_ranges_and_the_same_again() -> None:
    ranges = {
        "ContinuousParameterRanges": [
            {"Name": "eta", "MinValue": "0.001", "MaxValue": "0.1", "ScalingType": "Logarithmic"},
            {"Name": "keep", "MinValue": "0.9", "MaxValue": "0.999", "ScalingType": "ReverseLogarithmic"},
        ],
        "IntegerParameterRanges": [{"Name": "depth", "MinValue": "2", "MaxValue": "9"}],
        "CategoricalParameterRanges": [{"Name": "booster", "Values": ["a", "b"]}],
    }

    def first(seed: str) -> list[dict[str, str]]:
        values = chosen("Random", ranges, seed)
        return [next(values) for _ in range(50)]

    drawn = first("x")
    assert drawn == first("x") != first("y")
    assert all(0.001 <= float(each["eta"]) <= 0.1 for each in drawn)
    assert all(0.9 <= float(each["keep"]) <= 0.999 for each in drawn)
    assert {int(each["depth"]) for each in drawn} == set(range(2, 10))
    assert {each["booster"] for each in drawn} == {"a", "b"}
