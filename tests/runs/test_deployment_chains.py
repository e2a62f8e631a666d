"""Deployment chains run again and again: a configuration of each run's own, one endpoint, its components updated."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_sm_pipelines.expressions.identity import execution_id
from airflow_sm_pipelines.place import Place
from tests.corpus import documents, root
from tests.runs.harness import Airflow, get
from tests.runs.test_corpus import scenario_for

CASE = "100-endpoint-config-with-a-literal-name-run-twice"
CHAIN = "custom-v2/endpoint_chain_model_config_endpoint.json"
COMPONENTS = "custom-v2/inference_components_two.json"


def chain(name: str) -> Any:
    documents()  # skips where there are none
    if name == CASE:
        return json.loads((root().parent / "cases" / f"{CASE}.json").read_bytes())
    return json.loads(documents()[name])


def with_components_of_a_new_model() -> Any:
    """Model, configuration, endpoint and a component that serves this run's model."""
    model, config, endpoint = chain(CASE)["Steps"]
    variant = config["Arguments"]["ProductionVariants"][0]
    del variant["ModelName"]
    config["Arguments"]["ExecutionRoleArn"] = model["Arguments"]["ExecutionRoleArn"]
    component = {
        "InferenceComponentName": "part",
        "EndpointName": get("Steps.Endpoint.EndpointName"),
        "VariantName": "AllTraffic",
        "Specification": {
            "ModelName": get("Steps.Create.ModelName"),
            "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 1024},
        },
        "RuntimeConfig": {"CopyCount": 1},
    }
    steps = [model, config, endpoint, {"Name": "Part", "Type": "InferenceComponent", "Arguments": component}]
    return {"Version": "2020-12-01", "Steps": steps}


@pytest.mark.parametrize("name", [CASE, CHAIN, COMPONENTS, ""], ids=lambda name: name or "components of a new model")
def test_a_chain_runs_three_times(airflow: Airflow, name: str) -> None:
    document = chain(name) if name else with_components_of_a_new_model()
    steps = {step["Type"]: step for step in document["Steps"]}
    scenario = scenario_for(document)
    scenario["existing"]["endpoint"] = []
    airflow.endpoint.reset(scenario)
    runs = [airflow.run(document) for _ in range(3)]
    assert [run.state for run in runs] == ["success"] * 3
    given = steps["EndpointConfig"]["Arguments"]["EndpointConfigName"]
    configs = [f"{given}-{execution_id(Place(run.dag_id), run.run_id)}" for run in runs]
    assert len(set(configs)) == 3
    assert [request["EndpointConfigName"] for request in airflow.created("CreateEndpointConfig")] == configs
    [created] = airflow.created("CreateEndpoint")
    updates = [request.parameters for request in airflow.endpoint.requests("sagemaker", "UpdateEndpoint")]
    named = {"EndpointName": steps["Endpoint"]["Arguments"]["EndpointName"]}
    assert created["EndpointConfigName"] == configs[0]
    assert updates == [{**named, "EndpointConfigName": config} for config in configs[1:]]
    components = [step["Name"] for step in document["Steps"] if step["Type"] == "InferenceComponent"]
    assert len(airflow.created("CreateInferenceComponent")) == len(components)
    assert len(airflow.endpoint.requests("sagemaker", "UpdateInferenceComponent")) == 2 * len(components)
    for run in runs[-1:]:
        deployed = run.xcom(steps["Endpoint"]["Name"])
        assert (deployed["EndpointStatus"], deployed["EndpointConfigName"]) == ("InService", configs[-1])
        for part in components:
            assert run.xcom(part)["InferenceComponentStatus"] == "InService"
