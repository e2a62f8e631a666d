"""The List calls by which a poller asks what has changed."""

from __future__ import annotations

import time
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.samples import processing_request, training_request


def listed(sagemaker: Any, **filters: Any) -> list[str]:
    pages = sagemaker.get_paginator("list_training_jobs").paginate(**filters)
    return [summary["TrainingJobName"] for page in pages for summary in page["TrainingJobSummaries"]]


def test_jobs_that_have_changed_since_are_listed_page_by_page(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    for number in range(25):
        sagemaker.create_training_job(**training_request(f"old-{number}"))
    endpoint.advance(3600)
    sagemaker.create_training_job(**training_request("new"))
    created = sagemaker.describe_training_job(TrainingJobName="new")["CreationTime"]
    assert listed(sagemaker, LastModifiedTimeAfter=created - timedelta(seconds=60)) == ["new"]
    since = {"LastModifiedTimeAfter": created - timedelta(seconds=7200)}
    first = sagemaker.list_training_jobs(**since, MaxResults=20)
    assert len(first["TrainingJobSummaries"]) == 20
    assert len(sagemaker.list_training_jobs(**since, NextToken=first["NextToken"])["TrainingJobSummaries"]) == 6
    endpoint.advance(3600)
    ended = sagemaker.describe_training_job(TrainingJobName="new")["LastModifiedTime"]
    assert listed(sagemaker, LastModifiedTimeAfter=ended - timedelta(seconds=1)) == ["new"]
    assert listed(sagemaker, LastModifiedTimeAfter=ended + timedelta(seconds=2)) == []


def test_a_summary_has_the_status_and_the_time_that_describe_has(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    sagemaker.create_processing_job(**processing_request("ours"))
    for status in ("InProgress", "Completed"):
        described = sagemaker.describe_processing_job(ProcessingJobName="ours")
        [summary] = sagemaker.list_processing_jobs()["ProcessingJobSummaries"]
        assert (summary["ProcessingJobStatus"], described["ProcessingJobStatus"]) == (status, status)
        assert summary["LastModifiedTime"] == described["LastModifiedTime"]
        endpoint.advance(3600)


@pytest.mark.parametrize("call", ["list_training_jobs", "list_models"])
def test_answers_are_dated_by_the_endpoints_clock(endpoint: LocalEndpoint, sagemaker: Any, call: str) -> None:
    endpoint.advance(86400)
    date = getattr(sagemaker, call)()["ResponseMetadata"]["HTTPHeaders"]["date"]
    assert parsedate_to_datetime(date).timestamp() > time.time() + 80000
