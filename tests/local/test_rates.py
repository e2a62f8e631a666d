"""Calls beyond a rate are throttled: the token buckets by themselves, and the endpoint that has some."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.rates import Rate, RateBook
from airflow_sm_pipelines.local.reader import ScenarioError
from airflow_sm_pipelines.local.samples import training_request
from airflow_sm_pipelines.local.scenario import read_scenario

CREATE = {"service": "sagemaker", "action": "Create*", "per_second": 0.001}


def book(*rates: Rate) -> RateBook:
    made = RateBook()
    made.replace(rates)
    return made


def test_a_bucket_fills_at_its_rate() -> None:
    rates = book(Rate(0.5, "sagemaker", "Create*", burst=2))

    def taken(now: float) -> bool:
        return rates.meet("sagemaker", "CreateTrainingJob", "eu-west-1", now) is None

    assert [taken(0), taken(0), taken(0)] == [True, True, False]
    assert [taken(1.9), taken(2.0), taken(2.0)] == [False, True, False]
    assert [taken(1000), taken(1000), taken(1000)] == [True, True, False]


def test_each_action_and_region_has_its_own_bucket() -> None:
    rates = book(Rate(1, "sagemaker", "Create*"))
    calls = [
        ("CreateTrainingJob", "eu-west-1"),
        ("CreateProcessingJob", "eu-west-1"),
        ("CreateTrainingJob", "us-east-1"),
    ]
    assert [rates.meet("sagemaker", action, region, 0) for action, region in calls] == [None, None, None]
    assert all(rates.meet("sagemaker", action, region, 0) for action, region in calls)
    assert rates.meet("sagemaker", "DescribeTrainingJob", "eu-west-1", 0) is None


def test_the_first_rate_that_matches_counts() -> None:
    rates = book(Rate(1, action="CreateModel", burst=5), Rate(1, action="Create*"))
    assert [rates.meet("sagemaker", "CreateModel", "eu-west-1", 0) for _ in range(5)] == [None] * 5


def test_the_endpoint_throttles_beyond_its_rate(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.load_scenario({"rates": [CREATE]})
    sagemaker.create_training_job(**training_request("first"))
    with pytest.raises(ClientError) as caught:
        sagemaker.create_training_job(**training_request("second"))
    assert caught.value.response["Error"] == {"Code": "ThrottlingException", "Message": "Rate exceeded"}
    endpoint.advance(1000)
    sagemaker.create_training_job(**training_request("third"))
    assert [job.name for job in endpoint.jobs("training")] == ["first", "third"]
    logged = endpoint.requests("sagemaker", "CreateTrainingJob")
    assert [entry.error_code for entry in logged] == [None, "ThrottlingException", None]


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        ({}, "$.rates[0]: a rate needs per_second"),
        ({"per_second": 0}, "$.rates[0].per_second: must be at least 0.001, got 0"),
        ({"per_second": 1, "burst": 0}, "$.rates[0].burst: must be at least 1, got 0"),
        ({"per_seconds": 1}, "$.rates[0].per_seconds: unknown key (did you mean 'per_second'?)"),
    ],
)
def test_what_is_wrong_with_a_rate_is_told(rate: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read_scenario({"rates": [rate]})
    assert str(caught.value) == message
