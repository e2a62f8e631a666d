"""The Dag bundle of an object store with the pipelines of the API."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import ObjectStoragePath

from airflow_sm_pipelines.settings import SettingError
from airflow_sm_pipelines.store.api_bundle import StoredPipelinesDagBundle
from airflow_sm_pipelines.store.object_storage import ObjectFiles
from airflow_sm_pipelines.store.pipelines import PipelineStore

NAME = "pipelines-api"


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store's URL; the storage of bundles is that of one host."""
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path / "here"))
    return f"file://{tmp_path}/store"


def store_at(url: str) -> PipelineStore:
    return PipelineStore(ObjectFiles(ObjectStoragePath(url)))


def definition(message: str) -> str:
    step = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": message}}
    return json.dumps({"Version": "2020-12-01", "Steps": [step]})


def bundle(url: str | None, version: str | None = None) -> StoredPipelinesDagBundle:
    made = StoredPipelinesDagBundle(name=NAME, version=version, store=url)
    made.initialize()
    return made


def version_of(made: StoredPipelinesDagBundle) -> str:
    current = made.get_current_version()
    assert current is not None
    return current.version


def dags(made: StoredPipelinesDagBundle) -> dict[str, Any]:
    """The Dags of the loader file, as Airflow reads it."""
    from airflow.dag_processing.dagbag import BundleDagBag

    bag = BundleDagBag(made.path, bundle_path=made.path, bundle_name=NAME)
    assert bag.import_errors == {}
    return dict(bag.dags)


def message_of(dag: Any) -> Any:
    return dag.plan.pipeline.steps[0].arguments["ErrorMessage"]


def test_a_run_keeps_the_version_that_it_began_with(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__PIPELINES_API_UNPAUSED", "True")
    store = store_at(url)
    store.create({"name": "Abalone", "definition": definition("first")}, user="anna")
    made = bundle(url)
    made.refresh()
    (first,) = dags(made).values()
    assert (first.dag_id, message_of(first), first.is_paused_upon_creation) == ("Abalone", "first", False)
    assert first.default_args["sagemaker_pipelines_version"] == 1
    begun = version_of(made)
    store.update("Abalone", {"definition": definition("second")}, user="anna")
    made.refresh()
    assert message_of(dags(made)["Abalone"]) == "second"
    # A worker of another host.
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path / "there"))
    assert message_of(dags(bundle(url, begun))["Abalone"]) == "first"
    store.delete("Abalone")
    made.refresh()
    assert dags(made) == {}


def test_a_store_that_cannot_be_read_changes_nothing(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store_at(url).create({"name": "Abalone", "definition": definition("first")}, user="anna")
    made = bundle(url)
    made.refresh()
    before = version_of(made)

    def broken(*_: object) -> bytes:
        raise PermissionError("no access")

    monkeypatch.setattr(ObjectStoragePath, "read_bytes", broken)
    with caplog.at_level(logging.ERROR):
        made.refresh()
    assert (version_of(made), list(dags(made))) == (before, ["Abalone"])
    assert "stays as it was" in caplog.text


def test_a_folder_is_no_store_of_a_bundle(url: str) -> None:
    for given in (None, "/opt/pipelines"):
        with pytest.raises(SettingError, match="no URL of an object store"):
            StoredPipelinesDagBundle(name=NAME, store=given)
