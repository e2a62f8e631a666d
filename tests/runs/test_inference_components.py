"""InferenceComponent steps: create or update, roll-back, lost replies, kill."""

from __future__ import annotations

from typing import Any

import pytest

from tests.runs.harness import BUCKET, IMAGE, Airflow, get, pipeline, training
from tests.runs.test_endpoints import LOST_REPLY, actions, answered, serve, start
from tests.runs.time_limits import time_over


def component(name: str, **members: Any) -> dict[str, Any]:
    arguments = {
        "InferenceComponentName": "part",
        "EndpointName": "shop",
        "VariantName": "AllTraffic",
        "Specification": {
            "ModelName": "model",
            "ComputeResourceRequirements": {"NumberOfCpuCoresRequired": 2.0, "MinMemoryRequiredInMb": 1024},
        },
        "RuntimeConfig": {"CopyCount": 1},
    }
    arguments |= members.pop("Arguments", {})
    return {"Name": name, "Type": "InferenceComponent", "Arguments": arguments, **members}


@pytest.fixture(autouse=True)
def serving(airflow: Airflow) -> None:
    """An endpoint that serves."""
    start(airflow)
    client = airflow.endpoint.client("sagemaker")
    serve(client, "old")


@pytest.mark.parametrize("deferrable", [True, False])
def test_a_component_is_created_and_then_updated(airflow: Airflow, deferrable: bool) -> None:
    step = component("Part")
    told = {"arn": get("Steps.Part.InferenceComponentArn"), "status": get("Steps.Part.InferenceComponentStatus")}
    run = airflow.run(pipeline(step, training("After", Arguments={"Environment": told})), deferrable=deferrable)
    assert run.state == "success"
    assert airflow.created("CreateInferenceComponent") == [step["Arguments"]]
    assert airflow.created("CreateTrainingJob")[0]["Environment"] == {
        "arn": "arn:aws:sagemaker:us-east-1:123456789012:inference-component/part",
        "status": "InService",
    }
    changed = component("Part", Arguments={"RuntimeConfig": {"CopyCount": 3}})
    run = airflow.run(pipeline(changed), deferrable=deferrable)
    assert run.xcom("Part")["RuntimeConfig"]["DesiredCopyCount"] == 3
    [update] = airflow.endpoint.requests("sagemaker", "UpdateInferenceComponent")
    kept = ("InferenceComponentName", "Specification", "RuntimeConfig")
    assert update.parameters == {key: changed["Arguments"][key] for key in kept}


def test_a_component_that_is_rolled_back_fails_the_step(airflow: Airflow) -> None:
    container = {"Image": IMAGE, "ArtifactUrl": f"s3://{BUCKET}/m.tar.gz"}
    resources = {"MinMemoryRequiredInMb": 1024}
    old = {"Specification": {"Container": container, "ComputeResourceRequirements": resources}}
    assert airflow.run(pipeline(component("Part", Arguments=old))).state == "success"
    airflow.endpoint.load_scenario({"jobs": [{"kind": "inference-component", "outcome": "Failed", "duration": 0.2}]})
    new = {
        "Specification": {"Container": {**container, "Image": f"{IMAGE}2"}, "ComputeResourceRequirements": resources}
    }
    assert airflow.run(pipeline(component("Part", Arguments=new))).states == {"Part": "failed"}
    assert airflow.run(pipeline(component("Part", Arguments={"EndpointName": "elsewhere"}))).states == {
        "Part": "failed"
    }
    assert len(airflow.endpoint.requests("sagemaker", "UpdateInferenceComponent")) == 1


@pytest.mark.parametrize("lost", ["CreateInferenceComponent", "UpdateInferenceComponent"])
def test_a_component_whose_reply_was_lost_is_deployed_once(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    if lost == "UpdateInferenceComponent":
        assert airflow.run(pipeline(component("Part"))).state == "success"
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__AWS_MAX_ATTEMPTS", "1")
    airflow.endpoint.load_scenario({"defaults": {"duration": 0.1}, "faults": [{**LOST_REPLY, "action": lost}]})
    changed = component("Part", Arguments={"RuntimeConfig": {"CopyCount": 3}})
    run = airflow.run(pipeline(changed))
    assert run.state == "success"
    assert not answered(airflow, lost)
    assert run.xcom("Part")["RuntimeConfig"]["DesiredCopyCount"] == 3


def test_a_killed_component_goes_on(airflow: Airflow) -> None:
    airflow.endpoint.load_scenario({"jobs": [{"kind": "inference-component", "duration": 600}]})
    with time_over(airflow) as limit:
        run = airflow.run(pipeline(component("Part")), default_args=limit)
    assert run.states == {"Part": "failed"}
    assert actions(airflow, "Stop", "Delete", "Update") == []
