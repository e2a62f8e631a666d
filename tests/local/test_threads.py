from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.samples import training_request
from airflow_sm_pipelines.local.state import EndpointState, Job
from tests.local.waiting import wait_until_paused


def test_concurrent_creates_of_one_name_make_one_job(
    endpoint: LocalEndpoint, sagemaker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = EndpointState.find

    def slow_find(state: EndpointState, kind: str, region: str, name: str, now: float) -> Job | None:
        found = find(state, kind, region, name, now)
        time.sleep(0.005)
        return found

    def create(number: int) -> str:
        try:
            sagemaker.create_training_job(**training_request("same"))
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "created"

    # Another thread gets its turn between the look-up and the creation.
    monkeypatch.setattr(EndpointState, "find", slow_find)
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(create, range(24)))
    assert sorted(outcomes) == ["ResourceInUse"] * 23 + ["created"]
    assert [entry.index for entry in endpoint.requests()] == list(range(24))


def test_concurrent_jobs_each_leave_their_model_once(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.load_scenario({"defaults": {"duration": 0.05}})
    names = [f"job-{number}" for number in range(12)]

    def run(name: str) -> str:
        sagemaker.create_training_job(**training_request(name))
        while True:
            status = sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"]
            if status != "InProgress":
                return str(status)

    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="local-models")
    s3.put_bucket_versioning(Bucket="local-models", VersioningConfiguration={"Status": "Enabled"})
    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(run, names)) == {"Completed"}
    versions = s3.list_object_versions(Bucket="local-models")["Versions"]
    assert sorted(entry["Key"] for entry in versions) == sorted(f"trained/{name}/output/model.tar.gz" for name in names)


def test_request_under_way_during_a_reset_is_not_in_the_new_log(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.add_fault("sagemaker", "ListModels", pause="after")
    slow = threading.Thread(target=sagemaker.list_models)
    slow.start()
    wait_until_paused(endpoint)
    endpoint.reset()
    slow.join()
    sagemaker.list_training_jobs()
    assert [entry.action for entry in endpoint.requests()] == ["ListTrainingJobs"]
