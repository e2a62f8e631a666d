"""Definitions as Dag files of their own, by Airflow 3.4's importers: `make test-next` runs these."""

from __future__ import annotations

import importlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.runs.harness import pipeline, training

try:
    from airflow.sdk.importers import reset_importer_registry
except ImportError:
    HAS_IMPORTERS = False
else:
    HAS_IMPORTERS = True

needs_importers = pytest.mark.skipif(not HAS_IMPORTERS, reason="this Airflow has no Dag importers: make test-next")
pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore")]
REPOSITORY = Path(__file__).parent.parent.parent
CLASS = "airflow_sm_pipelines.importer.SageMakerPipelineImporter"
BROKEN = pipeline(training("Train", DependsOn=["Tran", "Other"]), training("Also", Arguments={"RoleArn": 5}))


@pytest.mark.skipif(HAS_IMPORTERS, reason="this Airflow has Dag importers")
def test_an_airflow_without_importers_is_told_what_to_use() -> None:
    with pytest.raises(ImportError, match=r"needs Airflow 3\.4 or newer.*load_dags"):
        importlib.import_module("airflow_sm_pipelines.importer")


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The dags folder, with the importer in the deployment's configuration."""
    path = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    configure(monkeypatch)
    yield path
    shutil.rmtree(path)
    monkeypatch.undo()
    reset_importer_registry()


def configure(monkeypatch: pytest.MonkeyPatch, **kwargs: Any) -> None:
    entry = {"classpath": CLASS, "kwargs": kwargs, "extensions": [".json"]}
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_IMPORTER_CONFIGS", json.dumps([entry]))
    reset_importer_registry()


def write(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document, indent=2))
    return path


def bag_of(folder: Path, part: Path | None = None) -> Any:
    """What Airflow finds in the dags folder, or in one file of it as a worker does."""
    from airflow.dag_processing.dagbag import BundleDagBag

    return BundleDagBag(dag_folder=str(part or folder), bundle_path=folder, bundle_name="dags-folder")


@needs_importers
def test_a_definition_with_its_settings_is_a_dag_file_and_the_code_tab_shows_it(folder: Path) -> None:
    path = write(folder / "team" / "abalone.json", (REPOSITORY / "dags/pipelines/abalone.json").read_text())
    write(folder / "team" / "abalone.airflow.yaml", "schedule: '@daily'\nstart_date: 2026-01-01\nowner: ml\n")
    write(folder / "team" / "abalone.prod.airflow.yaml", "parameters:\n  MseThreshold: 4.5\n")
    write(folder / "_defaults.airflow.yaml", "tags: [all]\n")
    write(folder / "evaluation.json", {"mse": 1})
    bag = bag_of(folder)
    assert bag.import_errors == {}
    assert set(bag.dags) == {"abalone", "abalone.prod"}
    dag = bag.dags["abalone"]
    assert (dag.schedule, dag.owner, "all" in dag.tags) == ("@daily", "ml", True)
    assert (dag.fileloc, dag.relative_fileloc) == (str(path), "team/abalone.json")
    assert bag.dags["abalone.prod"].params["MseThreshold"] == 4.5
    source = bag.dag_source_codes["abalone"]
    assert (json.loads(source.source_code), source.language) == (json.loads(path.read_text()), "json")


@needs_importers
def test_a_worker_builds_its_dag_from_its_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(folder / "a.json", pipeline(training("A")))
    write(folder / "a.prod.airflow.yaml", "owner: ml\n")
    write(folder / "b.json", BROKEN)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "a.prod")
    bag = bag_of(folder, path)
    assert (list(bag.dags), bag.import_errors) == (["a.prod"], {})


@needs_importers
def test_all_findings_are_the_one_error_of_the_file_and_hide_no_other(folder: Path) -> None:
    write(folder / "bad.json", BROKEN)
    write(folder / "good.json", pipeline(training("A")))
    bag = bag_of(folder)
    assert list(bag.dags) == ["good"]
    [(place, told)] = bag.import_errors.items()
    assert place == "bad.json"
    assert told.count(", line ") == 3
    assert told.count(", column ") == 3
    for words in ("there is no step 'Tran'", "there is no step 'Other'", "$.Steps[1].Arguments.RoleArn"):
        assert words in told


@needs_importers
def test_an_error_dag_is_there_where_it_is_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, on_error="dag", schedule="@daily")
    write(folder / "bad.json", BROKEN)
    bag = bag_of(folder)
    assert bag.import_errors == {}
    assert (bag.dags["bad"].schedule, "definition-error" in bag.dags["bad"].tags) == ("@daily", True)


@needs_importers
def test_clashes_unused_settings_and_what_is_left_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, exclude=["drafts"])
    for name in ("a.json", "team/a.json", "drafts/d.json", ".hidden.json", "ignored/i.json"):
        write(folder / name, pipeline(training("A")))
    write(folder / ".airflowignore", "ignored/\n")
    write(folder / "abalon.airflow.yaml", "owner: ml\n")
    bag = bag_of(folder)
    assert list(bag.dags) == ["a"]
    assert set(bag.import_errors) == {"team/a.json", "abalon.airflow.yaml"}
    assert "both ask for the dag id 'a'" in bag.import_errors["team/a.json"]


@needs_importers
def test_a_secret_of_the_definition_is_stars_in_the_code_tab(folder: Path) -> None:
    write(folder / "a.json", pipeline(training("A", Arguments={"Environment": {"API_PASSWORD": "hunter2-hunter2"}})))
    assert "hunter2" not in bag_of(folder).dag_source_codes["a"].source_code


@needs_importers
@pytest.mark.parametrize(
    "kwargs", [{"schedul": "@daily"}, {"on_error": "ignore"}], ids=["unknown argument", "unknown value"]
)
def test_a_wrong_configuration_is_refused(kwargs: dict[str, Any]) -> None:
    importer = importlib.import_module("airflow_sm_pipelines.importer").SageMakerPipelineImporter
    with pytest.raises((TypeError, ValueError), match=next(iter({*kwargs}))):
        importer(**kwargs)


@needs_importers
def test_moving_from_the_loader_keeps_dag_ids_runs_and_versions(
    airflow_database: None, folder: Path, local_endpoint: LocalEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    local_endpoint.reset({"defaults": {"duration": 0}})
    write(folder / "pipelines" / "moved.json", pipeline(training("Train")))
    loader = write(
        folder / "loader.py", 'from airflow_sm_pipelines import load_dags\nglobals().update(load_dags("pipelines"))\n'
    )
    monkeypatch.delenv("AIRFLOW__DAG_PROCESSOR__DAG_IMPORTER_CONFIGS")
    reset_importer_registry()
    [dag] = bag_of(folder).dags.values()
    assert dag.relative_fileloc == "loader.py"
    first = dag.test()

    loader.unlink()
    configure(monkeypatch)
    [moved] = bag_of(folder).dags.values()
    assert (moved.dag_id, moved.relative_fileloc) == (dag.dag_id, "pipelines/moved.json")
    second = moved.test()
    with create_session() as session:
        runs = session.scalars(select(DagRun.run_id).where(DagRun.dag_id == "moved").order_by(DagRun.id)).all()
        kept = session.scalar(select(SerializedDagModel).where(SerializedDagModel.dag_id == "moved"))
    assert (str(first.state), str(second.state)) == ("success", "success")
    assert runs == [first.run_id, second.run_id]
    assert kept is not None
    assert len(local_endpoint.requests("sagemaker", "CreateTrainingJob")) == 2
