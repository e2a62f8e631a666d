"""Every real document: what reads, what is refused and why, and that nothing of it is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_sm_pipelines.definition import DefinitionError, Pipeline, read_definition, to_document
from airflow_sm_pipelines.step_types import STEP_TYPES
from tests.corpus import documents, invalid_documents


@pytest.fixture(scope="module")
def pipelines() -> dict[str, Pipeline | DefinitionError]:
    outcome: dict[str, Pipeline | DefinitionError] = {}
    for name, data in documents().items():
        try:
            outcome[name] = read_definition(data, source=name, step_types=STEP_TYPES)
        except DefinitionError as error:
            outcome[name] = error
    return outcome


Outcome = dict[str, Pipeline | DefinitionError]


def test_exactly_the_invalid_documents_are_refused(pipelines: Outcome) -> None:
    refused = {name for name, outcome in pipelines.items() if isinstance(outcome, DefinitionError)}
    assert refused == set(invalid_documents())


def test_each_is_refused_for_what_is_wrong_with_it(pipelines: Outcome) -> None:
    for name, reason in invalid_documents().items():
        error = pipelines[name]
        assert isinstance(error, DefinitionError)
        word = reason.split()[0].removeprefix("Parameters.") if "undefined" in reason else "Pass"
        assert any(repr(word) in finding.message for finding in error.findings), (name, str(error))


def test_few_warnings_in_real_documents(pipelines: Outcome) -> None:
    warned = {name for name, outcome in pipelines.items() if isinstance(outcome, Pipeline) and outcome.warnings}
    assert len(warned) <= len(pipelines) // 50


def test_writing_gives_what_was_read(pipelines: Outcome) -> None:
    for name, pipeline in pipelines.items():
        if isinstance(pipeline, Pipeline):
            written = to_document(pipeline)
            assert _text(written) == _text(_normalised(json.loads(documents()[name]))), name


def test_reading_what_was_written_gives_the_same(pipelines: Outcome) -> None:
    for name, pipeline in pipelines.items():
        if isinstance(pipeline, Pipeline) and len(pipeline.steps) < 100:
            again = read_definition(json.dumps(to_document(pipeline)), step_types=STEP_TYPES)
            assert (again.steps, again.parameters) == (pipeline.steps, pipeline.parameters), name


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _normalised(document: dict[str, Any]) -> dict[str, Any]:
    """A document in the one spelling in which it is written, by a walk of its own."""
    present = {key: value for key, value in document.items() if value is not None}
    parameters = [{"Type": "String", **parameter} for parameter in present.get("Parameters", [])]
    steps = [_normalised_step(step) for step in present["Steps"]]
    return {"Metadata": {}, **present, "Parameters": parameters, "Steps": steps}


def _normalised_step(step: dict[str, Any]) -> dict[str, Any]:
    step = dict(step)
    for key in ("DependsOn", "PropertyFiles"):
        if step.get(key) == []:
            del step[key]
    if step["Type"] == "Condition":
        branches = {
            key: [_normalised_step(s) for s in step["Arguments"].get(key, [])] for key in ("IfSteps", "ElseSteps")
        }
        step["Arguments"] = {**step["Arguments"], **branches}
    policies = step.get("RetryPolicies")
    if policies is not None:
        step["RetryPolicies"] = [{k: v for k, v in policy.items() if v is not None} for policy in policies]
    return step
