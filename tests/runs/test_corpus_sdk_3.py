"""What SDK 3.27 writes runs at the local endpoint as it comes: some of it, and all of it where ``make corpus`` asks."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.runs.harness import Airflow
from tests.runs.test_corpus import callbacks_answered, scenario_for

FOLDER = Path(__file__).parents[1] / "corpus_sdk_3"
CHOSEN = ("deployment", "for_each", "run_conditions")
"""What has the newest forms."""
SKIPPED = {"condition": {"Refuse"}, "run_conditions": {"OnFailure", "OnStop", "Always"}}


def steps_in(steps: list[Any]) -> Iterator[dict[str, Any]]:
    for step in steps:
        yield step
        for key in ("IfSteps", "ElseSteps", "ForEachBody"):
            yield from steps_in((step.get("Arguments") or {}).get(key, []))


def names() -> list[str]:
    of_all = [path.stem for path in sorted(FOLDER.glob("*.json"))]
    return of_all if os.environ.get("SM_PIPELINES_TEST_CORPUS") == "all" else list(CHOSEN)


@pytest.mark.parametrize("name", names())
def test_a_definition_of_the_newest_sdk_runs(airflow: Airflow, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__CACHE", "False")
    document = json.loads((FOLDER / f"{name}.json").read_bytes())
    steps = list(steps_in(document["Steps"]))
    scenario = scenario_for({**document, "Steps": steps} if name.startswith("for_each") else document)
    airflow.endpoint.reset(scenario)
    with callbacks_answered(airflow, document, {}, monkeypatch):
        run = airflow.run(document)
    skipped = {task for task, state in run.states.items() if state == "skipped"}
    assert skipped == SKIPPED.get(name, set())
    ended = "failed" if name == "fail" else "success"
    assert run.state == ended
    assert {state for task, state in run.states.items() if task not in skipped} == {ended}
