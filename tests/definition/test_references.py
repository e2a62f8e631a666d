from __future__ import annotations

import pytest

from airflow_sm_pipelines.definition import Severity
from tests.definition.build import (
    condition,
    document,
    equals,
    errors,
    findings,
    for_each,
    get,
    join,
    only,
    parameter,
    processing,
    read,
    step,
)

X = "$.Steps[0].Arguments.x"


def json_get(reference: str) -> dict[str, object]:
    return {"Std:JsonGet": {"PropertyFile": get(reference), "Path": "a"}}


OTHERS = (
    processing("Evaluate", ("report",)),
    step("Train"),
    step("Stop", "Fail"),
    step("Invoke", "Lambda", FunctionArn="f", OutputParameters=[{"OutputName": "status", "OutputType": "String"}]),
)


@pytest.mark.parametrize(
    ("raw", "path", "message", "suggestion"),
    [
        (
            get("Parameters.instance_count"),
            X,
            "the parameter 'instance_count' is not declared",
            "Parameters.InstanceCount",
        ),
        (get("Parameters.zzz"), X, "the parameter 'zzz' is not declared", None),
        (
            join("a", join(get("Parameters.Instancecount"))),
            f"{X}['Std:Join'].Values[1]['Std:Join'].Values[0]",
            "the parameter 'Instancecount' is not declared",
            "Parameters.InstanceCount",
        ),
        (get("Steps.Trian.Arn"), X, "there is no step 'Trian'", "Steps.Train"),
        (get("Steps.A.Arn"), X, "a step cannot wait for itself", None),
        (get("Steps.Stop"), X, "'Stop' is a Fail step", None),
        (
            get("Steps.Invoke.OutputParameters['state']"),
            X,
            "the step 'Invoke' declares no output parameter 'state'",
            "Steps.Invoke.OutputParameters['status']",
        ),
        (
            json_get("Steps.Evaluate.PropertyFiles.reports"),
            f"{X}['Std:JsonGet'].PropertyFile",
            "the step 'Evaluate' declares no property file 'reports'",
            "Steps.Evaluate.PropertyFiles.report",
        ),
        (
            json_get("Steps.Evaluat.PropertyFiles.report"),
            f"{X}['Std:JsonGet'].PropertyFile",
            "there is no step 'Evaluat'",
            "Steps.Evaluate.PropertyFiles.report",
        ),
        (
            get("PipelineExperimentConfig.TrialName"),
            X,
            "the definition has no PipelineExperimentConfig.TrialName",
            None,
        ),
    ],
)
def test_each_broken_reference_is_a_finding_where_it_stands(
    raw: object, path: str, message: str, suggestion: str | None
) -> None:
    finding = only(document(step(arguments={"x": raw}), *OTHERS, Parameters=[parameter("InstanceCount")]))
    assert (finding.path, finding.step, finding.suggestion) == (path, "A", suggestion)
    assert finding.message.startswith(message)
    assert finding.severity is Severity.ERROR


def test_a_property_file_of_another_kind_of_step_is_a_warning() -> None:
    finding = only(document(step(arguments={"x": json_get("Steps.Train.PropertyFiles.r")}), *OTHERS))
    assert (finding.path, finding.severity) == (f"{X}['Std:JsonGet'].PropertyFile", Severity.WARNING)


@pytest.mark.parametrize(
    ("name", "message", "suggestion"),
    [
        ("Trian", "there is no step 'Trian'", "Train"),
        ("A", "a step cannot wait for itself", None),
        ("Stop", "'Stop' is a Fail step", None),
    ],
)
def test_each_broken_depends_on_is_a_finding(name: str, message: str, suggestion: str | None) -> None:
    finding = only(document(step(DependsOn=["Train", name]), *OTHERS))
    assert (finding.path, finding.suggestion) == ("$.Steps[0].DependsOn[1]", suggestion)
    assert finding.message.startswith(message)


