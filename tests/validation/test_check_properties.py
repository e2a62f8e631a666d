"""References to properties that a step cannot have are errors at load, with what was likely meant."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.definition import DefinitionError, Finding, Severity
from tests.corpus import documents, invalid_documents
from tests.definition.build import (
    condition,
    document,
    equals,
    for_each,
    get,
    join,
    parameter,
    planned,
    processing,
    step,
)

TARGETS = (
    step("Train"),
    processing("Process"),
    step("Tune", "Tuning"),
    step("Auto", "AutoML"),
    step("AutoNew", "AutoML", {"AutoMLProblemTypeConfig": {"TabularJobConfig": {"TargetAttributeName": "y"}}}),
    step("Register", "RegisterModel"),
    step("Check", "QualityCheck", CheckType="DATA_QUALITY"),
    step("Emr", "EMR", {"ClusterId": "j-1", "StepConfig": {"HadoopJarStep": {"Jar": "s3://b/j.jar"}}}),
    step(
        "Serverless", "EMRServerless", {"ApplicationId": "a", "ExecutionRoleArn": "r", "JobConfig": {"jobDriver": {}}}
    ),
    step("Call", "Lambda", FunctionArn="f", OutputParameters=[{"OutputName": "o", "OutputType": "String"}]),
    step("Agent", "Job"),
    step("Own", "Mine"),
    condition("Choose"),
)
ITEMS = [parameter("Items")]


def told(*steps: Any, **keys: Any) -> list[Finding]:
    try:
        warnings = planned(document(*steps, **keys), unsupported_steps="placeholder").pipeline.warnings
    except DefinitionError as error:
        warnings = error.findings
    return [finding for finding in warnings if not finding.message.startswith("unknown ")]


def of_reference(reference: str) -> Finding | None:
    found = told(*TARGETS, step("User", arguments={"RoleArn": get(reference)}))
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(
    "reference",
    [
        "Steps.Train.ModelArtifacts.S3ModelArtifacts",
        "Steps.Train['ModelArtifacts'].S3ModelArtifacts",
        "Steps.Train.HyperParameters['any:key/at.all']",
        "Steps.Train.HyperParameters.eta",
        "Steps.Train.FinalMetricDataList['validation:rmse'].Value",
        "Steps.Train.FinalMetricDataList[0].Value",
        "Steps.Train",
        "Steps.Process.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri",
        "Steps.Process.ProcessingInputs[2].S3Input.S3Uri",
        "Steps.Tune.TrainingJobSummaries[0].TrainingJobName",
        "Steps.Tune.BestTrainingJob.TrainingJobName",
        "Steps.Auto.BestCandidateProperties.ModelInsightsJsonReportPath",
        "Steps.Auto.BestCandidate.InferenceContainers[0].Environment['K']",
        "Steps.AutoNew.AutoMLJobInputDataConfig[0].DataSource.S3DataSource.S3Uri",
        "Steps.AutoNew.AutoMLProblemTypeConfigName",
        "Steps.AutoNew.BestCandidate.CandidateName",
        "Steps.AutoNew.BestCandidateProperties.ExplainabilityJsonReportPath",
        "Steps.Check.CalculatedBaselineStatistics",
        "Steps.Emr.Config.Args[1]",
        "Steps.Emr.ClusterId",
        "Steps.Serverless.jobRun.state",
        "Steps.Call.OutputParameters['o']",
        "Steps.Choose.Outcome",
        "Steps.Agent.JobConfigDocument.ServiceOutput.Whatever",
        "Steps.Own.Anything[0]['x']",
    ],
)
def test_what_a_step_can_have_is_no_finding(reference: str) -> None:
    assert of_reference(reference) is None


@pytest.mark.parametrize(
    ("reference", "message", "suggestion"),
    [
        (
            "Steps.Train.ModelArtifact.S3ModelArtifacts",
            "Steps.Train has no 'ModelArtifact': its properties are those of DescribeTrainingJob",
            "Steps.Train.ModelArtifacts.S3ModelArtifacts",
        ),
        (
            "Steps.Train.ModelArtifacts.S3ModelArtifact",
            "Steps.Train.ModelArtifacts has no 'S3ModelArtifact', it has S3ModelArtifacts",
            "Steps.Train.ModelArtifacts.S3ModelArtifacts",
        ),
        (
            "Steps.Train.S3ModelArtifacts",
            "Steps.Train has no 'S3ModelArtifacts': its properties are those of DescribeTrainingJob",
            "Steps.Train.ModelArtifacts.S3ModelArtifacts",
        ),
        (
            "Steps.Process.ProcessingOutputConfig.Outputs.S3Output.S3Uri",
            "Steps.Process.ProcessingOutputConfig.Outputs is a list, its elements are read by [0] or ['<name>']",
            "Steps.Process.ProcessingOutputConfig.Outputs[0].S3Output.S3Uri",
        ),
        (
            "Steps.Process.AppSpecification.ContainerArguments['x']",
            "Steps.Process.AppSpecification.ContainerArguments is a list, its elements are read by [0] and",
            None,
        ),
        (
            "Steps.Train.HyperParameters[0]",
            "Steps.Train.HyperParameters is a map, its values are read by ['<key>'] and not by [0]",
            None,
        ),
        (
            "Steps.Auto.AutoMLProblemTypeConfigName",
            "Steps.Auto has no 'AutoMLProblemTypeConfigName': its properties are those of DescribeAutoMLJob",
            None,
        ),
        (
            "Steps.AutoNew.InputDataConfig[0].DataSource",
            "Steps.AutoNew has no 'InputDataConfig': its properties are those of DescribeAutoMLJobV2",
            "Steps.AutoNew.AutoMLJobInputDataConfig[0].DataSource",
        ),
        ("Steps.Train.ModelArtifacts[0]", "Steps.Train.ModelArtifacts is no list, it has no [0]", None),
        (
            "Steps.Train.TrainingJobName.Value",
            "Steps.Train.TrainingJobName is a single value, nothing can be read from it",
            "Steps.Train.TrainingJobName",
        ),
        (
            "Steps.Train.HyperParameters.eta.x",
            "Steps.Train.HyperParameters.eta is a single value, nothing can be read from it",
            "Steps.Train.HyperParameters.eta",
        ),
        (
            "Steps.Tune.TrainingJobSumaries[0].TrainingJobName",
            "Steps.Tune has no 'TrainingJobSumaries': its properties are those of DescribeHyperParameterTuningJob",
            "Steps.Tune.TrainingJobSummaries[0].TrainingJobName",
        ),
        ("Steps.Emr.State", "Steps.Emr has no 'State', it has", "Steps.Emr.Status.State"),
        ("Steps.Choose.Outcom", "Steps.Choose has no '.Outcom': a Condition step has Outcome", "Steps.Choose.Outcome"),
        ("Steps.Choose[0]", "Steps.Choose has no '[0]': a Condition step has Outcome", None),
        (
            "Steps.Call.OutputParameter['o']",
            "Steps.Call has no '.OutputParameter': a Lambda step has OutputParameters",
            "Steps.Call.OutputParameters['o']",
        ),
    ],
)
def test_what_a_step_cannot_have_is_an_error(reference: str, message: str, suggestion: str | None) -> None:
    finding = of_reference(reference)
    assert finding is not None
    assert finding.severity is Severity.ERROR
    assert (finding.path, finding.step) == (f"$.Steps[{len(TARGETS)}].Arguments.RoleArn", "User")
    assert finding.message.startswith(message)
    assert finding.suggestion == suggestion


def test_a_reference_anywhere_is_checked_at_its_own_path() -> None:
    wrong = get("Steps.Train.Modl")
    found = told(
        step("Train"),
        condition("C", (equals(wrong),), (step("Inner", arguments={"RoleArn": join("a", wrong)}),)),
        step("L", "Lambda", FunctionArn=wrong),
    )
    assert [finding.path for finding in found] == [
        "$.Steps[1].Arguments.Conditions[0].LeftValue",
        "$.Steps[1].Arguments.IfSteps[0].Arguments.RoleArn['Std:Join'].Values[1]",
        "$.Steps[2].FunctionArn",
    ]


def test_the_output_of_a_loop_body_is_checked_too() -> None:
    loop = for_each(body=(step("B"),), Selector={"Pick": "MinBy", "Field": get("IterationOutput.B.TrainingJobNam")})
    [finding] = told(loop, Parameters=[parameter("Items")])
    assert finding.path == "$.Steps[0].Arguments.Selector.Field"
    assert finding.suggestion == "IterationOutput.B.TrainingJobName"


@pytest.mark.parametrize(
    ("path", "message", "suggestion"),
    [
        ("IterationOutputs[0].B.ModelArtifacts.S3ModelArtifacts", None, None),
        ("IterationOutputs[1]['B'].TrainingJobName", None, None),
        ("IterationOutputs[1].B", None, None),
        ("IterationOutputs[7].P.ProcessingJobName", None, None),
        ("Selected.TrainingJobName", None, None),
        ("FailedStepCount", None, None),
        (
            "IterationOutputs[0].B.TrainingJobNam",
            "Steps.Loop.IterationOutputs[0].B has no 'TrainingJobNam': its properties are those of DescribeTrainingJob",
            "IterationOutputs[0].B.TrainingJobName",
        ),
        (
            "IterationOutputs.B.TrainingJobName",
            "Steps.Loop.IterationOutputs is a list, its elements are read by [<index>] and not by .B",
            "IterationOutputs[0].B.TrainingJobName",
        ),
        ("IterationOutputs", "Steps.Loop.IterationOutputs is a list, and one of its elements is read by [<index>]", ""),
        ("IterationOutputs[2]", "Steps.Loop.IterationOutputs[2] has B, P: name one of these steps", ""),
        (
            "IterationOutputs[2].ProcessingJobName",
            "Steps.Loop.IterationOutputs[2] has B, P: name one of these steps",
            "IterationOutputs[2].P.ProcessingJobName",
        ),
        ("IterationOutputs[2].Nothing.x", "Steps.Loop.IterationOutputs[2] has B, P: name one of these steps", ""),
        (
            "Selected.ModelArtifact",
            "Steps.Loop.Selected has no 'ModelArtifact': its properties are those of DescribeTrainingJob",
            "Selected.ModelArtifacts",
        ),
        (
            "Selected.B.TrainingJobName",
            "Steps.Loop.Selected is the result of 'B', which the Selector names: it has no step's name",
            "Selected.TrainingJobName",
        ),
        ("Selected.P.ProcessingJobName", "Steps.Loop.Selected is the result of 'B', which the Selector names", ""),
        (
            "ChildOutputs[1].TrainingJobName",
            "Steps.Loop has no 'ChildOutputs', which is of a draft of ForEach that was never released",
            "IterationOutputs[1].B.TrainingJobName",
        ),
        ("ChildOutputs[1]", "Steps.Loop has no 'ChildOutputs', which is of a draft of ForEach", ""),
        ("Count", "Steps.Loop has no '.Count': a ForEach step has FailedStepCount, InputItemCount, ", ""),
    ],
)
def test_what_a_loop_gives_is_checked(path: str, message: str | None, suggestion: str | None) -> None:
    selector = {"Pick": "MaxBy", "Field": get("IterationOutput.B.TrainingTimeInSeconds")}
    loop = for_each(body=(step("B"), step("P", "Processing")), Selector=selector)
    found = told(loop, step("After", "Lambda", {"x": get(f"Steps.Loop.{path}")}, FunctionArn="f"), Parameters=ITEMS)
    if message is None:
        assert found == []
        return
    [finding] = found
    assert finding.message.startswith(message)
    assert finding.suggestion == (f"Steps.Loop.{suggestion}" if suggestion else None)


def test_the_draft_of_a_loop_of_one_step_is_told_what_it_is_called_now() -> None:
    after = step("After", "Lambda", {"x": get("Steps.Loop.ChildOutputs[1]")}, FunctionArn="f")
    [finding] = told(for_each(body=(step("B"),)), after, Parameters=ITEMS)
    assert finding.suggestion == "Steps.Loop.IterationOutputs[1].B"


def test_nothing_is_selected_without_a_selector() -> None:
    after = step("After", "Lambda", {"x": get("Steps.Loop.Selected.TrainingJobName")}, FunctionArn="f")
    [finding] = told(for_each(body=(step("B"),)), after, Parameters=ITEMS)
    assert finding.message == "Steps.Loop has no 'Selected', since Loop has no Selector"


def test_real_documents_refer_to_nothing_that_is_not_there() -> None:
    # A finding would raise.
    read = [planned(data, source=name) for name, data in documents().items() if name not in invalid_documents()]
    assert len(read) > 100
