"""Events of jobs that the endpoint puts into a queue, as an EventBridge rule does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.reader import ScenarioError
from airflow_sm_pipelines.local.samples import training_request
from airflow_sm_pipelines.local.scenario import read_scenario
from airflow_sm_pipelines.step_types.job_events import JobEvent, read_event
from tests.waiting import until


def messages(endpoint: LocalEndpoint) -> list[str]:
    """What the queue has, taken out of it."""
    sqs = endpoint.client("sqs")
    url = sqs.get_queue_url(QueueName="events")["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for message in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [message["Body"] for message in found]


def test_a_queue_is_told_that_a_job_has_begun_and_ended(endpoint: LocalEndpoint) -> None:
    endpoint.load_scenario({"defaults": {"duration": 100}, "events": {"queue": "events"}})
    endpoint.client("sagemaker").create_training_job(**training_request("ours"))
    [begun] = messages(endpoint)
    assert read_event(begun) == JobEvent("TrainingJob", "ours", has_ended=False)
    endpoint.advance(101)
    [told] = messages(endpoint)
    assert read_event(told) == JobEvent("TrainingJob", "ours", has_ended=True)
    event = json.loads(told)
    assert (event["source"], event["region"]) == ("aws.sagemaker", "us-east-1")
    assert event["resources"] == [event["detail"]["TrainingJobArn"]]


def test_the_end_is_told_though_nobody_calls(endpoint: LocalEndpoint) -> None:
    endpoint.load_scenario({"defaults": {"duration": 0.1}, "events": {"queue": "events"}})
    endpoint.client("sagemaker").create_training_job(**training_request("ours"))
    found: list[str] = []

    def is_told() -> bool:
        found.extend(messages(endpoint))
        return any(event is not None and event.has_ended for event in map(read_event, found))

    until(is_told)


def test_without_a_queue_nothing_is_told(endpoint: LocalEndpoint) -> None:
    endpoint.client("sagemaker").create_training_job(**training_request("ours"))
    assert endpoint.client("sqs").list_queues().get("QueueUrls", []) == []


@pytest.mark.parametrize("events", [{}, {"queue": 7}, {"queue": "q", "rule": 1}, "q"])
def test_a_scenario_that_cannot_be_used_is_refused(events: Any) -> None:
    with pytest.raises(ScenarioError, match=r"events"):
        read_scenario({"events": events})