def test_references_are_checked_wherever_they_stand() -> None:
    broken = get("Parameters.q")
    definition = document(
        step("A", "Lambda", FunctionArn=broken),
        step("B", "QualityCheck", CheckType="DATA_QUALITY", SkipCheck=broken),
        condition("C", (equals(broken),), (step("Y", arguments={"x": broken}),)),
        for_each("D", (step("E", arguments={"x": broken}),), MaxConcurrency=broken),
        step("F", CacheConfig={"Enabled": broken}),
        Parameters=[parameter("Items")],
        PipelineExperimentConfig={"ExperimentName": broken},
        MlflowConfig={"MlflowResourceArn": broken},
    )
    assert [path for path, _ in errors(definition)] == [
        "$.Steps[0].FunctionArn",
        "$.Steps[1].SkipCheck",
        "$.Steps[2].Arguments.Conditions[0].LeftValue",
        "$.Steps[2].Arguments.IfSteps[0].Arguments.x",
        "$.Steps[3].Arguments.ForEachBody[0].Arguments.x",
        "$.Steps[3].Arguments.MaxConcurrency",
        "$.Steps[4].CacheConfig.Enabled",
        "$.PipelineExperimentConfig.ExperimentName",
        "$.MlflowConfig.MlflowResourceArn",
    ]


def test_sound_references_are_none() -> None:
    arguments = {
        "a": get("Parameters.p"),
        "b": get("Steps.Train"),
        "c": json_get("Steps.Evaluate.PropertyFiles.report"),
        "d": get("Steps.Invoke.OutputParameters['status']"),
        "e": get("PipelineExperimentConfig.ExperimentName"),
        "f": get("Steps.Yes.Arn"),
    }
    pipeline = read(
        step(arguments=arguments, DependsOn=["C", "Yes"]),
        *OTHERS,
        condition("C", (), (step("Yes"),)),
        Parameters=[parameter("p")],
        PipelineExperimentConfig={"ExperimentName": "e"},
    )
    assert pipeline.warnings == ()


@pytest.mark.parametrize("value", [get("Steps.A.Arn"), get("PipelineExperimentConfig.TrialName")])
def test_the_experiment_knows_no_steps_and_not_itself(value: object) -> None:
    finding = only(document(step(), PipelineExperimentConfig={"ExperimentName": value, "TrialName": "t"}))
    assert (finding.path, finding.step) == ("$.PipelineExperimentConfig.ExperimentName", None)


def test_names_are_unique_over_all_branches() -> None:
    twice = step("Same", arguments={"x": 1})
    definition = document(condition("C", (), (twice,), (twice,)), step("Same"), step("C"))
    inside = "$.Steps[0].Arguments.IfSteps[0]"
    rule = "a name is unique in a definition, its branches included"
    assert errors(definition) == [
        ("$.Steps[0].Arguments.ElseSteps[0].Name", f"the same step stands at {inside}; {rule}"),
        ("$.Steps[1].Name", f"another step of this name stands at {inside}; {rule}"),
        ("$.Steps[2].Name", f"another step of this name stands at $.Steps[0]; {rule}"),
    ]


def test_the_body_of_a_loop_is_no_step_for_others() -> None:
    loop = for_each("Loop", (step("Body"),))
    items = [parameter("Items")]
    outside = only(document(loop, step("B", arguments={"x": get("Steps.Body.Arn")}), Parameters=items))
    assert outside.path == "$.Steps[1].Arguments.x"
    assert outside.message == (
        "'Body' is in the body of the ForEach step 'Loop'; outside of it, its results are"
        " Steps.Loop.IterationOutputs[<index>].Body"
    )
    assert outside.suggestion == "Steps.Loop.IterationOutputs[0].Body.Arn"
    waiting = only(document(loop, step("B", DependsOn=["Body"]), Parameters=items))
    assert (waiting.path, waiting.suggestion) == ("$.Steps[1].DependsOn[0]", "Loop")
    other = for_each("Other", (step("C", arguments={"x": get("Steps.Body.Arn")}),))
    assert only(document(loop, other, Parameters=items)).suggestion == "Steps.Loop.IterationOutputs[0].Body.Arn"
    own = only(document(for_each("Loop", (step("Body"),), IterableItems=get("Steps.Body.Arn"))))
    assert (own.message, own.suggestion) == ("'Body' is in the body of this step, which cannot wait for it", None)
    inside = only(document(for_each("Loop", (step("Body", DependsOn=["Loop"]),)), Parameters=items))
    assert inside.message == "the step is in the body of 'Loop' and cannot wait for it"
    assert findings(document(loop, step("B", arguments={"x": get("Steps.Loop.Status")}), Parameters=items)) == ()


