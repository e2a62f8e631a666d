"""Every runnable definition of the corpus whose step types are executable, run to its final state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.steps.registry import OPERATORS
from tests.corpus import corpus_documents, invalid_documents
from tests.runs.harness import Airflow

# A value for a parameter that has no default, by its type.
PLAUSIBLE: dict[str, Any] = {"String": "s3://sagemaker-us-east-1-123456789012/value", "Integer": 1, "Float": 0.5, "Boolean": True}


def steps_of(steps: list[Any]) -> Iterator[dict[str, Any]]:
    for step in steps:
        yield step
        arguments = step.get("Arguments") or {}
        if step["Type"] == "Condition":
            yield from steps_of(arguments["IfSteps"])
            yield from steps_of(arguments["ElseSteps"])


def runnable() -> list[Path]:
    named = invalid_documents()
    return [
        path
        for path in corpus_documents()
        if path not in named
        and all(step["Type"] in OPERATORS for step in steps_of(json.loads(path.read_text())["Steps"]))
    ]


@pytest.mark.parametrize("path", runnable(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_runnable_definition_reaches_its_final_state(airflow: Airflow, path: Path) -> None:
    document = json.loads(path.read_text())
    airflow.endpoint.reset(scenario_for(document))
    conf = {
        parameter["Name"]: PLAUSIBLE[parameter.get("Type", "String")]
        for parameter in document.get("Parameters", [])
        if "DefaultValue" not in parameter
    }
    run = airflow.run(document, conf)
    types = {step["Name"]: step["Type"] for step in steps_of(document["Steps"])}
    assert set(run.states) == set(types)
    failed = {step for step, state in run.states.items() if state == "failed"}
    assert {types[step] for step in failed} <= {"Fail"}
    assert run.state == ("failed" if failed else "success")
    refused = [request for request in airflow.endpoint.requests("sagemaker") if request.error_code == "ValidationException"]
    assert [(r.action, r.error_code) for r in refused if r.action.startswith("Create")] == []
    ran = [step for step, state in run.states.items() if state == "success" and types[step] not in ("Condition", "Fail")]
    created = [request for request in airflow.created() if "ModelPackageGroupDescription" not in request]
    jobs = [r for r in airflow.endpoint.requests("sagemaker") if r.action.startswith("Create") and r.error_code is None]
    assert len([r for r in jobs if r.action != "CreateModelPackageGroup"]) == len(ran), created


def scenario_for(document: dict[str, Any]) -> dict[str, Any]:
    """Jobs that end at once and write every file that some step of the document reads."""
    outputs: dict[str, dict[str, Any]] = {}
    files = {}
    for step in steps_of(document["Steps"]):
        for file in step.get("PropertyFiles") or []:
            files[step["Name"], file["PropertyFileName"]] = file
    for get in json_gets(document):
        if "PropertyFile" in get:
            _, step, _, name = get["PropertyFile"]["Get"].split(".", 3)
            file = files[step, name]
            content = outputs.setdefault(file["OutputName"], {}).setdefault(file["FilePath"], {})
            put(content, get["Path"], 1)
    return {"defaults": {"duration": 0.01}, "jobs": [{"kind": "processing", "outputs": outputs}]}


def json_gets(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if set(node) == {"Std:JsonGet"}:
            yield node["Std:JsonGet"]
        for member in node.values():
            yield from json_gets(member)
    elif isinstance(node, list):
        for member in node:
            yield from json_gets(member)


def put(content: Any, path: str, value: Any) -> None:
    """Make ``path`` lead to ``value`` in a document, which is built around it."""
    from airflow_sm_pipelines.runtime.json_get import _tokens

    tokens = _tokens(path)
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        fresh: Any = value if following is None else ([] if isinstance(following, int) else {})
        if isinstance(token, int):
            while len(content) <= token:
                content.append(fresh)
        elif token not in content:
            content[token] = fresh
        content = content[token]
