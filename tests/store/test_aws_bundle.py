"""The Dag bundle of the pipelines that are registered in SageMaker."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException

from airflow_sm_pipelines import SageMakerPipelinesDagBundle
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.store.registering import BROKEN, DEFINITION, register, unregister

NAME = "from-aws"


@pytest.fixture
def endpoint(local_endpoint: LocalEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalEndpoint:
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path / "here"))
    return local_endpoint


@pytest.fixture
def storage(tmp_path: Path) -> str:
    return str(tmp_path / "stored")


def bundle(storage: str | None, version: str | None = None, **kwargs: Any) -> SageMakerPipelinesDagBundle:
    made = SageMakerPipelinesDagBundle(name=NAME, version=version, storage=storage, **kwargs)
    made.initialize()
    return made


def version_of(made: SageMakerPipelinesDagBundle) -> str:
    current = made.get_current_version()
    assert current is not None
    return current.version


def dags(made: SageMakerPipelinesDagBundle) -> dict[str, Any]:
    """The Dags of the loader file, as Airflow reads it."""
    from airflow.dag_processing.dagbag import BundleDagBag

    bag = BundleDagBag(made.path, bundle_path=made.path, bundle_name=NAME)
    assert bag.import_errors == {}
    return dict(bag.dags)


def test_pipelines_come_change_and_go(endpoint: LocalEndpoint, storage: str) -> None:
    register(endpoint, "abalone")
    register(endpoint, "bad", BROKEN)
    made = bundle(storage)
    assert dags(made) == {}
    assert made.get_current_version() is None
    made.refresh()
    found = dags(made)
    assert found.keys() == {"abalone", "bad"}
    assert found["abalone"].task_ids == ["Train"]
    assert "definition-error" in found["bad"].tags
    first = version_of(made)
    loader = (made.path / "sagemaker_pipelines.py").stat().st_mtime_ns
    made.refresh()
    assert version_of(made) == first
    assert (made.path / "sagemaker_pipelines.py").stat().st_mtime_ns == loader
    unregister(endpoint, "bad")
    register(endpoint, "churn")
    made.refresh()
    assert dags(made).keys() == {"abalone", "churn"}
    assert version_of(made) != first
    assert (made.path / "sagemaker_pipelines.py").stat().st_mtime_ns > loader


def test_a_worker_of_another_host_reads_the_version_it_was_given(
    endpoint: LocalEndpoint, storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(endpoint, "abalone")
    processor = bundle(storage)
    processor.refresh()
    first = version_of(processor)
    unregister(endpoint, "abalone")
    register(endpoint, "churn")
    processor.refresh()
    second = version_of(processor)
    asked = len(endpoint.requests())
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path / "there"))
    older, newer, without = bundle(storage, first), bundle(storage, second), bundle(storage)
    assert dags(older).keys() == {"abalone"}
    assert dags(newer).keys() == dags(without).keys() == {"churn"}
    assert older.path.is_relative_to(tmp_path / "there")
    assert [version_of(each) for each in (older, newer, without)] == [first, second, second]
    bundle(storage, first)
    assert len(endpoint.requests()) == asked
    with pytest.raises(AirflowException, match="cannot be refreshed"):
        older.refresh()


def test_a_version_that_is_not_stored_is_told(endpoint: LocalEndpoint, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="storage has to be a place that the dag-processor and all workers see"):
        bundle(str(tmp_path / "elsewhere"), "0" * 40)


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "ListPipelines", "error": "AccessDeniedException"},
        {"action": "ListPipelines", "error": "ThrottlingException"},
        {"action": "DescribePipeline", "drop": "before"},
    ],
)
def test_an_outage_keeps_the_last_good_state(
    endpoint: LocalEndpoint, storage: str, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    register(endpoint, "abalone")
    made = bundle(storage)
    made.refresh()
    before = version_of(made)
    unregister(endpoint, "abalone")
    register(endpoint, "churn")
    endpoint.add_fault(**fault, times=50)
    with caplog.at_level(logging.ERROR):
        made.refresh()
    assert (version_of(made), set(dags(made))) == (before, {"abalone"})
    assert "stays as it was: SageMaker cannot be asked" in caplog.text
    # A dag-processor that starts in the outage begins with it, too.
    restarted = bundle(storage)
    restarted.refresh()
    assert (version_of(restarted), set(dags(restarted))) == (before, {"abalone"})
    endpoint.reset()
    register(endpoint, "churn")
    restarted.refresh()
    assert dags(restarted).keys() == {"churn"}


def test_an_outage_at_the_very_first_publishes_nothing(endpoint: LocalEndpoint, storage: str) -> None:
    endpoint.add_fault(action="ListPipelines", error="AccessDeniedException", times=50)
    made = bundle(storage)
    made.refresh()
    assert made.get_current_version() is None
    assert not Path(storage).exists()


def test_arguments_are_those_of_load_dags_and_part_of_the_version(endpoint: LocalEndpoint, storage: str) -> None:
    register(endpoint, "abalone")
    plain = bundle(storage)
    plain.refresh()
    given = {"tags": ['it\'s "ours"'], "overrides": {"abalone": {"schedule": "@daily"}}}
    made = bundle(storage, arguments=given)
    assert dags(made)["abalone"].schedule == "@daily"
    assert 'it\'s "ours"' in dags(made)["abalone"].tags
    made.refresh()
    assert version_of(made) != version_of(plain)
    assert dags(bundle(storage, version_of(made)))["abalone"].schedule == "@daily"
    assert dags(bundle(storage, version_of(plain)))["abalone"].schedule is None


def test_those_with_a_tag_or_a_name(endpoint: LocalEndpoint, tmp_path: Path) -> None:
    register(endpoint, "abalone", tags={"airflow": "yes"})
    register(endpoint, "churn")
    by_tag = bundle(str(tmp_path / "tagged"), tags={"airflow": "yes"})
    by_tag.refresh()
    assert dags(by_tag).keys() == {"abalone"}
    by_name = bundle(str(tmp_path / "named"), pipelines=["churn"])
    by_name.refresh()
    assert dags(by_name).keys() == {"churn"}
    with pytest.raises(ValueError, match="give one of them"):
        bundle(None, pipelines=["churn"], tags={"airflow": "yes"})
    with pytest.raises(ValueError, match="'my_pipe' is no name of a pipeline"):
        bundle(None, pipelines=["churn", "my_pipe"])


def test_of_one_host_no_storage_is_needed_and_an_importer_no_loader(endpoint: LocalEndpoint) -> None:
    register(endpoint, "abalone")
    made = bundle(None, loader=False)
    made.refresh()
    assert [path.name for path in made.path.rglob("*.*")] == ["abalone.json"]
    assert (bundle(None, version_of(made), loader=False).path / "pipelines" / "abalone.json").exists()


def test_a_store_that_cannot_be_written_changes_nothing(endpoint: LocalEndpoint, storage: str) -> None:
    register(endpoint, "abalone")
    made = bundle(storage)
    made.refresh()
    before = version_of(made)
    register(endpoint, "churn")
    [latest] = Path(storage).glob("latest")
    latest.unlink()
    latest.mkdir()
    with pytest.raises(IsADirectoryError):
        made.refresh()
    assert (version_of(made), set(dags(made))) == (before, {"abalone"})


def test_airflow_makes_it_of_its_configuration(
    endpoint: LocalEndpoint, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    register(endpoint, "abalone")
    kwargs = {"storage": storage, "aws_conn_id": None, "region_name": "us-east-1", "refresh_interval": 60}
    config = [{"name": NAME, "classpath": "airflow_sm_pipelines.SageMakerPipelinesDagBundle", "kwargs": kwargs}]
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps(config))
    made = DagBundlesManager().get_bundle(NAME)
    made.initialize()
    made.refresh()
    assert made.refresh_interval == 60
    current = made.get_current_version()
    worker = DagBundlesManager().get_bundle(NAME, getattr(current, "version", None))
    worker.initialize()
    definition = json.loads((worker.path / "pipelines" / "abalone.json").read_text())
    assert definition["PipelineDefinition"] == DEFINITION
