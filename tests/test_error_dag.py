"""The Dag of a broken definition: it keeps what was given for the pipeline, and says what is wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.serialization.serialized_objects import DagSerialization

from airflow_sm_pipelines import DefinitionError, SageMakerPipelineDag, load_dags
from tests.runs.harness import pipeline, training

DATE = datetime(2026, 1, 5, tzinfo=UTC)
BROKEN = pipeline(training("Train", DependsOn=["Nobody"]))


def told(context: Any) -> None:
    """A callback."""


GIVEN: dict[str, Any] = {
    "schedule": "@daily",
    "start_date": DATE,
    "catchup": False,
    "tags": ["forecasts"],
    "max_active_runs": 1,
    "dagrun_timeout": timedelta(hours=2),
    "owner_links": {"ml": "https://ml.example"},
    "on_failure_callback": told,
    "on_success_callback": [told],
    "params": {"team": "ml"},
    "default_args": {
        "owner": "ml",
        "queue": "gpu",
        "pool": "gpus",
        "retries": 5,
        "depends_on_past": True,
        "on_failure_callback": told,
        "aws_conn_id": "prod",
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "forecast.json").write_text(json.dumps(BROKEN))
    return tmp_path


def both_forms(folder: Path, **arguments: Any) -> list[Any]:
    return [
        load_dags(folder, **arguments)["forecast"],
        SageMakerPipelineDag(folder / "forecast.json", on_error="dag", **arguments),
    ]


def test_schedule_owner_tags_and_callbacks_are_kept(folder: Path) -> None:
    for dag in both_forms(folder, **GIVEN):
        assert (dag.dag_id, dag.schedule, dag.start_date, dag.max_active_runs) == ("forecast", "@daily", DATE, 1)
        assert dag.tags == {"forecasts", "definition-error", "sagemaker-pipeline"}
        assert (dag.on_failure_callback, dag.on_success_callback) == (told, [told])
        assert (dag.dagrun_timeout, dag.owner_links) == (timedelta(hours=2), {"ml": "https://ml.example"})
        [task] = dag.tasks
        assert (task.owner, task.queue, task.on_failure_callback) == ("ml", "gpu", [told])
        # It fails at once, whatever came of the run before, and waits for no slot.
        assert (task.retries, task.depends_on_past, task.pool) == (0, False, "default_pool")
        DagSerialization.to_dict(dag)


def test_it_says_what_is_wrong_where_people_look_first(folder: Path) -> None:
    for dag in both_forms(folder, dag_display_name="Forecasts"):
        assert dag.dag_display_name == "Forecasts (definition error)"
        assert "definition-error" in dag.tags
        [task] = dag.tasks
        assert task.task_display_name == "forecast.json cannot be used: 1 finding"
        description = str(dag.description)
        assert description.startswith("forecast.json cannot be used: 1 finding. $.Steps[0].DependsOn[0]")
        assert "'Nobody'" in description


def test_the_class_raises_unless_told_otherwise(folder: Path) -> None:
    with pytest.raises(DefinitionError):
        SageMakerPipelineDag(folder / "forecast.json")
    dag = SageMakerPipelineDag(folder / "forecast.json", on_error="dag")
    assert dag.error is not None
    assert [finding.code for finding in dag.error.findings] == ["unknown-step"]
    assert dag.fileloc == __file__
    assert SageMakerPipelineDag(pipeline(training("Train")), dag_id="d", on_error="dag").error is None


def test_the_id_is_that_of_the_pipeline_when_its_file_is_whole(tmp_path: Path) -> None:
    wrapper = {"PipelineName": "Forecast-Daily", "PipelineDefinition": json.dumps(BROKEN)}
    path = tmp_path / "exported.json"
    path.write_text(json.dumps(wrapper))
    assert SageMakerPipelineDag(path, on_error="dag").dag_id == "Forecast-Daily"
    assert SageMakerPipelineDag(path, dag_id="mine", on_error="dag").dag_id == "mine"
    path.write_text("{")
    assert SageMakerPipelineDag(path, on_error="dag").dag_id == "exported"
    path.unlink()
    gone: Any = SageMakerPipelineDag(path, on_error="dag", schedule="@daily")
    assert (gone.dag_id, gone.schedule) == ("exported", "@daily")
    # Without a name there is no Dag that could say so.
    with pytest.raises(DefinitionError):
        SageMakerPipelineDag(BROKEN, on_error="dag")


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        ({"default_args": {"trigger_rule": "all_done", "owner": "ml"}}, {"owner": "ml"}),
        ({"default_args": {"execution_timeout": 60, "owner": "ml"}}, {"owner": "ml"}),
        ({"tags": ["t" * 200]}, {}),
        ({"params": {"sagemaker_source_run_id": 1}}, {}),
        ({"schedul": "@daily"}, {}),
        ({"roles": "x"}, {}),
    ],
)
def test_arguments_that_are_what_is_wrong_do_not_take_the_rest_with_them(
    tmp_path: Path, arguments: dict[str, Any], kept: dict[str, Any]
) -> None:
    (tmp_path / "forecast.json").write_text(json.dumps(pipeline(training("Train"))))
    for dag in both_forms(tmp_path, **{"schedule": "@daily", **arguments}):
        assert "definition-error" in dag.tags
        assert dag.schedule == "@daily"
        assert kept.items() <= dag.default_args.items()


def test_a_schedule_that_airflow_refuses_is_no_import_error_of_the_dags_file(tmp_path: Path) -> None:
    for name in ("good", "bad"):
        (tmp_path / f"{name}.json").write_text(json.dumps(pipeline(training("Train"))))
    given: dict[str, Any] = {"schedule": "bogus cron", "start_date": DATE, "tags": ["mine"]}
    dags: dict[str, Any] = load_dags(tmp_path, schedule="@daily", overrides={"bad": given})
    dags["class"] = SageMakerPipelineDag(tmp_path / "bad.json", dag_id="class", on_error="dag", **given)
    for dag in dags.values():
        # As the DagBag does.
        dag.validate()
    assert (dags["good"].schedule, "definition-error" in dags["good"].tags) == ("@daily", False)
    for name in ("bad", "class"):
        assert {"definition-error", "mine"} <= dags[name].tags
        assert (dags[name].schedule, dags[name].start_date) == (None, DATE)
        assert "bogus cron" in dags[name].get_task("definition_error").findings
