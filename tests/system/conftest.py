"""One Airflow for all files that need nothing of their own: starting one takes as long as several tests.

It ends when a test of another folder follows: an idle one takes a tenth of a core from the tests beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from airflow_sm_pipelines.local.endpoint import REGION, LocalEndpoint
from tests.runs.harness import BUCKET
from tests.system.deployment import Deployment, deployed

SETTINGS = {
    # A kill reaches AWS by the task's own on_kill: no look for jobs without an owner comes later.
    "AIRFLOW__SAGEMAKER_PIPELINES__ORPHAN_JOBS_INTERVAL": "0",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "1",
    # The dag-processor takes up a change of a Dag only so long after the last one.
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "1",
    # So that what Airflow drops of assets and their state would be dropped within a test.
    "AIRFLOW__SCHEDULER__PARSING_CLEANUP_INTERVAL": "2",
    "AIRFLOW__SAGEMAKER_PIPELINES__PIPELINES_API": "True",
    "AIRFLOW__SAGEMAKER_PIPELINES__PIPELINES_API_REGION": REGION,
    "AIRFLOW__SAGEMAKER_PIPELINES__PIPELINES_API_UNPAUSED": "True",
    "AIRFLOW__SAGEMAKER_PIPELINES__CLEANUP_PREFIXES": f"s3://{BUCKET}/Prep/out/",
}


@dataclass(frozen=True)
class SharedAirflow:
    """The deployment and the endpoint that its Dags call; each file of tests adds a folder of Dags to it."""

    deployment: Deployment
    endpoint: LocalEndpoint


@pytest.fixture(scope="package")
def shared_airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedAirflow]:
    folder = tmp_path_factory.mktemp("airflow")
    with (
        LocalEndpoint(scenario={}) as endpoint,
        deployed(folder, {**endpoint.environment, **SETTINGS}, {}) as deployment,
    ):
        yield SharedAirflow(deployment, endpoint)
