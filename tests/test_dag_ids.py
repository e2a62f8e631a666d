"""Which dag ids definitions ask for, who has one that several ask for, and that a worker finds the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines import load_dags
from airflow_sm_pipelines.cli.main import main
from airflow_sm_pipelines.dag_ids import Claim, judged
from tests.runs.harness import pipeline, training
from tests.test_loader import unescaped

ERROR = ["definition_error"]


def write(folder: Path, **steps: str) -> None:
    """Definitions of one step; a step's name with a colon wraps it and names the pipeline."""
    for name, step in steps.items():
        path = folder / f"{name.replace('__', '/')}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        step, _, named = step.partition(":")
        definition = pipeline(training(step))
        wrapper = {"PipelineName": named, "PipelineDefinition": json.dumps(definition)}
        path.write_text(json.dumps(wrapper if named else definition))


def tasks(folder: Path, **arguments: Any) -> dict[str, list[str]]:
    return {dag_id: dag.task_ids for dag_id, dag in load_dags(folder, **arguments).items()}


def test_a_file_of_the_name_comes_before_one_that_only_names_it_and_the_nearer_before_the_deeper(
    tmp_path: Path,
) -> None:
    write(
        tmp_path, a="Wrapped:forecast", deep__down__forecast="Real", deep__forecast="Nearer", deep__z="Other:forecast"
    )
    found = tasks(tmp_path)
    assert found.pop("forecast") == ["Nearer"]
    assert found == {
        "forecast--a.json": ERROR,
        "forecast--deep-down-forecast.json": ERROR,
        "forecast--deep-z.json": ERROR,
    }


def test_between_equals_none_has_the_id_and_all_are_findings(tmp_path: Path) -> None:
    write(tmp_path, one__forecast="One")
    assert tasks(tmp_path) == {"forecast": ["One"]}
    write(tmp_path, another__forecast="Another", x__y__forecast="Deeper")
    dags = load_dags(tmp_path)
    ids = ["forecast", "forecast--one-forecast.json", "forecast--x-y-forecast.json"]
    assert {dag_id: dag.task_ids for dag_id, dag in dags.items()} == dict.fromkeys(ids, ERROR)
    told = "another/forecast.json and one/forecast.json both ask for the dag id 'forecast', and none of them has it"
    assert all(told in unescaped(dag.doc_md) for dag in dags.values())
    assert "nor has x/y/forecast.json" in unescaped(dags[ids[2]].doc_md)


def test_the_folder_is_part_of_the_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, forecast="Top", one__forecast="One", two__x__forecast="Two", two__wrapped="Named:Prices v2")
    by_path = {
        "forecast": ["Top"],
        "one__forecast": ["One"],
        "two__x__forecast": ["Two"],
        "two__Prices-v2": ["Named"],
    }
    assert tasks(tmp_path, dag_ids="path") == by_path
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__DAG_IDS", "path")
    assert tasks(tmp_path) == by_path
    assert "one__forecast" not in tasks(tmp_path, dag_ids="stem")
    with pytest.raises(ValueError, match="dag_ids = 'folder' is none of stem, path"):
        load_dags(tmp_path, dag_ids="folder")  # type: ignore[arg-type]


@pytest.mark.parametrize("dag_ids", ["stem", "path"])
def test_a_worker_that_asks_for_one_dag_finds_what_the_dag_processor_found(
    tmp_path: Path, dag_ids: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, a="Wrapped:forecast", one__forecast="One", two__forecast="Two", forecast_2="Longer")
    write(tmp_path, b="Named:prices", one__prices="Prices", one__c="Twice:x", two__c="Again:x", one__forecast__two="Z")
    (tmp_path / "one" / "prices.prod.airflow.yaml").write_text("owner: prod\n")
    every = tasks(tmp_path, dag_ids=dag_ids)
    assert len(every) == 10
    for dag_id, found in every.items():
        monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", dag_id)
        assert tasks(tmp_path, dag_ids=dag_ids) == {dag_id: found}


def test_ranks() -> None:
    stem, deeper = Claim("a", "x", is_stem=True, depth=0), Claim("b", "x", is_stem=True, depth=1)
    named, apart = Claim("c", "x", is_stem=False, depth=0), Claim("d", "y", is_stem=False, depth=5)
    first, second, third, fourth = judged([named, deeper, stem, apart])
    assert (third, fourth) == (None, None)
    assert first is not None
    assert "a and c both ask for the dag id 'x', and the first is called so" in first.message
    assert second is not None
    assert "the first stands nearer to the folder" in second.message


def test_lint_tells_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "dags", p__one__forecast="One", p__two__forecast="Two", p__z="Named:forecast")
    loader = tmp_path / "dags" / "loader.py"
    loader.write_text("from airflow_sm_pipelines import load_dags\nload_dags('p')\n")
    assert main(["lint", "dags"]) == 1
    out = capsys.readouterr().out
    assert out.count("ask for the dag id 'forecast', and none of them has it") == 3
    loader.write_text("from airflow_sm_pipelines import load_dags\nload_dags('p', dag_ids='path')\n")
    assert main(["lint", "dags"]) == 0
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__DAG_IDS", "path")
    assert main(["list", "--format", "json", "dags/p"]) == 0
    listed = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert [each["dag_id"] for each in listed] == ["one__forecast", "two__forecast", "forecast"]