def test_the_steps_of_a_body_refer_to_each_other() -> None:
    body = (step("B"), step("C", arguments={"x": get("Steps.B.ModelArtifacts.S3ModelArtifacts")}, DependsOn=["B"]))
    assert findings(document(for_each("Loop", body), Parameters=[parameter("Items")])) == ()


OUTPUTS = [{"OutputName": "score", "OutputType": "Float"}]


@pytest.mark.parametrize(
    ("reference", "code", "suggestion"),
    [
        ("Steps.Loop.IterationOutputs[4].Body.OutputParameters['score']", None, None),
        ("Steps.Loop.Selected.OutputParameters['score']", None, None),
        (
            "Steps.Loop.IterationOutputs[4].Body.OutputParameters['scor']",
            "unknown-output",
            "Steps.Loop.IterationOutputs[4].Body.OutputParameters['score']",
        ),
        (
            "Steps.Loop.Selected.OutputParameters['scor']",
            "unknown-output",
            "Steps.Loop.Selected.OutputParameters['score']",
        ),
        (
            "Steps.Body-12.OutputParameters['score']",
            "unusable-step",
            "Steps.Loop.IterationOutputs[12].Body.OutputParameters['score']",
        ),
    ],
)
def test_what_a_body_declares_is_all_that_there_is_of_it(reference: str, code: str | None, suggestion: str) -> None:
    selector = {"Pick": "MinBy", "Field": get("IterationOutput.Body.OutputParameters['score']")}
    loop = for_each("Loop", (step("Body", "Lambda", FunctionArn="f", OutputParameters=OUTPUTS),), Selector=selector)
    items = [parameter("Items")]
    after = step("After", "Lambda", {"x": get(reference)}, FunctionArn="f")
    assert [(f.code, f.suggestion) for f in findings(document(loop, after, Parameters=items))] == (
        [] if code is None else [(code, suggestion)]
    )
    selector["Field"] = get("IterationOutput.Body.OutputParameters['scor']")
    wrong = for_each("Loop", (step("Body", "Lambda", FunctionArn="f", OutputParameters=OUTPUTS),), Selector=selector)
    finding = only(document(wrong, Parameters=items))
    assert finding.suggestion == "IterationOutput.Body.OutputParameters['score']"


def test_children_are_named_by_their_body_or_their_loop() -> None:
    items = [parameter("Items")]
    inside = step("Last", arguments={"x": get("Steps.Body-0.ModelArtifacts")}, DependsOn=["Body-0"])
    found = findings(document(for_each("Loop", (step("Body"), inside)), Parameters=items))
    assert {finding.suggestion for finding in found} == {"Body", "Steps.Body.ModelArtifacts"}
    outside = only(document(for_each("Loop", (step("Body"),)), step("X", DependsOn=["Body-3"]), Parameters=items))
    assert (outside.suggestion, outside.code) == ("Loop", "unusable-step")


@pytest.mark.parametrize(
    ("name", "refused"), [("Body-0", True), ("Body-17", True), ("Body-", False), ("Body-1a", False)]
)
def test_no_step_is_named_as_the_children_of_a_body(name: str, refused: bool) -> None:
    inside = condition("Choose", (), (step(name),))
    for other in (step(name), inside):
        found = errors(document(for_each("Loop", (step("Body"),)), other, Parameters=[parameter("Items")]))
        assert [message.split(":")[0] for _, message in found] == (
            [f"no step can be named {name!r}"] if refused else []
        )


def test_a_name_is_unique_over_all_bodies() -> None:
    loops = for_each("One", (step("Body"),)), for_each("Two", (step("Body"), step("Last")))
    [(path, message)] = errors(document(*loops, Parameters=[parameter("Items")]))
    assert path == "$.Steps[1].Arguments.ForEachBody[0].Name"
    assert message.startswith("the same step stands at $.Steps[0].Arguments.ForEachBody[0]; a name is unique")


@pytest.mark.timeout(60)  # a guard against guesses that grow with the square
def test_thousands_of_wrong_names_are_told_in_little_time() -> None:
    steps = [step(f"Step-{index}", DependsOn=[f"Step_{index + 1}"]) for index in range(1500)]
    found = findings(document(*steps))
    assert sum(finding.stands_for for finding in found) == 1500
    assert found[0].suggestion is not None
