"""Small definitions for tests, and their findings as comparable tuples."""

from __future__ import annotations

from typing import Any

from airflow_sm_pipelines.definition import DefinitionError, Finding, Pipeline, Severity, Step, read_definition
from airflow_sm_pipelines.definition.findings import FindingCollector
from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.reader import read_document
from airflow_sm_pipelines.definition.scope import Options
from airflow_sm_pipelines.graph import Plan, plan
from airflow_sm_pipelines.graph.dependencies import connect
from airflow_sm_pipelines.step_types import STEP_TYPES

Json = dict[str, Any]


def get(text: str) -> Json:
    return {"Get": text}


def join(*values: object, on: str = "/") -> Json:
    return {"Std:Join": {"On": on, "Values": list(values)}}


def step(name: str = "A", kind: str = "Training", arguments: object = None, **keys: object) -> Json:
    return {"Name": name, "Type": kind, "Arguments": {} if arguments is None else arguments, **keys}


RESOURCES: Json = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
TRAINING: Json = {
    "AlgorithmSpecification": {"TrainingImage": "registry/image:1", "TrainingInputMode": "File"},
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
    "ResourceConfig": RESOURCES,
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
}


def training(name: str = "T", **changes: object) -> Json:
    """A Training step that AWS would take, with some members of its Arguments changed."""
    return step(name, arguments={**TRAINING, **changes})


def processing(name: str = "P", files: tuple[str, ...] = ("report",), arguments: Json | None = None) -> Json:
    outputs = {"ProcessingOutputConfig": {"Outputs": [{"OutputName": "evaluation"}, {"OutputName": "train"}]}}
    declared = [{"PropertyFileName": file, "OutputName": "evaluation", "FilePath": f"{file}.json"} for file in files]
    return step(name, "Processing", {**outputs, **(arguments or {})}, PropertyFiles=declared)


def condition(
    name: str = "C",
    conditions: tuple[object, ...] = (),
    yes: tuple[Json, ...] = (),
    no: tuple[Json, ...] = (),
    **keys: object,
) -> Json:
    branches = {"Conditions": list(conditions), "IfSteps": list(yes), "ElseSteps": list(no)}
    return step(name, "Condition", branches, **keys)


def equals(left: object = 1, right: object = 1) -> Json:
    return {"Type": "Equals", "LeftValue": left, "RightValue": right}


def for_each(name: str = "Loop", body: tuple[Json, ...] = (), **arguments: object) -> Json:
    items = {"IterableItems": get("Parameters.Items"), "ForEachBody": list(body), "MaxConcurrency": 10}
    return step(name, "ForEach", {**items, **arguments})


def document(*steps: object, **keys: object) -> Json:
    return {"Version": "2020-12-01", "Steps": list(steps), **keys}


def parameter(name: str, kind: str = "String", **keys: object) -> Json:
    return {"Name": name, "Type": kind, **keys}


def read(*steps: object, **keys: object) -> Pipeline:
    return read_definition(document(*steps, **keys), step_types=STEP_TYPES)


def read_step(value: Json, *others: object, **keys: object) -> Step:
    return read(value, *others, **keys).steps[0]


def settled(definition: Any, **options: Any) -> Plan:
    """A definition, read and ordered; its made-up arguments and properties are not compared with those of AWS."""
    collector = FindingCollector()
    reading = read_document(definition, collector, Options(**{"step_types": STEP_TYPES, **options}))
    graph = None if reading.pipeline is None else connect(reading.pipeline, collector)
    pipeline = reading.settle(collector, "definition")
    assert graph is not None
    return Plan(pipeline, graph, FrozenDict())


def planned(definition: Any, **options: Any) -> Plan:
    """The plan of a definition whose made-up values are not judged."""
    return plan(definition, values=None, **options)


def findings(definition: Any, **options: Any) -> tuple[Finding, ...]:
    """All findings of reading and ordering a definition, whether they refuse it or not."""
    try:
        return settled(definition, **options).pipeline.warnings
    except DefinitionError as error:
        return error.findings


def only(definition: Any, **options: Any) -> Finding:
    """The one finding of a definition."""
    found = findings(definition, **options)
    assert len(found) == 1, [str(finding) for finding in found]
    return found[0]


def errors(definition: Any, **options: Any) -> list[tuple[str, str]]:
    """Path and message of each error of a definition."""
    return [(f.path, f.message) for f in findings(definition, **options) if f.severity is Severity.ERROR]
