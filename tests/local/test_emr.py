"""EMR: the life of clusters and of their steps."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_sm_pipelines.local.endpoint import LocalEndpoint

JAR = {"Jar": "command-runner.jar", "Args": ["spark-submit"], "Properties": [{"Key": "k", "Value": "v"}]}


@pytest.fixture
def emr(endpoint: LocalEndpoint) -> Any:
    return endpoint.client("emr", attempts=1)


def step(name: str = "step", **members: Any) -> dict[str, Any]:
    return {"Name": name, "HadoopJarStep": JAR, **members}


def cluster(emr: Any, *, alive: bool, steps: list[Any] | None = None, **members: Any) -> str:
    instances = {"KeepJobFlowAliveWhenNoSteps": alive, "InstanceCount": 1}
    started: str = emr.run_job_flow(Name="c", Instances=instances, Steps=steps or [], **members)["JobFlowId"]
    return started


def cluster_state(emr: Any, name: str) -> tuple[str, str | None]:
    status = emr.describe_cluster(ClusterId=name)["Cluster"]["Status"]
    return status["State"], status["StateChangeReason"].get("Code")


def step_states(emr: Any, name: str) -> list[str]:
    return [entry["Status"]["State"] for entry in reversed(emr.list_steps(ClusterId=name)["Steps"])]


def error_of(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def test_a_cluster_that_is_kept_alive(endpoint: LocalEndpoint, emr: Any) -> None:
    endpoint.load_scenario({"defaults": {"duration": 100, "queued": 40, "stopping": 10}})
    name = cluster(emr, alive=True)
    assert cluster_state(emr, name) == ("STARTING", None)
    endpoint.advance(25)
    assert cluster_state(emr, name) == ("BOOTSTRAPPING", None)
    [first, second] = emr.add_job_flow_steps(JobFlowId=name, Steps=[step("a"), step("b")])["StepIds"]
    assert step_states(emr, name) == ["PENDING", "PENDING"]
    endpoint.advance(20)
    assert cluster_state(emr, name) == ("RUNNING", None)
    assert step_states(emr, name) == ["RUNNING", "PENDING"]
    endpoint.advance(100)
    assert step_states(emr, name) == ["COMPLETED", "RUNNING"]
    described = emr.describe_step(ClusterId=name, StepId=first)["Step"]
    assert (described["Id"], described["Name"]) == (first, "a")
    assert described["Config"] == {"Jar": JAR["Jar"], "Args": JAR["Args"], "Properties": {"k": "v"}}
    assert described["Status"]["Timeline"].keys() == {"CreationDateTime", "StartDateTime", "EndDateTime"}
    told = emr.cancel_steps(ClusterId=name, StepIds=[first, second])["CancelStepsInfoList"]
    assert [entry["Status"] for entry in told] == ["FAILED", "SUBMITTED"]
    endpoint.advance(15)
    assert step_states(emr, name) == ["COMPLETED", "CANCELLED"]
    assert cluster_state(emr, name) == ("WAITING", None)
    emr.terminate_job_flows(JobFlowIds=[name])
    assert cluster_state(emr, name) == ("TERMINATING", "USER_REQUEST")
    endpoint.advance(15)
    emr.terminate_job_flows(JobFlowIds=[name])
    assert cluster_state(emr, name) == ("TERMINATED", "USER_REQUEST")
    assert error_of(emr.add_job_flow_steps, JobFlowId=name, Steps=[step()]) == "ValidationException"
    assert [entry["Id"] for entry in emr.list_clusters(ClusterStates=["TERMINATED"])["Clusters"]] == [name]
    assert emr.list_clusters(ClusterStates=["WAITING"])["Clusters"] == []


def test_a_cluster_ends_after_its_last_step(endpoint: LocalEndpoint, emr: Any) -> None:
    name = cluster(emr, alive=False, steps=[step()])
    assert cluster_state(emr, name)[0] == "RUNNING"
    endpoint.advance(101)
    assert cluster_state(emr, name) == ("TERMINATING", "ALL_STEPS_COMPLETED")
    assert step_states(emr, name) == ["COMPLETED"]


@pytest.mark.parametrize(
    ("action", "states", "end"),
    [
        ("TERMINATE_CLUSTER", ["FAILED", "CANCELLED"], ("TERMINATED_WITH_ERRORS", "STEP_FAILURE")),
        ("CANCEL_AND_WAIT", ["FAILED", "CANCELLED"], ("WAITING", None)),
        ("CONTINUE", ["FAILED", "COMPLETED"], ("WAITING", None)),
    ],
)
def test_a_failed_step(endpoint: LocalEndpoint, emr: Any, action: str, states: list[str], end: Any) -> None:
    rule = {"kind": "emr-step", "name": "bad", "outcome": "Failed", "failure_reason": "boom"}
    endpoint.load_scenario({"defaults": {"duration": 100, "stopping": 10}, "jobs": [rule]})
    name = cluster(emr, alive=True, steps=[step("bad", ActionOnFailure=action), step("next")], LogUri="s3://b/logs/")
    endpoint.advance(250)
    assert step_states(emr, name) == states
    assert cluster_state(emr, name) == end
    bad = emr.list_steps(ClusterId=name)["Steps"][-1]
    details = bad["Status"]["FailureDetails"]
    assert details["Message"] == "boom"
    assert details["LogFile"] == f"s3://b/logs/{name}/steps/{bad['Id']}/stderr.gz"


def test_the_end_of_a_cluster_interrupts_its_step(endpoint: LocalEndpoint, emr: Any) -> None:
    name = cluster(emr, alive=True, steps=[step(), step()])
    endpoint.advance(50)
    emr.terminate_job_flows(JobFlowIds=[name])
    assert step_states(emr, name) == ["INTERRUPTED", "CANCELLED"]


def test_a_cluster_that_does_not_come_up(endpoint: LocalEndpoint, emr: Any) -> None:
    rule = {"kind": "emr-cluster", "name": "c", "outcome": "Failed", "failure_reason": "no script", "queued": 5}
    endpoint.load_scenario({"jobs": [rule]})
    name = cluster(emr, alive=False, steps=[step()])
    endpoint.advance(20)
    assert cluster_state(emr, name) == ("TERMINATED_WITH_ERRORS", "BOOTSTRAP_FAILURE")
    assert step_states(emr, name) == ["CANCELLED"]


def test_what_is_not_there(endpoint: LocalEndpoint, emr: Any) -> None:
    assert error_of(emr.describe_cluster, ClusterId="j-1") == "InvalidRequestException"
    assert error_of(emr.list_steps, ClusterId="j-1") == "InvalidRequestException"
    assert error_of(emr.terminate_job_flows, JobFlowIds=["j-1"]) == "ValidationException"
    assert error_of(emr.add_job_flow_steps, JobFlowId="j-1", Steps=[step()]) == "ValidationException"
    assert error_of(emr.list_instances, ClusterId="j-1") == "NotImplemented"
    endpoint.load_scenario({"existing": {"emr-cluster": ["j-1"]}})
    assert cluster_state(emr, "j-1") == ("WAITING", None)
    assert error_of(emr.describe_step, ClusterId="j-1", StepId="s-1") == "InvalidRequestException"
    assert error_of(emr.cancel_steps, ClusterId="j-1", StepIds=["s-1"]) == "InvalidRequestException"


def test_pages(endpoint: LocalEndpoint, emr: Any) -> None:
    name = cluster(emr, alive=True)
    for _ in range(12):
        emr.add_job_flow_steps(JobFlowId=name, Steps=[step()] * 10)
    pages = list(emr.get_paginator("list_steps").paginate(ClusterId=name))
    assert [len(page["Steps"]) for page in pages] == [50, 50, 20]
    for _ in range(13):
        emr.add_job_flow_steps(JobFlowId=name, Steps=[step()] * 10)
    assert error_of(emr.add_job_flow_steps, JobFlowId=name, Steps=[step()] * 10) == "ValidationException"
