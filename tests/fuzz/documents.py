"""Documents to mutate: small ones that have every part of a definition, and those of the corpus."""

from __future__ import annotations

import copy
import json
import random
from functools import cache
from typing import Any

from tests.corpus import root
from tests.definition.build import condition, document, equals, for_each, get, join, parameter, processing, step
from tests.fuzz.mutations import mutated
from tests.fuzz.wild import scalar, value

ROLE = "arn:aws:iam::123456789012:role/R"
MAX_CHARACTERS = 60_000

OUTPUTS = [
    {"OutputName": name, "OutputType": kind}
    for name, kind in (("n", "Integer"), ("score", "Float"), ("ok", "Boolean"), ("text", "String"))
]
TRAINING = {
    "RoleArn": ROLE,
    "AlgorithmSpecification": {
        "TrainingImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/i:1",
        "TrainingInputMode": "File",
    },
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
    "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    "HyperParameters": {"a": "1"},
}
PARAMETERS = [
    parameter("Text", DefaultValue="x", Description="d"),
    parameter("Choice", DefaultValue="a", EnumValues=["a", "b"]),
    parameter("Whole", "Integer", DefaultValue=1),
    parameter("Real", "Float", DefaultValue=0.5),
    parameter("Flag", "Boolean", DefaultValue=True),
]


def training(name: str = "First", **keys: Any) -> dict[str, Any]:
    return step(name, "Training", copy.deepcopy(TRAINING), **keys)


def asking(name: str = "Ask", **keys: Any) -> dict[str, Any]:
    return step(
        name,
        "Callback",
        {"a": 1},
        SqsQueueUrl="https://sqs.us-east-1.amazonaws.com/1/q",
        OutputParameters=OUTPUTS,
        **keys,
    )


def calling(name: str = "Call", **keys: Any) -> dict[str, Any]:
    function = "arn:aws:lambda:us-east-1:123456789012:function:f"
    return step(
        name, "Lambda", {"x": get("Parameters.Text"), "n": 3}, FunctionArn=function, OutputParameters=OUTPUTS, **keys
    )


def failing(name: str = "Stop", **keys: Any) -> dict[str, Any]:
    return step(name, "Fail", {"ErrorMessage": join("a", get("Parameters.Whole"), get("Parameters.Real"))}, **keys)


def wrapped(inner: dict[str, Any]) -> dict[str, Any]:
    """A describe-pipeline response around a definition."""
    return {
        "PipelineName": "Wrapped",
        "PipelineDisplayName": "shown",
        "PipelineDescription": "told",
        "RoleArn": ROLE,
        "PipelineDefinition": json.dumps(inner),
        "ParallelismConfiguration": {"MaxParallelExecutionSteps": 2},
    }


@cache
def small() -> tuple[dict[str, Any], ...]:
    """Definitions that are good as they are, of at most four steps each, which together have every part."""
    policies = [{"ExceptionType": ["Step.THROTTLING"], "MaxAttempts": 2, "IntervalSeconds": 1, "BackoffRate": 2.0}]
    json_get = {"Std:JsonGet": {"PropertyFile": get("Steps.P.PropertyFiles.report"), "Path": "a.b[0]['k']"}}
    items = parameter("Items", DefaultValue='["a","b"]')
    return (
        document(training(DisplayName="d", Description="t", RetryPolicies=policies), Parameters=PARAMETERS),
        document(
            training(CacheConfig={"Enabled": True, "ExpireAfter": "P1D"}),
            calling(DependsOn=["First"]),
            Parameters=PARAMETERS,
        ),
        document(calling(), failing(DependsOn=["Call"]), Parameters=PARAMETERS, Metadata={"owner": "me"}),
        document(
            training(),
            calling(DependsOn=[{"Step": "First", "Trigger": "Failed"}]),
            failing(DependsOn=["Call", {"Step": "First", "Trigger": "Any"}]),
            Parameters=PARAMETERS,
        ),
        document(asking(), Parameters=PARAMETERS, PipelineExperimentConfig={"ExperimentName": "e", "TrialName": "t"}),
        document(
            processing("P"),
            condition(
                "C",
                (
                    equals(get("Parameters.Text"), json_get),
                    {"Type": "In", "QueryValue": get("Parameters.Whole"), "Values": [1, 2]},
                ),
                (calling(),),
                (failing(),),
            ),
            Parameters=PARAMETERS,
        ),
        document(
            condition(
                "C",
                (
                    {"Type": "Not", "Expression": equals(1, 2)},
                    {"Type": "LessThan", "LeftValue": get("Parameters.Real"), "RightValue": 3},
                ),
                (),
                (failing(),),
            ),
            Parameters=PARAMETERS,
        ),
        document(
            for_each("F", (step("B", "Lambda", {"i": get("ForEach.CurrentItem")}, FunctionArn="f"),)),
            Parameters=[items],
        ),
        document(
            step(
                "E",
                "EMR",
                {
                    "ClusterId": "j-1",
                    "StepConfig": {"HadoopJarStep": {"Jar": "s3://b/j", "Args": [get("Parameters.Whole")]}},
                },
            ),
            Parameters=PARAMETERS,
        ),
    )


@cache
def corpus() -> tuple[dict[str, Any], ...]:
    """The corpus's smaller definitions; none where it is missing."""
    found = (path.read_bytes() for path in sorted(root().rglob("*.json")))
    parsed = (json.loads(data) for data in found if len(data) < MAX_CHARACTERS)
    return tuple(document for document in parsed if isinstance(document, dict))


def wild_document(chance: random.Random, *, real: float = 0.1) -> str:
    """The text of a document, mutated or made up; ``real`` is the share of those of the corpus."""
    luck = chance.random()
    if luck < real and corpus():
        return mutated(chance.choice(corpus()), chance)
    source = chance.choice(small())
    if luck < 0.8:
        return mutated(source, chance, 2)
    if luck < 0.9:
        return mutated(wrapped(source), chance, 1)
    if luck < 0.98:
        inner = mutated(source, chance, 1)
        return json.dumps({**wrapped(source), "PipelineDefinition": inner}) if chance.random() < 0.5 else inner
    made = scalar(chance) if chance.random() < 0.5 else {"Steps": value(chance), "Parameters": value(chance)}
    return json.dumps(made) if chance.random() < 0.2 else mutated(made, chance, 1)
