"""EndpointConfig and Endpoint steps: names, create or update, roll-back, lost replies, kill."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.runs.harness import BUCKET, ROLE, Airflow, get, pipeline, training

# Two, as botocore may make a call of one try twice; a later try makes none, or its call would be answered.
LOST_REPLY = {"service": "sagemaker", "drop": "after", "times": 2}


def endpoint_config(name: str, **members: Any) -> dict[str, Any]:
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": "model",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1.0,
    }
    arguments = {"ProductionVariants": [variant], **members.pop("Arguments", {})}
    return {"Name": name, "Type": "EndpointConfig", "Arguments": arguments, **members}


def endpoint(name: str, config: Any, **members: Any) -> dict[str, Any]:
    arguments = {"EndpointName": "shop", "EndpointConfigName": config, **members.pop("Arguments", {})}
    return {"Name": name, "Type": "Endpoint", "Arguments": arguments, **members}


@pytest.fixture
def sagemaker(airflow: Airflow) -> Any:
    return airflow.endpoint.client("sagemaker")


def start(airflow: Airflow, scenario: dict[str, Any] | None = None) -> None:
    """Reset the endpoint, with two models in it."""
    airflow.endpoint.reset({"defaults": {"duration": 0.1}, **(scenario or {})})
    for name in ("model", "other"):
        airflow.endpoint.client("sagemaker").create_model(ModelName=name, ExecutionRoleArn=ROLE)


def serve(sagemaker: Any, config: str) -> None:
    """An endpoint with a configuration, made before the pipeline runs."""
    sagemaker.create_endpoint_config(
        EndpointConfigName=config, ProductionVariants=endpoint_config("x")["Arguments"]["ProductionVariants"]
    )
    sagemaker.create_endpoint(EndpointName="shop", EndpointConfigName=config)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="shop", WaiterConfig={"Delay": 0.1})


def actions(airflow: Airflow, *prefixes: str) -> list[str]:
    return [request.action for request in airflow.endpoint.requests("sagemaker") if request.action.startswith(prefixes)]


def answered(airflow: Airflow, action: str) -> list[Any]:
    """The calls whose answer was not lost."""
    return [request for request in airflow.endpoint.requests("sagemaker", action) if request.status]


def test_a_model_is_deployed_and_what_describes_it_can_be_referred_to(airflow: Airflow) -> None:
    start(airflow)
    told: dict[str, Any] = {
        "config": get("Steps.Config.EndpointConfigArn"),
        "variant": get("Steps.Config.ProductionVariants['AllTraffic'].ModelName"),
        "created": get("Steps.Config.CreationTime"),
        "status": get("Steps.Deploy.EndpointStatus"),
        "count": get("Steps.Deploy.ProductionVariants[0].CurrentInstanceCount"),
        "endpoint": get("Steps.Deploy.EndpointArn"),
    }
    config = endpoint_config("Config", Arguments={"EndpointConfigName": "named", "Tags": [{"Key": "a", "Value": "b"}]})
    deploy = endpoint(
        "Deploy", get("Steps.Config.EndpointConfigName"), Arguments={"Tags": [{"Key": "c", "Value": "d"}]}
    )
    told["count"] = {"Std:Join": {"On": "", "Values": [told["count"]]}}
    after = training("After", Arguments={"Environment": told})
    run = airflow.run(pipeline(config, deploy, after))
    assert run.state == "success"
    assert airflow.created("CreateEndpointConfig") == [config["Arguments"]]
    assert airflow.created("CreateEndpoint") == [{**deploy["Arguments"], "EndpointConfigName": "named"}]
    environment = airflow.created("CreateTrainingJob")[0]["Environment"]
    prefix = "arn:aws:sagemaker:us-east-1:123456789012"
    assert environment.pop("created").endswith("Z")
    assert environment == {
        "config": f"{prefix}:endpoint-config/named",
        "variant": "model",
        "status": "InService",
        "count": "1",
        "endpoint": f"{prefix}:endpoint/shop",
    }


def test_without_a_name_one_is_generated(airflow: Airflow) -> None:
    start(airflow)
    config = endpoint_config("Config")
    deploy = endpoint("Deploy", get("Steps.Config.EndpointConfigName"), Arguments={"EndpointName": ""})
    run = airflow.run(pipeline(config, deploy))
    assert run.state == "success"
    assert run.xcom("Config")["EndpointConfigName"].startswith("pipelines-")
    assert run.xcom("Deploy")["EndpointName"].startswith("pipelines-")
    assert actions(airflow, "DescribeEndpointConfig", "CreateEndpointConfig") == [
        "CreateEndpointConfig",
        "DescribeEndpointConfig",
    ]


def test_a_configuration_that_exists_already_is_an_error(airflow: Airflow) -> None:
    start(airflow)
    step = endpoint_config("Config", Arguments={"EndpointConfigName": "named"})
    assert airflow.run(pipeline(step)).state == "success"
    assert airflow.run(pipeline(step)).states == {"Config": "failed"}
    assert len(airflow.created("CreateEndpointConfig")) == 1


def test_a_configuration_of_an_earlier_try_is_adopted(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__AWS_MAX_ATTEMPTS", "1")
    start(airflow, {"faults": [{**LOST_REPLY, "action": "CreateEndpointConfig"}]})
    run = airflow.run(pipeline(endpoint_config("Config", Arguments={"EndpointConfigName": "named"})))
    assert run.state == "success"
    assert not answered(airflow, "CreateEndpointConfig")


def test_a_look_that_fails_does_not_make_a_foreign_configuration_the_step_s_own(
    airflow: Airflow, sagemaker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__AWS_MAX_ATTEMPTS", "1")
    fault = {"service": "sagemaker", "action": "DescribeEndpointConfig", "drop": "before", "times": 2}
    start(airflow, {"faults": [fault]})
    serve(sagemaker, "named")
    run = airflow.run(pipeline(endpoint_config("Config", Arguments={"EndpointConfigName": "named"})))
    assert run.states == {"Config": "failed"}
    assert len(airflow.created("CreateEndpointConfig")) == 1


def test_members_that_pipelines_refuses_are_passed_on(airflow: Airflow) -> None:
    start(airflow)
    capture = {
        "InitialSamplingPercentage": 10,
        "DestinationS3Uri": f"s3://{BUCKET}/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    run = airflow.run(pipeline(endpoint_config("Config", Arguments={"DataCaptureConfig": capture})))
    assert run.state == "success"
    assert airflow.created("CreateEndpointConfig")[0]["DataCaptureConfig"] == capture


@pytest.mark.parametrize("deferrable", [True, False])
def test_an_endpoint_that_is_there_is_updated(airflow: Airflow, sagemaker: Any, deferrable: bool) -> None:
    start(airflow)
    serve(sagemaker, "old")
    config = endpoint_config("Config", Arguments={"EndpointConfigName": "new"})
    tags = {"Tags": [{"Key": "a", "Value": "b"}]}
    deploy = endpoint("Deploy", get("Steps.Config.EndpointConfigName"), Arguments=tags)
    run = airflow.run(pipeline(config, deploy), deferrable=deferrable)
    assert run.state == "success"
    assert run.xcom("Deploy")["EndpointConfigName"] == "new"
    [update] = airflow.endpoint.requests("sagemaker", "UpdateEndpoint")
    assert update.parameters == {"EndpointName": "shop", "EndpointConfigName": "new"}


@pytest.mark.parametrize(
    ("lost", "duration"), [("CreateEndpoint", 2.5), ("UpdateEndpoint", 2.5), ("UpdateEndpoint", 0.0)]
)
def test_a_deployment_whose_reply_was_lost_is_made_once(
    airflow: Airflow, sagemaker: Any, monkeypatch: pytest.MonkeyPatch, lost: str, duration: float
) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__AWS_MAX_ATTEMPTS", "1")
    start(airflow)
    sagemaker.create_endpoint_config(
        EndpointConfigName="new", ProductionVariants=endpoint_config("x")["Arguments"]["ProductionVariants"]
    )
    if lost == "UpdateEndpoint":
        serve(sagemaker, "old")
    before = len(answered(airflow, lost))
    airflow.endpoint.load_scenario({"defaults": {"duration": duration}, "faults": [{**LOST_REPLY, "action": lost}]})
    run = airflow.run(pipeline(endpoint("Deploy", "new")))
    assert run.state == "success"
    assert len(answered(airflow, lost)) == before
    assert run.xcom("Deploy")["EndpointConfigName"] == "new"


@pytest.mark.parametrize("deferrable", [True, False])
def test_an_update_that_is_rolled_back_fails_the_step(airflow: Airflow, sagemaker: Any, deferrable: bool) -> None:
    start(airflow)
    serve(sagemaker, "old")
    airflow.endpoint.load_scenario(
        {"jobs": [{"kind": "endpoint", "outcome": "Failed", "failure_reason": "no ping", "duration": 0.3}]}
    )
    config = endpoint_config("Config", Arguments={"EndpointConfigName": "new"})
    run = airflow.run(
        pipeline(config, endpoint("Deploy", get("Steps.Config.EndpointConfigName"))), deferrable=deferrable
    )
    assert run.states == {"Config": "success", "Deploy": "failed"}
    assert len(airflow.endpoint.requests("sagemaker", "UpdateEndpoint")) == 1


def test_an_endpoint_that_cannot_be_created_fails_the_step(airflow: Airflow) -> None:
    start(airflow, {"jobs": [{"kind": "endpoint", "outcome": "Failed"}]})
    config = endpoint_config("Config", Arguments={"EndpointConfigName": "new"})
    run = airflow.run(pipeline(config, endpoint("Deploy", get("Steps.Config.EndpointConfigName"))))
    assert run.states == {"Config": "success", "Deploy": "failed"}


def test_a_killed_deployment_goes_on(airflow: Airflow, sagemaker: Any) -> None:
    start(airflow)
    serve(sagemaker, "old")
    airflow.endpoint.load_scenario({"jobs": [{"kind": "endpoint", "duration": 600}]})
    step = endpoint("Deploy", "old")
    run = airflow.run(pipeline(step), default_args={"execution_timeout": timedelta(seconds=5)})
    assert run.states == {"Deploy": "failed"}
    assert actions(airflow, "Stop", "Delete", "Update") == ["UpdateEndpoint"]
