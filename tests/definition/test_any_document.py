"""Whatever is read, nothing but a DefinitionError comes out."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_sm_pipelines.definition import DefinitionError
from airflow_sm_pipelines.graph import Plan, plan
from airflow_sm_pipelines.validation.severities import WARNINGS
from tests.corpus import documents
from tests.definition.build import condition, document, equals, for_each, get, join, parameter, processing, step
from tests.fuzz.mutations import places

SELECTOR = {"Pick": "MinBy", "Field": get("IterationOutput.B.TrainingJobName")}
EVERYTHING = document(
    processing("P"),
    step(
        "L",
        "Lambda",
        {"x": join("a", get("Steps.P.ProcessingJobArn"))},
        FunctionArn="f",
        OutputParameters=[{"OutputName": "o", "OutputType": "Float"}],
        DependsOn=["P"],
        DisplayName="d",
        Description="t",
    ),
    condition(
        "C",
        (
            equals(get("Parameters.p")),
            {"Type": "NotIn", "Value": 1, "In": [1]},
            {"Type": "Not", "Expression": equals()},
        ),
        (
            step(
                "T",
                RetryPolicies=[{"ExceptionType": ["Step.THROTTLING"], "MaxAttempts": 1, "IntervalSeconds": 1}],
                CacheConfig={"Enabled": True, "ExpireAfter": "1d"},
            ),
        ),
        (step("Q", "QualityCheck", CheckType="DATA_QUALITY", SkipCheck=True, ModelPackageGroupName="g"),),
    ),
    for_each(
        "F",
        (step("B", arguments={"i": get("ForEach.CurrentItem")}),),
        Selector={"Pick": "MinBy", "Field": get("IterationOutput.B.TrainingJobName")},
    ),
    Parameters=[parameter("p", "Integer", DefaultValue=1), parameter("Items", EnumValues=["x"], Description="d")],
    PipelineExperimentConfig={"ExperimentName": "e"},
    Metadata={"owner": "me"},
    MlflowConfig={"MlflowResourceArn": "a"},
)

EVERYTHING_AS_TEXT = json.dumps(EVERYTHING)


def everything() -> Any:
    """One of its own, to be changed."""
    return json.loads(EVERYTHING_AS_TEXT)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
references = st.sampled_from(
    ["Parameters.p", "Steps.P.A['b']", "Steps.P.PropertyFiles.report", "Execution.X", "Steps."]
)
junk = st.one_of(
    scalars,
    references.map(get),
    st.sampled_from(["Condition", "ForEach", "Fail", "Lambda", "P", "C"]),
    st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["Get", "Std:Join", "Std:JsonGet", "On", "Values", "Name", "x"]), inner, max_size=3
            )
        ),
        max_leaves=6,
    ),
)


def outcome(source: Any) -> Plan | DefinitionError:
    result: Plan | DefinitionError
    try:
        result = plan(source, values=WARNINGS)
    except DefinitionError as error:
        result = error
    assert not isinstance(result, DefinitionError) or (result.findings and str(result))
    return result


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    names = [name for name, data in documents().items() if len(data) < 20_000]
    index = draw(st.integers(-len(names), len(names) - 1))
    value = everything() if index < 0 else json.loads(documents()[names[index]])
    for _ in range(draw(st.integers(1, 3))):
        spots = places(value)
        if not spots:
            break
        node, key = spots[draw(st.integers(0, len(spots) - 1))]
        match draw(st.sampled_from(["delete", "replace", "duplicate", "move"])):
            case "delete":
                del node[key]
            case "replace":
                node[key] = draw(junk)
            case "duplicate" if isinstance(node, list):
                node.insert(key, copy.deepcopy(node[key]))
            case "duplicate":
                node[draw(st.sampled_from(["Name", "Get", "Type", "Steps", "x"]))] = copy.deepcopy(node[key])
            case _:
                other, other_key = spots[draw(st.integers(0, len(spots) - 1))]
                node[key] = copy.deepcopy(other[other_key])
    return value


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutated(), st.booleans())
def test_mutated_documents(value: Any, as_text: bool) -> None:
    result = outcome(json.dumps(value, indent=1) if as_text else value)
    for finding in result.findings if isinstance(result, DefinitionError) else result.pipeline.warnings:
        assert (finding.line is not None) == as_text or "PipelineDefinition" in finding.path, str(finding)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40) | st.binary(max_size=40))
def test_any_text_or_bytes(source: str | bytes) -> None:
    assert isinstance(outcome(source), DefinitionError)


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["Steps", "Parameters", "Metadata", "PipelineDefinition", "MlflowConfig"]), junk)
)
def test_any_object(source: dict[str, Any]) -> None:
    outcome(source)


def test_every_single_replacement_of_a_small_document() -> None:
    replacements: tuple[Any, ...] = (
        None,
        True,
        -1,
        2.5,
        "",
        "x",
        [],
        {},
        [[]],
        get("Parameters.p"),
        {"Get": 1},
        {"Std:Join": 0},
    )
    for index in range(len(places(EVERYTHING))):
        for replacement in replacements:
            value = everything()
            node, key = places(value)[index]
            node[key] = replacement
            outcome(value)


def test_every_value_of_a_wrong_type_is_a_finding() -> None:
    unharmed = outcome(EVERYTHING)
    assert isinstance(unharmed, Plan)
    unnoticed = []
    for index, (parent, name) in enumerate(places(EVERYTHING)):
        value = everything()
        node, key = places(value)[index]
        node[key] = 7 if isinstance(parent[name], dict | list) else {"zz": {}}
        result = outcome(value)
        if isinstance(result, Plan) and set(result.pipeline.warnings) <= set(unharmed.pipeline.warnings):
            unnoticed.append(str(name))
    # Where any scalar may stand.
    free = ["LeftValue", "i", "x", "1"]
    assert sorted(unnoticed) == sorted(free)
