"""What SDK 3.27 writes for every step type that it has (tests/corpus_sdk_3, with the script that wrote it)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.validation.drift import KNOWN_FILE
from tests.definition.build import Json

FOLDER = Path(__file__).parents[1] / "corpus_sdk_3"
DEFINITIONS = {path.stem: path for path in sorted(FOLDER.glob("*.json"))}


def types_in(steps: list[Json]) -> set[str]:
    found = set()
    for step in steps:
        arguments = step.get("Arguments", {})
        inner = [each for key in ("IfSteps", "ElseSteps", "ForEachBody") for each in arguments.get(key, [])]
        found |= {step["Type"], *types_in(inner)}
    return found


def test_every_step_type_of_the_sdk_is_there() -> None:
    of_sdk = set(json.loads(KNOWN_FILE.read_bytes())["SDK"]["facts"]["enum StepTypeEnum"])
    written = {kind for path in DEFINITIONS.values() for kind in types_in(json.loads(path.read_bytes())["Steps"])}
    # The SDK's own AutoMLStep asks for a method that 3.27 no longer has.
    assert written == of_sdk - {"AutoML"}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_what_the_sdk_writes_is_read_without_a_finding(name: str) -> None:
    assert plan(DEFINITIONS[name]).pipeline.warnings == ()
