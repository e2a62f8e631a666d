"""Dags of some of a definition's steps: what they run, alone and as one of a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines import DefinitionError, SageMakerPipelineDag, load_dags
from tests.runs.harness import Airflow, condition, equals, get, pipeline, training
from tests.test_loader import unescaped


def reading(name: str, step: str) -> Any:
    return training(name, Arguments={"HyperParameters": {"read": get(f"Steps.{step}.TrainingJobName")}})


DEFINITION = pipeline(
    training("Prepare"),
    training("Between", DependsOn=["Prepare"]),
    training("Train", DependsOn=["Between"]),
    condition("Check", [equals(1, 2)], [reading("Register", "Train")], [training("Again")], DependsOn=["Train"]),
    training("Report", DependsOn=["Check"]),
)


def names(airflow: Airflow) -> list[str]:
    return [request["TrainingJobName"].split("-")[2] for request in airflow.created("CreateTrainingJob")]


def test_a_smaller_dag_runs_its_steps_in_their_order_and_takes_selections_of_its_own(airflow: Airflow) -> None:
    run = airflow.run(DEFINITION, select="+Register, Report", exclude_steps="Between")
    assert run.states == {
        "Prepare": "success",
        "Train": "success",
        "Check": "success",
        "Register": "skipped",
        "Report": "success",
    }
    assert names(airflow) == ["Prepare", "Train", "Report"]
    run = airflow.test("pipeline", {"sagemaker_selected_steps": ["Report"]})
    assert run.state == "success"
    assert names(airflow) == ["Prepare", "Train", "Report", "Report"]
    run = airflow.test("pipeline", {"sagemaker_selected_steps": ["Between"]})
    assert run.state == "failed"


def test_of_a_folder_one_is_smaller_and_one_that_cannot_be_is_told(tmp_path: Path) -> None:
    for name in ("whole", "train", "broken"):
        (tmp_path / f"{name}.json").write_text(json.dumps(DEFINITION))
    overrides: dict[str, Any] = {"train": {"select": ["+Train"]}, "broken": {"select": "Register"}}
    dags = load_dags(tmp_path, overrides=overrides, exclude_steps="Report")
    assert {dag_id: sorted(dag.task_ids) for dag_id, dag in dags.items()} == {
        "whole": ["Again", "Between", "Check", "Prepare", "Register", "Train"],
        "train": ["Between", "Prepare", "Train"],
        "broken": ["definition_error"],
    }
    assert "Left out of this Dag: Check, Register, Again, Report." in unescaped(dags["train"].doc_md)
    told = unescaped(dags["broken"].doc_md)
    assert "it needs the result of 'Train', which select does not name. Did you mean '+Register'?" in told
    assert "it stands in a branch of 'Check', which select does not name" in told


def test_settings_of_steps_that_are_left_out_are_no_slip(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"dag_id": "x", "select": "+Train"}
    dag = SageMakerPipelineDag(
        json.dumps(DEFINITION),
        steps={"Report": {"queue": "q"}, "Train": {"queue": "t"}},
        rejoin=["Report"],
        **arguments,
    )
    assert dag.get_task("Train").queue == "t"
    with pytest.raises(DefinitionError) as raised:
        SageMakerPipelineDag(json.dumps(DEFINITION), rejoin=["Repotr"], **arguments)
    [finding] = raised.value.findings
    assert (finding.code, finding.suggestion) == ("unknown-rejoin-step", "Report")
