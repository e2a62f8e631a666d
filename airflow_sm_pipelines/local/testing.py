"""A pytest plugin: ``pytest_plugins = ["airflow_sm_pipelines.local.testing"]`` in a top-level conftest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_sm_pipelines.local.endpoint import LocalEndpoint

# Whatever a developer's shell sets of these would send calls elsewhere or sign them with real credentials.
REMOVED = (
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ROLE_ARN"),
    *("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ENDPOINT_URL_SAGEMAKER", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS"),
    *("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)


@pytest.fixture(scope="session")
def local_endpoint_session() -> Iterator[LocalEndpoint]:
    """One endpoint for all tests."""
    with LocalEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def local_endpoint(local_endpoint_session: LocalEndpoint, monkeypatch: pytest.MonkeyPatch) -> LocalEndpoint:
    """An endpoint with nothing in it, and an environment that sends AWS clients there."""
    local_endpoint_session.reset()
    for name in REMOVED:
        monkeypatch.delenv(name, raising=False)
    for name, value in local_endpoint_session.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return local_endpoint_session
