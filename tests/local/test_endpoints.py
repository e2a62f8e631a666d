from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.samples import automl_request, model_request


def make_config(sagemaker: Any, name: str) -> None:
    variant = {"VariantName": "all", "ModelName": "model", "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])


@pytest.fixture
def configs(sagemaker: Any) -> None:
    sagemaker.create_model(**model_request("model"))
    make_config(sagemaker, "one")
    make_config(sagemaker, "two")


@pytest.mark.usefixtures("configs")
def test_config(sagemaker: Any) -> None:
    found = sagemaker.describe_endpoint_config(EndpointConfigName="one")
    assert found["ProductionVariants"][0]["ModelName"] == "model"
    assert found["EndpointConfigArn"].endswith(":endpoint-config/one")
    with pytest.raises(ClientError, match=r'Cannot create already existing endpoint configuration "arn:.*/one"'):
        make_config(sagemaker, "one")
    listed = sagemaker.list_endpoint_configs()["EndpointConfigs"]
    assert [entry["EndpointConfigName"] for entry in listed] == ["two", "one"]
    sagemaker.delete_endpoint_config(EndpointConfigName="one")
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        sagemaker.describe_endpoint_config(EndpointConfigName="one")


def test_config_of_a_missing_model(sagemaker: Any) -> None:
    with pytest.raises(ClientError, match='Could not find model "arn:'):
        make_config(sagemaker, "one")


@pytest.mark.usefixtures("configs")
def test_create_and_update(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="one")
    found = sagemaker.describe_endpoint(EndpointName="e")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("Creating", "one")
    for call in (sagemaker.update_endpoint, sagemaker.delete_endpoint):
        asked = {"EndpointConfigName": "two"} if call == sagemaker.update_endpoint else {}
        with pytest.raises(ClientError, match='Cannot update in-progress endpoint "arn:'):
            call(EndpointName="e", **asked)
    endpoint.advance(100)
    found = sagemaker.describe_endpoint(EndpointName="e")
    assert found["EndpointStatus"] == "InService"
    assert found["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="two")
    assert sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"] == "Updating"
    endpoint.advance(100)
    assert sagemaker.describe_endpoint(EndpointName="e")["EndpointConfigName"] == "two"
    with pytest.raises(ClientError, match='Cannot create already existing endpoint "arn:'):
        sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="one")
    assert sagemaker.list_endpoints(StatusEquals="InService")["Endpoints"][0]["EndpointName"] == "e"
    sagemaker.delete_endpoint(EndpointName="e")
    with pytest.raises(ClientError, match='Could not find endpoint "arn:'):
        sagemaker.describe_endpoint(EndpointName="e")


@pytest.mark.usefixtures("configs")
def test_failed_update_rolls_back(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    rules = [{"kind": "endpoint", "times": 1, "duration": 0}, {"outcome": "Failed", "failure_reason": "ping"}]
    endpoint.load_scenario({"jobs": rules, "defaults": {"duration": 100}})
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="one")
    sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="two")
    assert sagemaker.describe_endpoint(EndpointName="e")["EndpointConfigName"] == "two"
    endpoint.advance(50)
    assert sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"] == "RollingBack"
    endpoint.advance(50)
    found = sagemaker.describe_endpoint(EndpointName="e")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "one")
    assert found["FailureReason"] == "ping"


@pytest.mark.usefixtures("configs")
def test_failed_creation(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.load_scenario({"jobs": [{"outcome": "Failed", "duration": 0, "failure_reason": "ping"}]})
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="one")
    found = sagemaker.describe_endpoint(EndpointName="e")
    assert (found["EndpointStatus"], found["FailureReason"]) == ("Failed", "ping")


def test_automl(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.load_scenario({"jobs": [{"kind": "automl", "duration": 60, "metrics": {"MSE": 0.25}}]})
    request = automl_request("auto")
    sagemaker.create_auto_ml_job(**request)
    found = sagemaker.describe_auto_ml_job(AutoMLJobName="auto")
    assert found["AutoMLJobStatus"] == "InProgress"
    assert "BestCandidate" not in found
    assert sagemaker.list_candidates_for_auto_ml_job(AutoMLJobName="auto")["Candidates"] == []
    endpoint.advance(60)
    found = sagemaker.describe_auto_ml_job(AutoMLJobName="auto")
    assert (found["AutoMLJobStatus"], found["AutoMLJobSecondaryStatus"]) == ("Completed", "Completed")
    assert {key: found[key] for key in request} == request
    best = found["BestCandidate"]
    assert best["FinalAutoMLJobObjectiveMetric"] == {"MetricName": "MSE", "Value": 0.25}
    bucket, _, key = best["InferenceContainers"][0]["ModelDataUrl"].removeprefix("s3://").partition("/")
    assert endpoint.client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"] > 0
    (candidate,) = sagemaker.list_candidates_for_auto_ml_job(AutoMLJobName="auto")["Candidates"]
    assert candidate["CandidateName"] == best["CandidateName"]
    with pytest.raises(ClientError, match="ResourceInUse"):
        sagemaker.create_auto_ml_job(**request)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        sagemaker.describe_auto_ml_job(AutoMLJobName="nobody")
    assert sagemaker.list_auto_ml_jobs()["AutoMLJobSummaries"][0]["AutoMLJobSecondaryStatus"] == "Completed"


def test_automl_of_the_second_version(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    source = automl_request("auto")["InputDataConfig"][0]["DataSource"]
    criteria = {"MaxAutoMLJobRuntimeInSeconds": 30}
    request = {
        "AutoMLJobName": "auto",
        "AutoMLJobInputDataConfig": [{"ChannelType": "training", "DataSource": source}],
        "AutoMLProblemTypeConfig": {"TabularJobConfig": {"TargetAttributeName": "y", "CompletionCriteria": criteria}},
        **{key: automl_request("auto")[key] for key in ("OutputDataConfig", "RoleArn", "AutoMLJobObjective")},
    }
    endpoint.load_scenario({"jobs": [{"kind": "automl", "duration": 60, "metrics": {"MSE": 0.25}}]})
    sagemaker.create_auto_ml_job_v2(**request)
    with pytest.raises(ClientError, match="call DescribeAutoMLJobV2"):
        sagemaker.describe_auto_ml_job(AutoMLJobName="auto")
    endpoint.advance(30)
    found = sagemaker.describe_auto_ml_job_v2(AutoMLJobName="auto")
    assert found["AutoMLJobSecondaryStatus"] == "MaxAutoMLJobRuntimeReached"
    assert {key: found[key] for key in request} == request
    assert found["AutoMLProblemTypeConfigName"] == "Tabular"
    assert found["BestCandidate"]["FinalAutoMLJobObjectiveMetric"] == {"MetricName": "MSE", "Value": 0.25}
