"""What a task finds of the steps that it waits for, and when it asks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from airflow_sm_pipelines.graph import Graph
from airflow_sm_pipelines.graph.run_conditions import UpstreamState
from airflow_sm_pipelines.operators.run_conditions import MAX_NAMES, RunStates, unmet_conditions
from tests.definition.build import document, settled, step

UPON = [{"Step": "T", "Trigger": "Failed"}, "P"]
GRAPH = settled(document(step("T"), step("P"), step("H", DependsOn=UPON), step("X", DependsOn=["P"]))).graph


class TaskInstance:
    """A task of a run whose tasks are in these states and have left these notes."""

    dag_id, run_id = "d", "r"

    def __init__(self, states: dict[str, str], notes: dict[str, str]) -> None:
        self.states, self.notes = states, notes
        self.asked: list[Any] = []

    def get_task_states(self, dag_id: str, task_ids: list[str] | None, run_ids: list[str]) -> dict[str, dict[str, str]]:
        self.asked.append(task_ids)
        assert (dag_id, run_ids) == ("d", ["r"])
        return {"r": {task: state for task, state in self.states.items() if task_ids is None or task in task_ids}}

    def xcom_pull(self, task_ids: str, key: str) -> Any:
        end = self.notes.get(task_ids)
        return None if end is None else {"end": end, "reason": "why"}


def unmet_of(
    graph: Graph, name: str, states: dict[str, str], *, begun: bool = False, **params: Any
) -> list[str] | None:
    """The steps whose ends keep a step from running; None where nothing was asked for."""
    ti = TaskInstance(states, {})
    task: Any = SimpleNamespace(
        step=SimpleNamespace(name=name), iteration=None, judges_conditions=True, any_branch=False
    )
    run: Any = SimpleNamespace(pipeline=SimpleNamespace(graph=graph, task_of=str, params_in=dict), has_begun=begun)
    context: Any = {"ti": ti, "params": params}
    found = unmet_conditions(task, run, context)
    return [one.dependency.step for one in found] if ti.asked else None


def test_a_step_is_judged_until_it_has_begun() -> None:
    assert unmet_of(GRAPH, "H", {"T": "failed", "P": "success"}) == []
    assert unmet_of(GRAPH, "H", {"T": "success", "P": "success"}) == ["T"]
    # Somebody has cleared T since: what runs upon its failure goes on.
    assert unmet_of(GRAPH, "H", {"T": "running", "P": "success"}, begun=True) is None
    assert unmet_of(GRAPH, "X", {"P": "failed"}) is None


def test_the_condition_on_what_is_not_selected_holds() -> None:
    states = {"T": "success", "P": "success"}
    assert unmet_of(GRAPH, "H", states, sagemaker_selected_steps=["H"]) == []
    assert unmet_of(GRAPH, "H", states, sagemaker_selected_steps=["H", "T"]) == ["T"]
    # It could not be copied.
    assert unmet_of(GRAPH, "H", {**states, "T": "failed"}, sagemaker_selected_steps=["H"]) == ["T"]


@pytest.mark.parametrize(
    ("state", "note", "found"),
    [
        ("success", None, UpstreamState.SUCCEEDED),
        # Somebody has marked it so.
        ("success", "Failed", UpstreamState.SUCCEEDED),
        ("failed", None, UpstreamState.FAILED),
        ("failed", "Failed", UpstreamState.FAILED),
        ("failed", "Stopped", UpstreamState.STOPPED),
        ("failed", "Refused", UpstreamState.REFUSED),
        ("failed", "of a later version", UpstreamState.FAILED),
        ("skipped", None, UpstreamState.SKIPPED),
        ("upstream_failed", None, UpstreamState.NOT_BEGUN),
        ("removed", None, UpstreamState.UNKNOWN),
        ("up_for_retry", "Failed", UpstreamState.UNKNOWN),
        (None, None, UpstreamState.UNKNOWN),
    ],
)
def test_a_state_and_the_note_that_was_left(state: Any, note: str | None, found: UpstreamState) -> None:
    context: Any = {"ti": TaskInstance({"T": state}, {} if note is None else {"T": note})}
    assert RunStates(context, str).of(["T"]) == {"T": found}


def test_of_many_steps_all_tasks_are_asked_for() -> None:
    names = [f"S{number}" for number in range(MAX_NAMES + 1)]
    ti = TaskInstance({**dict.fromkeys(names, "success"), "Other": "failed"}, {})
    context: Any = {"ti": ti}
    assert RunStates(context, str).of(names) == dict.fromkeys(names, UpstreamState.SUCCEEDED)
    assert ti.asked == [None]
