"""Runnable definitions of the corpus whose step types are executable, run to their final state.

``make corpus`` runs every one of them; elsewhere so many are run that no member, expression or condition of a step type
that stands in the corpus is missing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from airflow_sm_pipelines.step_types import STEP_TYPES
from tests.corpus import documents, root, runnable_names
from tests.runs.harness import Airflow
from tests.runs.workers import make_queue, send, worker

# A value for a parameter that has no default, by its type.
PLAUSIBLE: dict[str, Any] = {
    "String": "s3://sagemaker-us-east-1-123456789012/value",
    "Integer": 1,
    "Float": 0.5,
    "Boolean": True,
}

PLAUSIBLE_BY_NAME = {
    "Endpoint": "endpoint",
    "parameter_queue_url": "https://sqs.us-east-1.amazonaws.com/123456789012/callbacks",
}

# A Lineage step makes several of these, or none.
LINEAGE = ("CreateAction", "CreateArtifact", "CreateContext")
# What several steps share is made by the first that needs it.
SHARED = ("CreateModelPackageGroup", "CreateExperiment", "CreateTrial")
EMR_SUBMISSIONS = ("AddJobFlowSteps", "RunJobFlow", "StartJobRun")
NOTHING_CREATED = ("Callback", "Condition", "Lambda", "Lineage")
# A run of more than a hundred tasks is a benchmark.
MAX_STEPS = 100

Feature = tuple[str, str, str | None]


def steps_of(steps: list[Any]) -> Iterator[dict[str, Any]]:
    for step in steps:
        yield step
        arguments = step.get("Arguments") or {}
        if step["Type"] == "Condition":
            yield from steps_of(arguments["IfSteps"])
            yield from steps_of(arguments["ElseSteps"])


def chosen() -> list[str]:
    """The documents to run: each has something that those before it do not have, unless all are asked for."""
    if os.environ.get("SM_PIPELINES_TEST_CORPUS") == "all":
        return executable()
    rest = {name: {*features_of(json.loads((root() / name).read_bytes())["Steps"])} for name in executable()}
    names, shown = [], set[Feature]()
    while rest:
        name = max(rest, key=lambda name: (len(rest[name] - shown), name))
        if rest[name] <= shown:
            break
        names.append(name)
        shown |= rest.pop(name)
    return sorted(names)


def features_of(steps: list[Any]) -> Iterator[Feature]:
    """What a document's steps are made of: the members of each type, its expressions, and kinds of conditions."""
    for step in steps_of(steps):
        kind, arguments = step["Type"], step.get("Arguments") or {}
        yield from ((kind, "member", name) for name in step)
        yield from ((kind, "argument", name) for name in arguments)
        yield from ((kind, "condition", condition.get("Type")) for condition in arguments.get("Conditions", []))
        inside = {name: value for name, value in arguments.items() if name not in ("IfSteps", "ElseSteps")}
        yield from ((kind, "expression", name) for name in expressions_in(inside))


def expressions_in(value: Any) -> Iterator[str]:
    """The functions of a value, and what its references refer to."""
    if isinstance(value, list):
        for each in value:
            yield from expressions_in(each)
    elif isinstance(value, dict):
        for name, member in value.items():
            if name == "Get" and isinstance(member, str):
                yield member.partition(".")[0]
            elif name.startswith("Std:"):
                yield name
            yield from expressions_in(member)


def executable() -> list[str]:
    """The documents that can be run: no ForEach, and none of more steps than a test has time for."""
    steps = {name: list(steps_of(json.loads((root() / name).read_bytes())["Steps"])) for name in runnable_names()}
    return [
        name
        for name, present in steps.items()
        if len(present) <= MAX_STEPS and {step["Type"] for step in present} <= STEP_TYPES.keys()
    ]


