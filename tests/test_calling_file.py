"""Relative paths and `fileloc` where a dags file makes its Dags by a helper module that lies elsewhere."""

from __future__ import annotations

import importlib
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.definition_file import FILE_KEY
from tests.runs.harness import pipeline, training
from tests.test_loader import write

HELPER = """\
from airflow.sdk import DAG
from airflow_sm_pipelines import SageMakerPipelineDag, SageMakerPipelineTaskGroup, load_dags

first = 1


class TeamDag(SageMakerPipelineDag):
    def __init__(self, definition):
        super().__init__(definition, tags=["team"])


def make_dag(name):
    return SageMakerPipelineDag(f"{name}.json")


def make_group(name):
    with DAG("mine"):
        return SageMakerPipelineTaskGroup(f"{name}.json")


def load(folder):
    return load_dags(folder)
"""


@pytest.fixture
def dags_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path / "library" / "team_dags.py", HELPER)
    monkeypatch.syspath_prepend(str(tmp_path / "library"))
    monkeypatch.delitem(sys.modules, "team_dags", raising=False)
    write(tmp_path / "dags" / "p.json", pipeline(training("A")))
    return tmp_path / "dags" / "mine.py"


def run(dags_file: Path, text: str) -> dict[str, Any]:
    write(dags_file, text)
    return runpy.run_path(str(dags_file))


def test_a_subclass_in_a_helper_module(dags_file: Path) -> None:
    dag = run(dags_file, "from team_dags import TeamDag\n\ndag = TeamDag('p.json')\n")["dag"]
    assert (dag.dag_id, dag.task_ids[0], dag.fileloc) == ("p", "A", str(dags_file))
    assert dag.default_args[FILE_KEY] == "p.json"


@pytest.mark.parametrize("maker", ["make_dag", "make_group"])
def test_a_function_of_a_helper_module(dags_file: Path, maker: str) -> None:
    text = f"from team_dags import {maker}\n\n\ndef all_of_them():\n    return {maker}('p')\n\n\nmade = all_of_them()\n"
    made = run(dags_file, text)["made"]
    assert [step.name for step in made.plan.graph.steps] == ["A"]
    if maker == "make_dag":
        assert made.fileloc == str(dags_file)


def test_load_dags_called_by_a_helper_module(dags_file: Path) -> None:
    write(dags_file.parent / "flows" / "first.json", pipeline(training("B")))
    write(dags_file.parent / "flows" / "second.json", pipeline(training("C")))
    dags = run(dags_file, "from team_dags import load\n\nsecond = 2\ndags = load('flows')\n")["dags"]
    # A name of the dags file is kept from a Dag, and one of the helper is not.
    assert set(dags) == {"first", "dag:second"}
    assert {dag.fileloc for dag in dags.values()} == {str(dags_file)}
    assert dags["first"].default_args[FILE_KEY] == "flows/first.json"


def test_what_lies_beside_the_helper_module_comes_first(dags_file: Path) -> None:
    write(dags_file.parents[1] / "library" / "p.json", pipeline(training("OfTheHelper")))
    dag = run(dags_file, "from team_dags import make_dag\n\ndag = make_dag('p')\n")["dag"]
    assert "OfTheHelper" in dag.task_dict
    assert dag.fileloc == str(dags_file)


def test_a_program_without_a_dags_file_is_not_taken_for_one(dags_file: Path) -> None:
    make_dag = importlib.import_module("team_dags").make_dag

    write(dags_file.parents[1] / "library" / "p.json", pipeline(training("A")))
    # What calls this test is pytest, which lies somewhere else.
    assert make_dag("p").fileloc == str(dags_file.parents[1] / "library" / "team_dags.py")
