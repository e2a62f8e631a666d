"""EMR steps: on a cluster that is there and on one of their own; what they ask, give, and leave behind."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from msgspec.structs import replace

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.jobs.trigger import JobTrigger
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.server.orphan_sweep import sweep
from airflow_sm_pipelines.step_types.emr import KIND
from tests.runs.adapters import lose_the_first_try
from tests.runs.harness import Airflow, get, pipeline, training, without_own_tags
from tests.runs.lost_tries import MINUTE, clear_the_first_try, lose_every_try, rewrite, stored_record
from tests.runs.time_limits import time_over

ACCESS = AwsAccess("aws_default", "us-east-1", None, {})
EXISTING = {"emr-cluster": ["j-FOREIGN"]}
ROLE = "arn:aws:iam::123456789012:role/emr-runtime"
JAR = {
    "Jar": "command-runner.jar",
    "Args": ["spark-submit", "s3://b/x.py"],
    "MainClass": "com.Main",
    "Properties": [{"Key": "k", "Value": "v"}, {"Key": "api.password", "Value": "hidden"}],
}
CLUSTER_CONFIG = {
    "Applications": [{"Name": "Spark"}],
    "Instances": {"InstanceGroups": [{"InstanceRole": "MASTER", "InstanceCount": 1, "InstanceType": "m5.xlarge"}]},
    "ReleaseLabel": "emr-7.0.0",
    "LogUri": "s3://b/logs",
}


def on_foreign_cluster(name: str = "Step", **members: Any) -> dict[str, Any]:
    config = {"HadoopJarStep": JAR, **members.pop("StepConfig", {})}
    arguments = {"StepConfig": config, "ClusterId": "j-FOREIGN", **members.pop("Arguments", {})}
    return {"Name": name, "Type": "EMR", "Arguments": arguments, **members}


def on_own_cluster(name: str = "Step", **members: Any) -> dict[str, Any]:
    config = {"HadoopJarStep": JAR, **members.pop("StepConfig", {})}
    arguments = {"StepConfig": config, "ClusterConfig": CLUSTER_CONFIG, **members.pop("Arguments", {})}
    return {"Name": name, "Type": "EMR", "Arguments": arguments, **members}


def asked(airflow: Airflow, action: str) -> list[dict[str, Any]]:
    """The requests of an action that EMR took."""
    return [without_own_tags(r.parameters) for r in airflow.endpoint.requests("emr", action) if r.error_code is None]


def states(airflow: Airflow, kind: str) -> list[str]:
    return [job.status for job in airflow.endpoint.jobs(kind)]


@pytest.fixture(params=[True, False], ids=["deferrable", "synchronous"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(params=[on_foreign_cluster, on_own_cluster], ids=["foreign", "own"])
def step(request: pytest.FixtureRequest) -> Any:
    return request.param


PROPERTIES = {
    "id": "Id",
    "name": "Name",
    "jar": "Config.Jar",
    "script": "Config.Args[1]",
    "main": "Config.MainClass",
    "key": "Config.Properties['k']",
    "secret": "Config.Properties['api.password']",
    "on_failure": "ActionOnFailure",
    "state": "Status.State",
    "ended": "Status.Timeline.EndDateTime",
    "cluster": "ClusterId",
}


def test_a_step_on_a_foreign_cluster(airflow: Airflow, deferrable: bool) -> None:
    airflow.endpoint.reset({"existing": EXISTING})
    told = {key: get(f"Steps.My_step.{path}") for key, path in PROPERTIES.items()}
    emr = on_foreign_cluster("My_step", Arguments={"ExecutionRoleArn": ROLE})
    run = airflow.run(pipeline(emr, training("After", Arguments={"HyperParameters": told})), deferrable=deferrable)
    assert run.state == "success"
    [request] = asked(airflow, "AddJobFlowSteps")
    [asked_step] = request["Steps"]
    name = asked_step["Name"]
    assert re.fullmatch(r"pipelines-[a-z0-9]{12}-My-step-[a-z0-9]{10}", name)
    assert request == {
        "JobFlowId": "j-FOREIGN",
        "ExecutionRoleArn": ROLE,
        "Steps": [{"Name": name, "ActionOnFailure": "CONTINUE", "HadoopJarStep": JAR}],
    }
    [after] = airflow.created("CreateTrainingJob")
    values = after["HyperParameters"]
    assert re.fullmatch(r"s-\w+", values.pop("id"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", values.pop("ended"))
    assert values == {
        "name": name,
        "jar": "command-runner.jar",
        "script": "s3://b/x.py",
        "main": "com.Main",
        "key": "v",
        "secret": "hidden",
        "on_failure": "CONTINUE",
        "state": "COMPLETED",
        "cluster": "j-FOREIGN",
    }
    assert run.xcom("My_step")["Config"]["Properties"] == {"k": "v", "api.password": "***"}
    assert run.xcom("My_step", "sagemaker")["job_name"] == name
    assert run.xcom("My_step", "_link_AwsConsoleLink").endswith("#/clusterDetails/j-FOREIGN")
    assert states(airflow, "emr-cluster") == ["WAITING"]


def test_a_step_on_a_cluster_of_its_own(airflow: Airflow) -> None:
    airflow.endpoint.reset({"defaults": {"queued": 0.5, "duration": 0.5}})
    told = {"state": get("Steps.Step.Status.State"), "cluster": get("Steps.Step.ClusterId")}
    emr = on_own_cluster(StepConfig={"Name": "nightly"})
    run = airflow.run(pipeline(emr, training("After", Arguments={"HyperParameters": told})))
    assert run.state == "success"
    [request] = asked(airflow, "RunJobFlow")
    name = request["Name"]
    assert re.fullmatch(r"nightly-[a-z0-9]{12}-[a-z0-9]{10}", name)
    assert request == {
        **CLUSTER_CONFIG,
        "Name": name,
        "Instances": {**CLUSTER_CONFIG["Instances"], "KeepJobFlowAliveWhenNoSteps": False},  # type: ignore[dict-item] # of mixed values
        "Steps": [{"Name": name, "ActionOnFailure": "TERMINATE_CLUSTER", "HadoopJarStep": JAR}],
    }
    [cluster] = airflow.endpoint.jobs("emr-cluster")
    assert cluster.status.startswith("TERMINAT")
    [after] = airflow.created("CreateTrainingJob")
    assert after["HyperParameters"] == {"state": "COMPLETED", "cluster": cluster.name}
    assert asked(airflow, "AddJobFlowSteps") == []
    assert asked(airflow, "TerminateJobFlows") == [{"JobFlowIds": [cluster.name]}]


def failing(**members: Any) -> dict[str, Any]:
    return {"existing": EXISTING, "jobs": [{"kind": "emr-step", "outcome": "Failed", **members}]}


@pytest.mark.parametrize(("step", "deferrable"), [(on_foreign_cluster, True), (on_own_cluster, False)])
def test_a_failed_step_fails_with_the_words_of_emr(
    airflow: Airflow, step: Any, deferrable: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    airflow.endpoint.reset(failing(failure_reason="java.io.IOException: no such file"))
    run = airflow.run(pipeline(step()), deferrable=deferrable)
    assert run.states == {"Step": "failed"}
    printed = "".join(capfd.readouterr())
    assert "ended as FAILED: Unknown Error.; java.io.IOException: no such file; see s3://" in printed
    [cluster] = airflow.endpoint.jobs("emr-cluster")
    own = step is on_own_cluster
    assert asked(airflow, "TerminateJobFlows") == ([{"JobFlowIds": [cluster.name]}] if own else [])
    assert cluster.status.startswith("TERMINAT" if own else "WAITING")


def test_a_cluster_that_does_not_come_up_fails_the_step(airflow: Airflow, capfd: pytest.CaptureFixture[str]) -> None:
    rule = {"kind": "emr-cluster", "outcome": "Failed", "failure_reason": "bootstrap action 1 failed"}
    airflow.endpoint.reset({"jobs": [rule]})
    assert airflow.run(pipeline(on_own_cluster())).states == {"Step": "failed"}
    printed = "".join(capfd.readouterr())
    assert "ended as CANCELLED" in printed
    assert "BOOTSTRAP_FAILURE: bootstrap action 1 failed" in printed


def test_a_killed_step_is_stopped(airflow: Airflow, step: Any, deferrable: bool) -> None:
    airflow.endpoint.reset({"existing": EXISTING, "jobs": [{"kind": "emr-step", "duration": 600}]})
    with time_over(airflow, deferrable=deferrable, look="DescribeStep") as limit:
        run = airflow.run(pipeline(step()), deferrable=deferrable, default_args=limit)
    assert run.states == {"Step": "failed"}
    [job] = airflow.endpoint.jobs("emr-step")
    # A stop takes a moment, and nobody waits for it.
    job = airflow.endpoint.wait(job.name)
    [cluster] = airflow.endpoint.jobs("emr-cluster")
    if step is on_own_cluster:
        assert asked(airflow, "TerminateJobFlows") == [{"JobFlowIds": [cluster.name]}]
        assert asked(airflow, "CancelSteps") == []
        assert job.status == "INTERRUPTED"
    else:
        assert asked(airflow, "CancelSteps") == [{"ClusterId": "j-FOREIGN", "StepIds": [job.name]}]
        assert asked(airflow, "TerminateJobFlows") == []
        assert cluster.status == "WAITING"


@pytest.mark.parametrize("drop", ["after", "before"])
def test_a_lost_reply_makes_no_second_step(airflow: Airflow, step: Any, drop: str) -> None:
    action = "RunJobFlow" if step is on_own_cluster else "AddJobFlowSteps"
    airflow.endpoint.reset({"existing": EXISTING, "faults": [{"action": action, "drop": drop}]})
    run = airflow.run(pipeline(step()))
    assert run.state == "success"
    assert len(airflow.endpoint.jobs("emr-step")) == len(airflow.endpoint.jobs("emr-cluster")) == 1
    assert run.xcom("Step", "sagemaker")["attempt"] == 1
    names = {str(r.parameters.get("Name", "")) for r in airflow.endpoint.requests("emr", action)}
    assert len(names) == 1


def test_what_cannot_be_looked_for_is_looked_for_again(airflow: Airflow) -> None:
    faults = [
        {"action": "RunJobFlow", "drop": "after"},
        {"action": "ListClusters", "error": {"code": "InternalServerException", "status": 400}, "times": 1},
        {"action": "ListSteps", "error": {"code": "ThrottlingException"}, "times": 1},
    ]
    airflow.endpoint.reset({"faults": faults})
    run = airflow.run(pipeline(on_own_cluster()))
    assert run.state == "success"
    assert len(airflow.endpoint.jobs("emr-cluster")) == 1


def test_a_retry_policy_gives_a_new_cluster_after_the_first_has_ended(airflow: Airflow) -> None:
    rule = {"kind": "emr-cluster", "outcome": "Failed", "failure_reason": "Insufficient capacity", "times": 1}
    airflow.endpoint.reset({"jobs": [rule]})
    policies = [{"ExceptionType": ["SageMaker.CAPACITY_ERROR"], "IntervalSeconds": 1, "MaxAttempts": 3}]
    run = airflow.run(pipeline(on_own_cluster(RetryPolicies=policies)))
    assert run.state == "success"
    first, second = asked(airflow, "RunJobFlow")
    assert second["Name"].endswith("-1")
    assert not first["Name"].endswith("-1")
    assert all(state.startswith("TERMINAT") for state in states(airflow, "emr-cluster"))


def test_the_limit_of_active_steps_is_a_resource_limit(airflow: Airflow) -> None:
    said = "Maximum number of active steps(State = 'Running', 'Pending' or 'Cancel_Pending') for cluster exceeded."
    error = {"code": "ValidationException", "message": said}
    airflow.endpoint.reset({"existing": EXISTING, "faults": [{"action": "AddJobFlowSteps", "error": error}]})
    policies = [{"ExceptionType": ["Emr.RESOURCE_LIMIT"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    run = airflow.run(pipeline(on_foreign_cluster(RetryPolicies=policies)))
    assert run.state == "success"
    assert run.xcom("Step", "sagemaker")["attempt"] == 2


def test_arguments_that_are_refused(airflow: Airflow, capfd: pytest.CaptureFixture[str]) -> None:
    faults: list[tuple[dict[str, Any], str]] = [
        ({"ClusterConfig": CLUSTER_CONFIG}, "exactly one of ClusterId and ClusterConfig is to be given"),
        ({"ClusterId": None}, "exactly one of ClusterId and ClusterConfig is to be given"),
        ({"StepConfig": {"HadoopJarStep": "x"}}, "Invalid type for parameter Steps[0].HadoopJarStep"),
        ({"ClusterId": "j-NONE"}, "Specified job flow ID does not exist."),
        ({"StepConfig": "x"}, "StepConfig.HadoopJarStep in its Arguments is missing"),
    ]
    airflow.endpoint.reset({"existing": EXISTING})
    steps = [on_foreign_cluster(f"S{index}", Arguments=arguments) for index, (arguments, _) in enumerate(faults)]
    assert set(airflow.run(pipeline(*steps), values="warn").states.values()) == {"failed"}
    printed = "".join(capfd.readouterr())
    for _, fault in faults:
        assert fault in printed
    assert airflow.endpoint.jobs("emr-step") == ()


def test_the_try_after_a_lost_one_goes_on_with_its_step(airflow: Airflow, step: Any) -> None:
    lose_the_first_try("EMR")
    airflow.endpoint.reset({"existing": EXISTING})
    assert airflow.run(pipeline(step())).state == "success"
    [job] = airflow.endpoint.jobs("emr-step")
    [cluster] = airflow.endpoint.jobs("emr-cluster")
    assert job.status == "COMPLETED"
    assert cluster.status.startswith("TERMINAT" if step is on_own_cluster else "WAITING")


def stopped(airflow: Airflow, step: Any) -> list[str]:
    """The ids of what was asked to stop: steps, or clusters of a step's own."""
    action, member = ("TerminateJobFlows", "JobFlowIds") if step is on_own_cluster else ("CancelSteps", "StepIds")
    return [name for request in asked(airflow, action) for name in request[member]]