# Without ids of its own, pytest calls the longest names name68 and the like.
@pytest.mark.parametrize("name", chosen() or [""], ids=str)
def test_a_runnable_definition_reaches_its_final_state(
    airflow: Airflow, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All documents are one Dag here, so one could have the results of another.
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__CACHE", "False")
    document = json.loads(documents()[name])
    airflow.endpoint.reset(scenario_for(document))
    conf = {
        parameter["Name"]: PLAUSIBLE_BY_NAME.get(parameter["Name"], PLAUSIBLE[parameter.get("Type", "String")])
        for parameter in document.get("Parameters", [])
        if "DefaultValue" not in parameter
    }
    conf |= dict.fromkeys(baseline_parameters(document), f"{PLAUSIBLE['String']}.json")
    with callbacks_answered(airflow, document, conf, monkeypatch):
        run = airflow.run(document, conf)
    types = {step["Name"]: step["Type"] for step in steps_of(document["Steps"])}
    assert set(run.states) == set(types)
    failed = {step for step, state in run.states.items() if state == "failed"}
    assert {types[step] for step in failed} <= {"Fail"}
    assert run.state == ("failed" if failed else "success")
    requests = [*airflow.endpoint.requests("sagemaker"), *airflow.endpoint.requests("bedrock")]
    creations = [r for r in requests if r.action.startswith("Create")]
    assert [(r.action, r.error_code) for r in creations if r.error_code] == []
    jobs = [r for r in creations if r.action not in (*SHARED, *LINEAGE)]
    jobs += [r for r in airflow.endpoint.requests() if r.action in EMR_SUBMISSIONS]
    creating = {step for step, kind in types.items() if kind not in NOTHING_CREATED}
    ran = [step for step, state in run.states.items() if state == "success" and step in creating]
    assert len(jobs) == len(ran)


@contextmanager
def callbacks_answered(
    airflow: Airflow, document: dict[str, Any], conf: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Workers at the queues of a document's Callback steps, which answer every output that some step declares."""
    steps = [step for step in steps_of(document["Steps"]) if step["Type"] == "Callback"]
    if not steps:
        yield
        return
    given = {p["Name"]: p.get("DefaultValue") for p in document.get("Parameters", [])} | conf
    urls = {
        given[url["Get"].removeprefix("Parameters.")] if isinstance(url := step["SqsQueueUrl"], dict) else url
        for step in steps
    }
    replies = make_queue(airflow.endpoint, "replies")
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__CALLBACK_REPLY_QUEUE_URL", replies)
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__CALLBACK_TIMEOUT", "3600")
    outputs = [
        {"Name": output["OutputName"], "Value": json.dumps(PLAUSIBLE[output["OutputType"]]).strip('"')}
        for step in steps
        for output in step["OutputParameters"]
    ]

    def answer(message: dict[str, Any]) -> None:
        send(
            airflow.endpoint,
            replies,
            {"token": message["token"], "status": "Success", "OutputParameters": outputs},
        )

    with ExitStack() as workers:
        for url in urls:
            workers.enter_context(worker(airflow.endpoint, make_queue(airflow.endpoint, url.rsplit("/")[-1]), answer))
        yield


def baseline_parameters(document: dict[str, Any]) -> Iterator[str]:
    """The parameters that supply a check's baseline: the documents leave them empty and give them to each run."""
    for step in steps_of(document["Steps"]):
        for setting in ("SuppliedBaselineConstraints", "SuppliedBaselineStatistics"):
            value = step.get(setting)
            if isinstance(value, dict) and value.get("Get", "").startswith("Parameters."):
                yield value["Get"].removeprefix("Parameters.")


def scenario_for(document: dict[str, Any]) -> dict[str, Any]:
    """Jobs that end at once and write every file that some step of the document reads."""
    written: dict[tuple[str, str], dict[str, Any]] = {}
    files = {}
    for step in steps_of(document["Steps"]):
        for file in step.get("PropertyFiles") or []:
            files[step["Name"], file["PropertyFileName"]] = file
    for get, value in json_gets(document):
        if "PropertyFile" in get:
            _, step_name, _, name = get["PropertyFile"]["Get"].split(".", 3)
            place = step_name, files[step_name, name]["FilePath"]
        else:
            folder, file_name = get["S3Uri"]["Std:Join"]["Values"]
            place = folder["Get"].split(".")[1], file_name
        put(written.setdefault(place, {}), get["Path"], value)
    outputs = {
        step["Name"]: [output["OutputName"] for output in step["Arguments"]["ProcessingOutputConfig"]["Outputs"]]
        for step in steps_of(document["Steps"])
        if step["Type"] == "Processing" and "ProcessingOutputConfig" in step["Arguments"]
    }
    jobs = [
        {
            "name": f"*-{step.replace('_', '-')[:20]}-*",
            "outputs": {
                output: {path: content for (owner, path), content in written.items() if owner == step}
                for output in outputs.get(step, ["any"])
            },
        }
        for step in dict.fromkeys(owner for owner, _ in written)
    ]
    jobs.append({"kind": "lambda", "result": answers_for(document)})
    return {"defaults": {"duration": 0.01}, "jobs": jobs, "existing": existing_for(document)}


def answers_for(document: dict[str, Any]) -> dict[str, Any]:
    """What all Lambda functions of a document answer: every output that some step declares."""
    declared = [step.get("OutputParameters") or [] for step in steps_of(document["Steps"]) if step["Type"] == "Lambda"]
    return {output["OutputName"]: PLAUSIBLE[output.get("OutputType", "String")] for each in declared for output in each}


def existing_for(document: dict[str, Any]) -> dict[str, list[str]]:
    """The models, endpoints, EMR clusters and applications that a document takes for granted."""
    defaults = {f"Parameters.{p['Name']}": p.get("DefaultValue") for p in document.get("Parameters", [])}
    clusters: list[Any] = []
    applications: list[Any] = []
    models: list[Any] = []
    endpoints: list[Any] = [PLAUSIBLE_BY_NAME["Endpoint"]]
    for step in steps_of(document["Steps"]):
        arguments = step.get("Arguments") or {}
        if step["Type"] == "EndpointConfig":
            models += [variant.get("ModelName") for variant in arguments["ProductionVariants"]]
        elif step["Type"] == "Transform":
            models.append(arguments["ModelName"])
        elif step["Type"] in ("EMR", "EMRServerless"):
            for names, value in (
                (clusters, arguments.get("ClusterId")),
                (applications, arguments.get("ApplicationId")),
            ):
                names.append(defaults[value["Get"]] if isinstance(value, dict) else value)
        elif step["Type"] == "InferenceComponent":
            endpoints.append(arguments["EndpointName"])
    existing = {
        "model": models,
        "endpoint": endpoints,
        "emr-cluster": clusters,
        "emr-serverless-application": applications,
    }
    return {kind: [name for name in names if isinstance(name, str)] for kind, names in existing.items()}


def json_gets(node: Any, compared_with: Any = 1) -> Iterator[tuple[dict[str, Any], Any]]:
    """Each Std:JsonGet, and a value of the type that it is compared with."""
    if isinstance(node, dict):
        if set(node) == {"Std:JsonGet"}:
            yield node["Std:JsonGet"], compared_with
        peer = node.get("RightValue", 1)
        for name, member in node.items():
            yield from json_gets(member, peer if name == "LeftValue" and not isinstance(peer, dict) else 1)
    elif isinstance(node, list):
        for member in node:
            yield from json_gets(member)


def put(content: Any, path: str, value: Any) -> None:
    """Make ``path`` lead to ``value`` in a document, which is built around it."""
    from airflow_sm_pipelines.definition.json_path import parse_json_path

    tokens = parse_json_path(path)
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        fresh: Any = value if following is None else ([] if isinstance(following, int) else {})
        if isinstance(token, int):
            while len(content) <= token:
                content.append(fresh)
        elif token not in content:
            content[token] = fresh
        content = content[token]
