"""``exclude`` and ``overrides`` of ``load_dags``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines import DefinitionError, load_dags
from tests.runs.harness import pipeline, training

DEFINITION = pipeline(training("Train"), Parameters=[{"Name": "Limit", "Type": "Float", "DefaultValue": 6.0}])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("abalone", "forecast-a", "forecast-b", "drafts/new"):
        path = tmp_path / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(DEFINITION))
    return tmp_path


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        ("drafts", {"abalone", "forecast-a", "forecast-b"}),
        (["drafts/", "forecast-*"], {"abalone"}),
        (["drafts/*.json", "abalone.json"], {"forecast-a", "forecast-b"}),
        ((), {"abalone", "forecast-a", "forecast-b", "new"}),
    ],
)
def test_what_is_excluded_is_not_made_a_dag(folder: Path, exclude: Any, left: set[str]) -> None:
    assert set(load_dags(folder, exclude=exclude)) == left


def test_an_override_is_for_the_dags_that_it_names(folder: Path) -> None:
    dags: dict[str, Any] = load_dags(
        folder,
        schedule="@weekly",
        default_args={"owner": "ml", "retries": 1},
        overrides={
            "forecast-b": {"schedule": "@hourly"},
            "forecast-*": {"schedule": "@daily", "parameters": {"Limit": 5.0}, "default_args": {"retries": 4}},
        },
    )
    schedules = {dag_id: dag.schedule for dag_id, dag in dags.items()}
    assert schedules == {"abalone": "@weekly", "new": "@weekly", "forecast-a": "@daily", "forecast-b": "@hourly"}
    task = dags["forecast-b"].get_task("Train")
    assert (task.owner, task.settings.max_lost_tries, dags["forecast-b"].params["Limit"]) == ("ml", 4, 5.0)
    assert dags["abalone"].params["Limit"] == 6.0


def test_an_override_that_matches_nothing_is_a_finding(folder: Path) -> None:
    overrides = {"abalon": {"schedule": "@daily"}, "x-*": {}}
    dags = load_dags(folder, overrides=overrides)
    assert {"abalone", "abalon--override", "x----override"} <= set(dags)
    assert "Did you mean 'abalone'?" in str(dags["abalon--override"].description)
    with pytest.raises(ExceptionGroup):
        load_dags(folder, overrides=overrides, on_error="raise")


def test_a_worker_builds_the_one_dag_that_it_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overrides = {"forecast-a": {"schedule": "@daily"}, "abalon": {}}
    for wanted in ("forecast-a", "abalon--override"):
        monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", wanted)
        assert set(load_dags(folder, overrides=overrides)) == {wanted}


def test_what_is_the_loaders_to_give_is_refused(folder: Path) -> None:
    with pytest.raises(DefinitionError) as raised:
        load_dags(folder, overrides={"abalone": {"dag_id": "other"}}, on_error="raise")
    assert "dag_id" in str(raised.value)
    wrong: Any = {"abalone": "@daily"}
    with pytest.raises(TypeError):
        load_dags(folder, overrides=wrong)
