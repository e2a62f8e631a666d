from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.testing import local_endpoint, local_endpoint_session

__all__ = ["local_endpoint", "local_endpoint_session"]

FAST = {"defaults": {"duration": 100, "stopping": 10}}


@pytest.fixture
def endpoint(local_endpoint: LocalEndpoint) -> Iterator[LocalEndpoint]:
    """An endpoint whose jobs take 100 seconds, and 10 to stop; `advance` lets them pass."""
    local_endpoint.load_scenario(FAST)
    yield local_endpoint
    local_endpoint.reset()


@pytest.fixture
def sagemaker(endpoint: LocalEndpoint) -> Any:
    """A client that does not retry."""
    return endpoint.client("sagemaker", attempts=1)
