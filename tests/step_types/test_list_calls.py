"""The List calls, against botocore's model of SageMaker."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from msgspec.structs import replace

from airflow_sm_pipelines.jobs.job_lists import MODIFIED, PAGE_SIZE
from airflow_sm_pipelines.step_types import automl, emr, endpoint, training
from airflow_sm_pipelines.step_types.list_calls import LABELS, list_call_of


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return botocore.session.Session().get_service_model("sagemaker")


@pytest.mark.parametrize("describe", LABELS)
def test_a_list_call_takes_and_gives_what_a_poller_needs(sagemaker: Any, describe: str) -> None:
    call = list_call_of(replace(training.KIND, describe=describe))
    assert call is not None
    model = sagemaker.operation_model(call.operation)
    asked = model.input_shape.members
    assert {"LastModifiedTimeAfter", "NextToken"} < set(asked)
    assert asked["MaxResults"].metadata["max"] == PAGE_SIZE
    summary = model.output_shape.members[call.summaries].member.members
    assert {call.name_field, call.status_field, MODIFIED} <= set(summary)
    described = sagemaker.operation_model(describe)
    assert call.name_field in described.input_shape.members
    assert call.status_field in described.output_shape.members


def test_kinds_without_a_list_call() -> None:
    assert list_call_of(automl.KIND) is not None
    assert [list_call_of(kind) for kind in (emr.KIND, endpoint.KIND)] == [None, None]
