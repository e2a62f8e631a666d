from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest

from airflow_sm_pipelines.aws.access import AwsAccess, AwsIdentity
from airflow_sm_pipelines.aws.failures import ExceptionType, StepFailure, is_lost, is_transient, type_of_call_error
from airflow_sm_pipelines.aws.hook import CALLER
from airflow_sm_pipelines.aws.missing_connection import ConnectionNotFoundError
from airflow_sm_pipelines.aws.model_loader import QuickJsonLoader, model_loader

ASKS: tuple[Callable[[AwsAccess], object], ...] = (
    lambda access: access.client("sagemaker"),
    lambda access: access.client_calling_once("sagemaker"),
    lambda access: access.region,
    lambda access: AwsIdentity(access).region,
    lambda access: AwsIdentity(access).partition,
)
"""What needs a region, and with it the connection."""


def test_the_user_agent_says_who_calls_and_that_it_is_airflow() -> None:
    access = AwsAccess(None, "us-east-1", None, {"user_agent_extra": "team-a"})
    said = access.client("sagemaker").meta.config.user_agent_extra.split()
    assert f"Caller/{CALLER}" in said
    assert any(each.startswith("Airflow/3.") for each in said)
    assert said[-1] == "team-a"


def test_the_models_of_a_service_are_read_once_for_all_sessions_of_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    read, load_file = list[str](), QuickJsonLoader.load_file

    def counted(self: QuickJsonLoader, file_path: str) -> Any:
        if (found := load_file(self, file_path)) is not None:
            read.append(file_path)
        return found

    monkeypatch.setattr(QuickJsonLoader, "load_file", counted)
    model_loader.cache_clear()
    accesses = [AwsAccess(None, region, None, {}) for region in ("us-east-1", "us-east-1", "cn-north-1")]
    partitions = [access.any_hook().partition for access in accesses]
    for access in accesses:
        assert access.client("sagemaker") is not access.client_calling_once("sagemaker")
    assert partitions == ["aws", "aws", "aws-cn"]
    assert [path.rsplit("/", 1)[-1] for path in read].count("service-2") == 1
    assert len(read) == len(set(read))


@pytest.mark.parametrize("ask", ASKS)
def test_without_a_region_whatever_needs_one_says_where_it_is_set(
    ask: Callable[[AwsAccess], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    with pytest.raises(StepFailure, match=r"^No AWS region is set\. Set one of: region_name of SageMakerPipelineDag"):
        ask(AwsAccess(None, None, None, None))


def test_a_hook_says_whether_its_connection_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_THERE", "aws://")
    monkeypatch.delenv("AIRFLOW_CONN_AWS_DEFAULT")
    names = ("there", "aws_default", None)
    found = {name: AwsAccess(name, None, None, None).hook("s3").has_connection for name in names}
    assert found == {"there": True, "aws_default": False, None: False}


@pytest.mark.parametrize(
    "ask",
    [
        *ASKS,
        lambda access: AwsIdentity(access).account,
        lambda access: access.hook("s3").has_connection,
        lambda access: asyncio.run(opened(access)),
    ],
)
def test_no_client_is_made_without_the_connection_that_was_named(ask: Callable[[AwsAccess], object]) -> None:
    with pytest.raises(ConnectionNotFoundError, match=r"^Airflow finds no connection 'nowhere'\. ") as told:
        ask(AwsAccess("nowhere", "us-east-1", None, None))
    assert (type_of_call_error(told.value), is_transient(told.value)) == (ExceptionType.SERVICE_FAULT, True)
    assert not is_lost(told.value)


async def opened(access: AwsAccess) -> None:
    async with access.async_client("s3"):
        pass
