"""EndpointConfig and Endpoint steps: names, create or update, roll-back, lost replies, kill."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.expressions.identity import execution_id
from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.step_types.adapter import JobAdapter
from tests.runs.adapters import interpose, lose_the_first_try
from tests.runs.harness import BUCKET, ROLE, Airflow, Run, get, pipeline, training
from tests.runs.time_limits import time_over

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


def unique(name: str, run: Run) -> str:
    return f"{name}-{execution_id(Place(run.dag_id), run.run_id)}"


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
    named = {"EndpointConfigName": unique("named", run)}
    assert airflow.created("CreateEndpointConfig") == [{**config["Arguments"], **named}]
    assert airflow.created("CreateEndpoint") == [{**deploy["Arguments"], **named}]
    environment = airflow.created("CreateTrainingJob")[0]["Environment"]
    prefix = "arn:aws:sagemaker:us-east-1:123456789012"
    assert environment.pop("created").endswith("Z")
    assert environment == {
        "config": f"{prefix}:endpoint-config/{unique('named', run)}",
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


def test_a_long_name_is_cut_and_one_of_an_expression_is_made_unique_too(airflow: Airflow) -> None:
    start(airflow)
    long = endpoint_config("Long", Arguments={"EndpointConfigName": "x" * 49 + "-" + "y" * 30})
    joined = {"Std:Join": {"On": "-", "Values": ["cfg", get("Parameters.Stage")]}}
    given = endpoint_config("Given", Arguments={"EndpointConfigName": joined})
    run = airflow.run(pipeline(long, given, Parameters=[{"Name": "Stage", "Type": "String"}]), {"Stage": "test"})
    assert run.state == "success"
    names = {run.xcom(step)["EndpointConfigName"] for step in ("Long", "Given")}
    assert names == {unique("x" * 49, run), unique("cfg-test", run)}
    assert {request["EndpointConfigName"] for request in airflow.created("CreateEndpointConfig")} == names


def test_a_configuration_of_an_earlier_try_is_adopted(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a lost reply, and after a try that died once the call was made."""
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__AWS_MAX_ATTEMPTS", "1")
    start(airflow, {"faults": [{**LOST_REPLY, "action": "CreateEndpointConfig"}]})
    run = airflow.run(pipeline(endpoint_config("Config", Arguments={"EndpointConfigName": "named"})))
    assert run.state == "success"
    assert not answered(airflow, "CreateEndpointConfig")
    assert run.xcom("Config")["EndpointConfigName"] == unique("named", run)
    start(airflow)
    lose_the_first_try("EndpointConfig")
    run = airflow.run(pipeline(endpoint_config("Config", Arguments={"EndpointConfigName": "named"})))
    assert run.state == "success"
    assert [request["EndpointConfigName"] for request in airflow.created("CreateEndpointConfig")] == [
        unique("named", run)
    ]


def test_every_attempt_asks_for_the_same_name(airflow: Airflow) -> None:
    limit = {"code": "ResourceLimitExceeded", "message": "a service limit", "status": 400}
    start(airflow, {"faults": [{"action": "CreateEndpointConfig", "error": limit, "times": 1}]})
    retried = [{"ExceptionType": ["SageMaker.RESOURCE_LIMIT"], "MaxAttempts": 1, "IntervalSeconds": 1}]
    step = endpoint_config("Config", Arguments={"EndpointConfigName": "named"}, RetryPolicies=retried)
    run = airflow.run(pipeline(step))
    assert run.state == "success"
    asked = [r.parameters["EndpointConfigName"] for r in airflow.endpoint.requests("sagemaker", "CreateEndpointConfig")]
    assert asked == [unique("named", run)] * 2


def test_what_is_under_the_name_is_taken_only_where_it_is_what_the_step_asks_for(airflow: Airflow) -> None:
    """Two steps of one name: the second asks for another model, as after the clear of an edited definition."""
    start(airflow)
    other = endpoint_config("x")["Arguments"]["ProductionVariants"][0] | {"ModelName": "other"}
    steps = [
        endpoint_config("First", Arguments={"EndpointConfigName": "named"}),
        endpoint_config("Same", Arguments={"EndpointConfigName": "named"}, DependsOn=["First"]),
        endpoint_config(
            "Other", Arguments={"EndpointConfigName": "named", "ProductionVariants": [other]}, DependsOn=["Same"]
        ),
        endpoint("Deploy", get("Steps.Other.EndpointConfigName")),
    ]
    run = airflow.run(pipeline(*steps))
    assert run.state == "success"
    names = [run.xcom(step["Name"])["EndpointConfigName"] for step in steps]
    first = unique("named", run)
    assert names == [first, first, f"{first}-2", f"{first}-2"]
    assert [request["EndpointConfigName"] for request in airflow.created("CreateEndpointConfig")] == [
        first,
        f"{first}-2",
    ]


def test_a_later_try_takes_no_other_steps_configuration(airflow: Airflow) -> None:
    """The name is on record, the try dies before its call, and another step makes something under that name."""
    start(airflow)
    client = airflow.endpoint.client("sagemaker")

    def make_another(adapter: JobAdapter) -> None:
        variants = [{**adapter.run.request["ProductionVariants"][0], "ModelName": "other"}]
        client.create_endpoint_config(EndpointConfigName=adapter.run.record.job_name, ProductionVariants=variants)

    died: list[JobAdapter] = []

    def die_before_the_call(original: Any, adapter: JobAdapter) -> None:
        died.append(adapter)
        if len(died) == 1:
            make_another(adapter)
            raise OSError("this try is lost")
        original()

    interpose("EndpointConfig", "create", die_before_the_call)
    run = airflow.run(pipeline(endpoint_config("Config", Arguments={"EndpointConfigName": "named"})))
    assert run.state == "success"
    assert run.xcom("Config")["EndpointConfigName"] == f"{unique('named', run)}-2"
    assert run.xcom("Config")["ProductionVariants"][0]["ModelName"] == "model"


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
    assert run.xcom("Deploy")["EndpointConfigName"] == unique("new", run)
    [update] = airflow.endpoint.requests("sagemaker", "UpdateEndpoint")
    assert update.parameters == {"EndpointName": "shop", "EndpointConfigName": unique("new", run)}


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
    with time_over(airflow) as limit:
        run = airflow.run(pipeline(step), default_args=limit)
    assert run.states == {"Deploy": "failed"}
    assert actions(airflow, "Stop", "Delete", "Update") == ["UpdateEndpoint"]
