"""Hints: the same letters, other names, another place, slips; and none rather than a wrong one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.definition.findings import DefinitionError
from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.definition.synonyms import meant_condition, meant_function, meant_root, meant_type
from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.step_types import STEP_TYPES
from tests.definition.build import condition, document, get, processing, step, training

CASES = Path(__file__).parents[1] / "cases"


def hints(*steps: Any, **keys: Any) -> dict[str, str | None]:
    """By the path of each finding, its hint."""
    return hints_of(document(*steps, **keys))


def hints_of(definition: Any) -> dict[str, str | None]:
    try:
        findings: Any = plan(definition).pipeline.warnings
    except DefinitionError as error:
        findings = error.findings
    return {finding.path: finding.suggestion for finding in findings}


@pytest.mark.parametrize(
    ("word", "candidates", "meant"),
    [
        ("trainig", ["Training", "Tuning"], "Training"),
        ("PIPELINE_NAME", ["PipelineArn", "PipelineName"], "PipelineName"),
        ("VolumeSizeGB", ["VolumeSizeInGB"], "VolumeSizeInGB"),
        ("Rigth", ["Left", "Right"], "Right"),
        ("InputData", ["InputDataConfig", "OutputDataConfig"], "InputDataConfig"),
        ("Inputs", ["ProcessingInputs", "ProcessingOutputConfig"], "ProcessingInputs"),
        # Near in their letters, and something else:
        ("ProcessingOutputs", ["ProcessingInputs", "ProcessingJobName"], None),
        ("TrainingImage", ["TrainingJobName"], None),
        ("ModelName", ["ModelPackageName", "ModelPackageGroupName"], None),
        ("Train1", ["Train2", "Train3"], None),
        ("ml.m5.3xlarge", ["ml.m5.2xlarge"], None),
        ("InstanceType", ["TrainingInstanceType", "ProcessingInstanceType"], None),
        ("File", ["Pipe"], None),
        ("A", ["B"], None),
        ("xyz", [], None),
        ("RetryPolicy", ["RetryPolicies", "CacheConfig"], "RetryPolicies"),
    ],
)
def test_the_nearest_is_near_or_nothing(word: str, candidates: list[str], meant: str | None) -> None:
    assert nearest(word, candidates) == meant


@pytest.mark.parametrize(
    ("word", "candidates"),
    [
        ("inputdata", ["Input_Data", "InputData"]),
        ("Eval", ["Evaluate", "EvalModel"]),
        ("TrainA", ["TrainB"]),
        ("Train-1", ["Train-2"]),
    ],
)
def test_two_that_could_be_meant_are_no_hint(word: str, candidates: list[str]) -> None:
    assert nearest(word, candidates) is None
    assert nearest(word, reversed(candidates)) is None


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CreateModel", "Model"),
        ("CreateModelStep", "Model"),
        ("ProcessingStep", "Processing"),
        ("training", "Training"),
        ("sagemaker.TrainingStep", "Training"),
        ("AWS::SageMaker::TrainingJob", "Training"),
        ("CfnModel", "Model"),
        ("CreateHyperParameterTuningJob", "Tuning"),
        ("CreateModelPackage", "RegisterModel"),
        ("CreateAutoMLJobV2", "AutoML"),
        ("arn:aws:states:::sagemaker:createTransformJob.sync", "Transform"),
        ("ConditionStep", "Condition"),
        ("EMRStep", "EMR"),
        ("LambdaStep", "Lambda"),
        ("sagemaker.CfnPipeline", None),
        ("Notebook", None),
        ("Step", None),
    ],
)
def test_step_types_by_other_names(name: str, meant: str | None) -> None:
    assert meant_type(name, STEP_TYPES) == meant


def test_conditions_functions_and_roots_by_other_names() -> None:
    types = ("Equals", "GreaterThan", "GreaterThanOrEqualTo", "LessThanOrEqualTo", "Not", "Or", "In")
    told = {
        name: meant_condition(name, types)
        for name in (
            "ConditionGreaterThan",
            ">=",
            "lte",
            "NumericGreaterThanEquals",
            "equals",
            "isIn",
            "And",
            "Contains",
        )
    }
    assert list(told.values()) == [
        "GreaterThan",
        "GreaterThanOrEqualTo",
        "LessThanOrEqualTo",
        "GreaterThanOrEqualTo",
        "Equals",
        "In",
        None,
        None,
    ]
    assert [meant_function(name) for name in ("Std:join", "Std:Concat", "Fn::Join", "std:jsonget", "Std:Upper")] == [
        "Std:Join",
        "Std:Join",
        "Std:Join",
        "Std:JsonGet",
        None,
    ]
    assert [meant_root(name) for name in ("Params", "ExecutionVariables", "step", "Secrets")] == [
        "Parameters",
        "Execution",
        "Steps",
        None,
    ]


def test_members_of_a_request_that_stand_elsewhere() -> None:
    wrong: dict[str, Any] = {
        "TrainingImage": "i",
        "InstanceType": "x",
        "S3OutputPath": "s3://b/k",
        "role": "r",
        "hyper_parameters": {},
        "MaxRuntime": 1,
        "CacheConfig": {},
        "retry_policies": [],
        "Name": "n",
        "Nonsense": 1,
    }
    inside = {**training()["Arguments"]["AlgorithmSpecification"], "HyperParameters": {}}
    told = hints(training(**wrong, AlgorithmSpecification=inside, RoleArn="arn:aws:iam::123456789012:role/r"))
    assert {path.removeprefix("$.Steps[0].Arguments."): hint for path, hint in told.items()} == {
        "TrainingImage": "AlgorithmSpecification.TrainingImage",
        "InstanceType": "ResourceConfig.InstanceType",
        "S3OutputPath": "OutputDataConfig.S3OutputPath",
        "role": "RoleArn",
        "hyper_parameters": "HyperParameters",
        "MaxRuntime": "StoppingCondition.MaxRuntimeInSeconds",
        "CacheConfig": "CacheConfig beside Arguments",
        "retry_policies": "RetryPolicies beside Arguments",
        "Name": None,
        "Nonsense": None,
        "AlgorithmSpecification.HyperParameters": "Arguments.HyperParameters",
    }


def test_a_member_of_a_part_is_looked_for_in_that_part_first() -> None:
    told = hints(
        training(
            S3Uri="s3://b/k",
            InputDataConfig=[{"ChannelName": "a", "S3Uri": "s3://b/k", "KmsKeyId": "k"}],
            ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSize": 30},
        ),
        step("R", "RegisterModel", {"Image": "i", "ContentTypes": []}),
    )
    given = {path: hint for path, hint in told.items() if hint is not None}
    assert given == {
        "$.Steps[0].Arguments.InputDataConfig[0].S3Uri": "DataSource.S3DataSource.S3Uri",
        "$.Steps[0].Arguments.ResourceConfig.VolumeSize": "VolumeSizeInGB",
        "$.Steps[1].Arguments.Image": "InferenceSpecification.Containers[].Image",
        "$.Steps[1].Arguments.ContentTypes": "InferenceSpecification.SupportedContentTypes",
    }
    assert {"$.Steps[0].Arguments.S3Uri", "$.Steps[0].Arguments.InputDataConfig[0].KmsKeyId"} <= told.keys()


def test_keys_that_are_written_otherwise_are_read_for_what_else_is_wrong() -> None:
    told = hints(
        step("L", "Lambda", {"a": get("Parameters.A")}, LambdaArn=get("Parameters.B"), Outputs=[]),
        step("C", "Condition", {"conditions": [{"type": "gte", "left": get("Parameters.C"), "right": 1}]}),
        step("J", "Lambda", {"a": {"Std:GetJson": {"S3Uri": get("Parameters.D"), "Path": "a"}}}, FunctionArn="f"),
    )
    assert told == {
        "$.Steps[0].LambdaArn": "FunctionArn",
        "$.Steps[0].Outputs": "OutputParameters",
        "$.Steps[0].FunctionArn": None,
        "$.Steps[0].Arguments.a": None,
        "$.Steps[1].Arguments.conditions": "Conditions",
        "$.Steps[1].Arguments.Conditions[0].type": "Type",
        "$.Steps[1].Arguments.Conditions[0].Type": "GreaterThanOrEqualTo",
        "$.Steps[1].Arguments.Conditions[0].left": None,
        "$.Steps[2].Arguments.a": "Std:JsonGet",
        "$.Steps[2].Arguments.a['Std:GetJson'].S3Uri": None,
    }


@pytest.mark.parametrize(
    ("reference", "meant"),
    [
        ("Steps.T.properties.ModelArtifacts.S3ModelArtifacts", "Steps.T.ModelArtifacts.S3ModelArtifacts"),
        ("Steps.T.Properties.modelArtifacts.S3ModelArtifacts", "Steps.T.ModelArtifacts.S3ModelArtifacts"),
        ("Steps.T.S3ModelArtifacts", "Steps.T.ModelArtifacts.S3ModelArtifacts"),
        ("Steps.T.ModelData", "Steps.T.ModelArtifacts.S3ModelArtifacts"),
        ("Steps.P.Outputs.train.S3Output.S3Uri", "Steps.P.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"),
        ("Steps.P.properties.Nonsense.X", None),
        ("steps.T.TrainingJobName", "Steps.T.TrainingJobName"),
        ("ExecutionVariables.PipelineName", "Execution.PipelineName"),
        ("Execution.PIPELINE_NAME", "PipelineName"),
        ("Secrets.x", None),
    ],
)
def test_references(reference: str, meant: str | None) -> None:
    told = hints(training("T"), processing("P"), step("L", "Lambda", {"a": get(reference)}, FunctionArn="f"))
    assert told["$.Steps[2].Arguments.a"] == meant


def test_what_cannot_be_read_is_still_looked_into() -> None:
    wrong = [
        {"Type": "Contains", "LeftValue": get("Parameters.A"), "Others": [get("Parameters.B")]},
        {"LeftValue": get("Parameters.C")},
        {"Type": "Equals", "LeftValue": {"Std:Upper": {"Text": get("Parameters.D")}}},
        {"Type": "And", "Conditions": [{"Type": "Eq", "LeftValue": get("Parameters.E"), "RightValue": 1}]},
        {"Type": "Not", "condition": {"Type": "Equals", "LeftValue": {"Std:Join": {"Values": [get("Parameters.F")]}}}},
    ]
    inner = training("I", TrainingImage="i")
    told = hints(
        condition("C", tuple(wrong)),
        {**condition("D", (), (inner,)), "Type": "ConditionStep"},
        step("X", "Nonsense", {"a": get("Parameters.G")}),
    )
    undeclared = [path for path, hint in told.items() if hint is None]
    for path in (
        "$.Steps[0].Arguments.Conditions[0].LeftValue",
        "$.Steps[0].Arguments.Conditions[0].Others[0]",
        "$.Steps[0].Arguments.Conditions[1].LeftValue",
        "$.Steps[0].Arguments.Conditions[2].LeftValue['Std:Upper'].Text",
        "$.Steps[0].Arguments.Conditions[3].Conditions[0].LeftValue",
        "$.Steps[2].Arguments.a",
    ):
        assert path in undeclared
    assert told["$.Steps[0].Arguments.Conditions[3].Conditions[0].Type"] == "Equals"
    assert told["$.Steps[1].Type"] == "Condition"
    assert told["$.Steps[1].Arguments.IfSteps[0].Arguments.TrainingImage"] == "AlgorithmSpecification.TrainingImage"
    assert told["$.Steps[2].Type"] is None


def test_an_object_that_was_meant_for_an_expression() -> None:
    arguments = {
        "a": {"get": "Parameters.P"},
        "b": {"Join": {"On": "", "Values": ["x"]}},
        "c": {"JsonGet": {"S3Uri": "s3://b/k", "Path": "a"}},
        # What a function may be sent:
        "d": {"get": "/path"},
        "e": {"join": ["x"]},
        "f": {"format": {"a": 1}},
        "g": {"GET": "Parameters"},
    }
    assert hints(step("L", "Lambda", arguments, FunctionArn="f")) == {
        "$.Steps[0].Arguments.a": "Get",
        "$.Steps[0].Arguments.b": "Std:Join",
        "$.Steps[0].Arguments.c": "Std:JsonGet",
    }


def test_a_step_of_an_unknown_type_that_is_a_placeholder_stays_what_it_is() -> None:
    [read] = plan(document(step("X", "ConditionStep", {"Conditions": []})), unsupported_steps="placeholder").graph.steps
    assert (read.type, read.branches) == ("ConditionStep", None)


EXPECTED: dict[str, dict[str, str | None]] = {
    "08": {
        "$.Steps[0].Arguments.ProcessingOutputs": "ProcessingOutputConfig.Outputs",
        "$.Steps[0].PropertyFiles[0].OutputName": None,
        "$.Steps[2].Arguments.ProcessingOutputs": "ProcessingOutputConfig.Outputs",
        "$.Steps[2].Arguments.PropertyFiles": "PropertyFiles beside Arguments",
        "$.Steps[3].Arguments.Conditions[0].LeftValue['Std:JsonGet'].PropertyFile": None,
        "$.Steps[3].Arguments.IfSteps[0].Arguments.ModelName": None,
        "$.Steps[3].Arguments.IfSteps[0].Arguments.ModelMetrics.ModelQuality.Statistics.S3Uri['Std:Join'].Values[0]": (
            "Steps.Evaluate.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"
        ),
    },
    "09": {
        "$.Steps[1].PropertyFiles[0].Name": "PropertyFileName",
        "$.Steps[2].Arguments.IfSteps[1].Type": "Model",
    },
    "12": {
        "$.Steps[1].Arguments.Conditions[0].Type": "GreaterThanOrEqualTo",
        "$.Steps[1].Arguments.Conditions[0].LeftValue['Std:JsonGet'].Step": None,
        "$.Steps[1].Arguments.Conditions[0].LeftValue['Std:JsonGet'].PropertyFile": (
            "Steps.Evaluate.PropertyFiles.Report"
        ),
    },
    "12b": {
        "$.Steps[0]": None,
        "$.Steps[0].name": "Name",
        "$.Steps[0].type": "Type",
        "$.Steps[0].condition": "Arguments.Conditions",
        "$.Steps[0].ifSteps": "Arguments.IfSteps",
        "$.Steps[0].elseSteps": "Arguments.ElseSteps",
        "$.Steps[0].dependsOn": "DependsOn",
        "$.Steps[0].DependsOn[0]": None,
    },
    "12d": {
        "$.Steps[0].Arguments.Conditions[0].Type": "GreaterThan",
        "$.Steps[0].Arguments.Conditions[0].LeftValue": None,
        "$.Steps[0].Arguments.Conditions[0].RightValue": None,
    },
    "160": {
        "$.Steps[0].Arguments.ProcessingOutputs": "ProcessingOutputConfig.Outputs",
        "$.Steps[0].Arguments.PropertyFiles": "PropertyFiles beside Arguments",
        "$.Steps[0].Arguments.Inputs": "ProcessingInputs",
        "$.Steps[0].Arguments.Outputs": "ProcessingOutputConfig.Outputs",
        "$.Steps[0].Arguments.Role": "RoleArn",
        "$.Steps[0].Arguments.Image": "AppSpecification.ImageUri",
        "$.Steps[0].Arguments.Env": "Environment",
        "$.Steps[0].Arguments.CacheConfig": "CacheConfig beside Arguments",
        "$.Steps[1].Arguments.InstanceType": "ResourceConfig.InstanceType",
        "$.Steps[1].Arguments.TrainingImage": "AlgorithmSpecification.TrainingImage",
        "$.Steps[1].Arguments.Hyperparameters": "HyperParameters",
        "$.Steps[1].Arguments.InputData": "InputDataConfig",
        "$.Steps[1].Arguments.Tag": "Tags",
    },
}


@pytest.mark.parametrize("case", EXPECTED)
def test_reported_inputs_tell_all_faults_at_once_each_with_the_right_hint_or_none(case: str) -> None:
    [file] = CASES.glob(f"{case}-*.json")
    assert hints_of(json.loads(file.read_text())) == EXPECTED[case]
