"""The addresses in the AWS console, for every step type and partition."""

from __future__ import annotations

import pytest

from airflow_sm_pipelines.operators.console import Console, filled
from airflow_sm_pipelines.step_types import STEP_TYPES

DOMAINS = {
    "aws": ("eu-west-1", "https://console.aws.amazon.com/"),
    "aws-cn": ("cn-north-1", "https://console.amazonaws.cn/"),
    "aws-us-gov": ("us-gov-west-1", "https://console.amazonaws-us-gov.com/"),
}
VALUES = {
    "name": "the-name",
    "ClusterId": "j-1",
    "EndpointName": "the-endpoint",
    "QueueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/queue",
}
PAGES = {
    "AutoML": "sagemaker/home?region={region}#/auto-ml/the-name",
    "BedrockCustomModel": "bedrock/home?region={region}#/custom-models",
    "BedrockCustomModelDeployment": "bedrock/home?region={region}#/custom-models",
    "BedrockModelImport": "bedrock/home?region={region}#/import-models",
    "BedrockProvisionedModelThroughput": "bedrock/home?region={region}#/provisioned-throughput",
    "Callback": (
        "sqs/v3/home?region={region}#/queues/https%3A%2F%2Fsqs.eu-west-1.amazonaws.com%2F123456789012%2Fqueue"
    ),
    "ClarifyCheck": "sagemaker/home?region={region}#/processing-jobs/the-name",
    "EMR": "emr/home?region={region}#/clusterDetails/j-1",
    "EMRServerless": "emr/home?region={region}#/serverless",
    "Endpoint": "sagemaker/home?region={region}#/endpoints/the-name",
    "EndpointConfig": "sagemaker/home?region={region}#/endpointConfig/the-name",
    "InferenceComponent": "sagemaker/home?region={region}#/endpoints/the-endpoint",
    "Job": "sagemaker/home?region={region}#/landing",
    "Lambda": "lambda/home?region={region}#/functions/the-name",
    "Model": "sagemaker/home?region={region}#/models/the-name",
    "Processing": "sagemaker/home?region={region}#/processing-jobs/the-name",
    "QualityCheck": "sagemaker/home?region={region}#/processing-jobs/the-name",
    "RegisterModel": "sagemaker/home?region={region}#/model-packages",
    "Training": "sagemaker/home?region={region}#/jobs/the-name",
    "Transform": "sagemaker/home?region={region}#/transform-jobs/the-name",
    "Tuning": "sagemaker/home?region={region}#/hyper-tuning-jobs/the-name",
}
LOGS = {
    "ClarifyCheck": ("/aws/sagemaker/ProcessingJobs", "the-name/"),
    "Endpoint": ("/aws/sagemaker/Endpoints/the-name", ""),
    "InferenceComponent": ("/aws/sagemaker/InferenceComponents/the-name", ""),
    "Lambda": ("/aws/lambda/the-name", ""),
    "Processing": ("/aws/sagemaker/ProcessingJobs", "the-name/"),
    "QualityCheck": ("/aws/sagemaker/ProcessingJobs", "the-name/"),
    "Training": ("/aws/sagemaker/TrainingJobs", "the-name/"),
    "Transform": ("/aws/sagemaker/TransformJobs", "the-name/"),
    "Tuning": ("/aws/sagemaker/TrainingJobs", "the-name-"),
}
# They run nothing in AWS that a page would show.
WITHOUT = {"Cleanup", "Condition", "Fail", "ForEach", "Lineage"}


@pytest.mark.parametrize("partition", DOMAINS)
@pytest.mark.parametrize("name", sorted(STEP_TYPES.keys() - WITHOUT))
def test_the_page_of_what_a_step_runs(name: str, partition: str) -> None:
    region, domain = DOMAINS[partition]
    expected = f"{domain}{PAGES[name].format(region=region)}"
    assert Console(region, partition).page(STEP_TYPES[name].console, VALUES) == expected


def test_a_page_whose_address_is_not_known_yet_is_none() -> None:
    assert Console("eu-west-1", "aws").page(STEP_TYPES["EMR"].console, {"name": "the-name"}) is None


def test_a_partition_whose_console_is_not_known_has_no_pages() -> None:
    assert Console("us-iso-east-1", "aws-iso").page(STEP_TYPES["Training"].console, VALUES) is None


def test_where_the_logs_are() -> None:
    found = {
        name: (filled(step_type.console.log_group, VALUES), filled(step_type.console.log_streams, VALUES))
        for name, step_type in STEP_TYPES.items()
        if step_type.console.log_group is not None
    }
    assert found == LOGS


@pytest.mark.parametrize("partition", DOMAINS)
def test_the_page_of_a_log_shows_the_streams_of_the_job(partition: str) -> None:
    region, domain = DOMAINS[partition]
    assert Console(region, partition).log("/aws/sagemaker/TrainingJobs", "the-name/") == (
        f"{domain}cloudwatch/home?region={region}#logsV2:log-groups/log-group/$252Faws$252Fsagemaker$252FTrainingJobs"
        "$3FlogStreamNameFilter$3Dthe-name$252F"
    )


def test_a_folder_in_s3() -> None:
    assert Console("eu-west-1", "aws").s3_folder("s3n://bucket/logs/j-1/steps/s-1") == (
        "https://console.aws.amazon.com/s3/buckets/bucket?region=eu-west-1&prefix=logs/j-1/steps/s-1/"
    )
