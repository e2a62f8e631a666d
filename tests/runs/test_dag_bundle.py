"""The Dag bundle of registered pipelines in Airflow's own dag-processor: a Dag comes and goes within a refresh."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.store.registering import BROKEN, register, unregister

NAME = "from-aws"


def process() -> None:
    """One round of the dag-processor: refresh, parse, write."""
    command = [sys.executable, "-m", "airflow", "dag-processor", "--bundle-name", NAME, "--num-runs", "1"]
    subprocess.run(command, check=True, timeout=600, capture_output=True)


def rows() -> dict[str, tuple[str | None, bool]]:
    """The version of the bundle and whether the Dag is stale, by dag id, as the database has them."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        found = session.scalars(select(DagModel).where(DagModel.bundle_name == NAME))
        return {dag.dag_id: (dag.bundle_version, dag.is_stale) for dag in found}


@pytest.mark.usefixtures("airflow_database")
def test_a_registered_pipeline_is_a_dag_within_a_refresh(
    local_endpoint: LocalEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kwargs = {"storage": str(tmp_path / "stored"), "refresh_interval": 0}
    config = [{"name": NAME, "classpath": "airflow_sm_pipelines.SageMakerPipelinesDagBundle", "kwargs": kwargs}]
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps(config))
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path / "bundles"))
    # A Dag that a file no longer has is given up by the next look, and not only after minutes.
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD", "0")
    monkeypatch.setenv("AIRFLOW__SCHEDULER__PARSING_CLEANUP_INTERVAL", "0")
    register(local_endpoint, "abalone")
    register(local_endpoint, "bad", BROKEN)
    process()
    first = rows()
    versions = {version for version, _ in first.values()}
    assert first.keys() == {"abalone", "bad"}
    assert len(versions) == 1
    assert [path.stem for path in (tmp_path / "stored").glob("*.json")] == list(versions)
    unregister(local_endpoint, "bad")
    register(local_endpoint, "churn")
    process()
    second = rows()
    assert {dag_id for dag_id, (_, is_stale) in second.items() if not is_stale} == {"abalone", "churn"}
    assert second["abalone"][0] == second["churn"][0] != first["abalone"][0]
