"""Checks requests against botocore's model of their service, with the errors of the local endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_sm_pipelines.local.errors import AwsError
from airflow_sm_pipelines.wire import service_model
from airflow_sm_pipelines.wire.errors import ApiError
from airflow_sm_pipelines.wire.service_model import known_actions

__all__ = ["check_request", "known_actions"]


def check_request(action: str, parameters: Mapping[str, Any], service: str = "sagemaker") -> None:
    """Raise :class:`AwsError` when the parameters of a known action break its model."""
    try:
        service_model.check_request(action, parameters, service)
    except ApiError as error:
        raise AwsError(error.code, error.message, error.status) from None
