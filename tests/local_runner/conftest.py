"""Endpoints whose jobs really run, in either isolation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.bubblewrap import need_bubblewrap
from tests.local_runner.jobs import Jobs

ISOLATIONS = ("bubblewrap", "paths")


@pytest.fixture(scope="session")
def real_endpoint() -> Iterator[LocalEndpoint]:
    """One endpoint for all tests; each resets it to a scenario of its own."""
    with LocalEndpoint() as endpoint:
        yield endpoint
        endpoint.reset({})


@pytest.fixture(params=ISOLATIONS)
def isolation(request: pytest.FixtureRequest) -> str:
    """Each way to keep a job to its folder that this machine has."""
    name: str = request.param
    if name == "bubblewrap":
        need_bubblewrap()
    return name


@pytest.fixture
def bubblewrap() -> None:
    """For a test of namespaces alone."""
    need_bubblewrap()


@pytest.fixture(scope="session")
def jobs_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Not the one that all endpoints of this user have in common."""
    return str(tmp_path_factory.mktemp("jobs"))


@pytest.fixture
def start_jobs(real_endpoint: LocalEndpoint, jobs_folder: str) -> Iterator[Callable[..., Jobs]]:
    """Start the endpoint anew with rules and settings of the runner; ends what still runs."""

    def start(isolation: str, *rules: dict[str, Any], **settings: Any) -> Jobs:
        settings = {"folder": jobs_folder, "stop_seconds": 10, **settings}
        runner = {"isolation": isolation, "rules": list(rules) or [{"run": "process"}], **settings}
        real_endpoint.reset({"runner": runner})
        return Jobs(real_endpoint)

    yield start
    real_endpoint.reset({})


@pytest.fixture
def jobs(start_jobs: Callable[..., Jobs], isolation: str) -> Jobs:
    """All jobs run, in either isolation."""
    return start_jobs(isolation)