def test_the_next_try_of_a_cleared_step_stops_what_the_first_began(airflow: Airflow, step: Any) -> None:
    clear_the_first_try("EMR")
    airflow.endpoint.reset({"existing": EXISTING, "jobs": [{"kind": "emr-step", "duration": 600, "times": 1}]})
    assert airflow.run(pipeline(step())).state == "success"
    first, second = airflow.endpoint.jobs("emr-step")
    begun = airflow.endpoint.jobs("emr-cluster")[0] if step is on_own_cluster else first
    assert stopped(airflow, step)[0] == begun.name
    assert (first.status, second.status) == ("INTERRUPTED" if step is on_own_cluster else "CANCELLED", "COMPLETED")


def test_the_sweep_stops_what_a_task_has_left(airflow: Airflow, step: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    left = lose_every_try(monkeypatch, "EMR")
    airflow.endpoint.reset({"existing": EXISTING, "jobs": [{"kind": "emr-step", "duration": 600}]})
    run = airflow.run(pipeline(step()))
    rewrite(run, "failed", MINUTE, **left[0])
    sweep()
    [job] = airflow.endpoint.jobs("emr-step")
    [cluster] = airflow.endpoint.jobs("emr-cluster")
    assert stopped(airflow, step) == [cluster.name if step is on_own_cluster else job.name]
    airflow.endpoint.advance(10)
    sweep()
    assert stored_record(run.run_id)["phase"] == "delivered"


def test_the_sweep_terminates_a_cluster_whose_step_is_not_known_once(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = lose_every_try(monkeypatch, "EMR", before=True)
    airflow.endpoint.reset({"jobs": [{"kind": "emr-step", "duration": 600}]})
    run = airflow.run(pipeline(on_own_cluster()))
    rewrite(run, "failed", MINUTE, **left[0])
    sweep()
    sweep()
    [cluster] = airflow.endpoint.jobs("emr-cluster")
    assert asked(airflow, "TerminateJobFlows") == [{"JobFlowIds": [cluster.name]}]
    assert airflow.endpoint.requests("emr", "DescribeStep") == ()
    assert stored_record(run.run_id)["phase"] == "delivered"


def test_what_was_never_begun_is_not_looked_for(airflow: Airflow, step: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    left = lose_every_try(monkeypatch, "EMR", "create", before=True)
    airflow.endpoint.reset({"existing": EXISTING})
    rewrite(airflow.run(pipeline(step())), "failed", MINUTE, **left[0])
    assert (left[0]["phase"], left[0]["job"]) == ("intended", {})
    sweep()
    assert airflow.endpoint.requests("emr") == ()


def test_the_kill_of_a_deferred_step_reaches_emr(
    local_endpoint: LocalEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in local_endpoint.environment.items():
        monkeypatch.setenv(name, value)
    local_endpoint.reset({"existing": EXISTING, "defaults": {"duration": 600}})
    emr = local_endpoint.client("emr")
    [step_id] = emr.add_job_flow_steps(JobFlowId="j-FOREIGN", Steps=[{"Name": "s", "HadoopJarStep": {"Jar": "j"}}])[
        "StepIds"
    ]
    kind = replace(
        KIND,
        describe_params={"ClusterId": "j-FOREIGN", "StepId": step_id},
        stop_params={"ClusterId": "j-FOREIGN", "StepIds": [step_id]},
    )
    path, arguments = JobTrigger(kind.to_json(), "s", ACCESS.to_json(), 0.1, 1.0, None).serialize()
    assert path == "airflow_sm_pipelines.jobs.trigger.JobTrigger"
    asyncio.run(JobTrigger(**json.loads(json.dumps(arguments))).on_kill())
    assert local_endpoint.wait(step_id).status == "CANCELLED"
