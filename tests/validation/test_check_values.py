"""Values that AWS would refuse are told at load: by type, required members, lengths, ranges, patterns and enums."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from airflow_sm_pipelines.definition import DefinitionError, Finding, Severity
from airflow_sm_pipelines.definition.expressions import Join, ParameterReference
from airflow_sm_pipelines.graph import Plan, plan
from airflow_sm_pipelines.validation import check_values
from airflow_sm_pipelines.validation.api_model import api_model
from airflow_sm_pipelines.validation.severities import WARNINGS, ValueSeverities, severities_of
from tests.botocores import INSTALLED
from tests.definition.build import RESOURCES, condition, document, for_each, get, join, parameter, step, training

ROLE = "arn:aws:iam::123456789012:role/SageMakerRole"
PARAMETERS = [
    parameter("Text", DefaultValue="s3://bucket/x"),
    parameter("Count", "Integer", DefaultValue=2),
    parameter("Share", "Float", DefaultValue=0.5),
    parameter("Flag", "Boolean", DefaultValue=True),
    parameter("Items"),
]


def read(*steps: Any, values: ValueSeverities = WARNINGS, **keys: Any) -> Plan:
    return plan(document(*steps, Parameters=PARAMETERS, **keys), values=values)


def found(*steps: Any) -> tuple[Finding, ...]:
    return read(*steps).pipeline.warnings


def told(*steps: Any) -> list[tuple[str, str]]:
    """The place in Arguments and the code of each finding."""
    return [(f.path.partition(".Arguments.")[2], f.code) for f in found(*steps)]


def test_good_values_are_no_finding() -> None:
    assert found(training()) == ()


@pytest.mark.parametrize(
    ("changes", "place", "code"),
    [
        ({"RoleArn": 5}, "RoleArn", "value-type"),
        ({"RoleArn": "role"}, "RoleArn", "value-length"),
        ({"RoleArn": "SageMakerServiceRole.Arn"}, "RoleArn", "value-pattern"),
        ({"RoleArm": ROLE}, "RoleArm", "value-unknown-member"),
        ({"ResourceConfig": ["a"]}, "ResourceConfig", "value-type"),
        ({"InputDataConfig": {}}, "InputDataConfig", "value-type"),
        ({"InputDataConfig": [None]}, "InputDataConfig[0]", "value-type"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 0}}, "StoppingCondition.MaxRuntimeInSeconds", "value-range"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 2.5}}, "StoppingCondition.MaxRuntimeInSeconds", "value-type"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": "60"}}, "StoppingCondition.MaxRuntimeInSeconds", "value-type"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": True}}, "StoppingCondition.MaxRuntimeInSeconds", "value-type"),
        ({"EnableNetworkIsolation": "true"}, "EnableNetworkIsolation", "value-type"),
        ({"Tags": [{"Key": "a"}]}, "Tags[0]", "value-missing"),
        ({"Tags": [{"Key": "a", "Value": "b"}] * 51}, "Tags", "value-length"),
        ({"Environment": {"a-b": "v"}}, "Environment['a-b']", "value-pattern"),
        ({"HyperParameters": {"k": 1}}, "HyperParameters.k", "value-type"),
        ({"OutputDataConfig": {"S3OutputPath": "file:///tmp/out"}}, "OutputDataConfig.S3OutputPath", "value-local"),
        (
            {"OutputDataConfig": {"S3OutputPath": join("file:///tmp", get("Execution.PipelineName"))}},
            "OutputDataConfig.S3OutputPath",
            "value-local",
        ),
        (
            {"InputDataConfig": [{"ChannelName": "a", "DataSource": {"FileDataSource": {"FileUri": "file:///tmp"}}}]},
            "InputDataConfig[0].DataSource.FileDataSource",
            "value-local",
        ),
        ({"ResourceConfig": {**RESOURCES, "InstanceType": "local"}}, "ResourceConfig.InstanceType", "value-local"),
        (
            {"AlgorithmSpecification": {"TrainingInputMode": "Files"}},
            "AlgorithmSpecification.TrainingInputMode",
            "value-enum",
        ),
    ],
)
def test_a_value_that_the_api_refuses(changes: dict[str, Any], place: str, code: str) -> None:
    assert told(training(**changes)) == [(place, code)]
    with pytest.raises(DefinitionError) as raised:
        plan(document(training(**changes)))
    [finding] = raised.value.findings
    assert (finding.code, finding.severity, finding.step) == (code, Severity.ERROR, "T")
    assert f"(CreateTrainingJob, botocore {INSTALLED})" in finding.message


def test_what_is_missing_is_told_but_for_what_is_filled_in() -> None:
    [finding] = found(step("T", arguments={"RoleArn": None, "TrainingJobName": None}))
    assert finding.code == "value-missing"
    assert "OutputDataConfig" in finding.message
    assert "RoleArn" not in finding.message
    assert "TrainingJobName" not in finding.message


def test_a_prefix_of_a_generated_name_is_no_name() -> None:
    assert found(training(TrainingJobName="x" * 200)) == ()
    endpoint = {"EndpointName": "", "EndpointConfigName": "c"}
    assert found(step("E", "Endpoint", endpoint)) == ()
    assert told(step("E", "Endpoint", {**endpoint, "EndpointName": "?"})) == [("EndpointName", "value-pattern")]


def test_a_name_that_is_made_unique_is_judged_as_it_is_sent() -> None:
    variants = {"ProductionVariants": [{"VariantName": "v", "ModelName": "m"}]}
    for name, codes in (("a" * 70, []), (f"{'a' * 49}-b", []), ("a_b", ["value-pattern"]), ("-", ["value-pattern"])):
        judged = told(step("C", "EndpointConfig", {**variants, "EndpointConfigName": name}))
        assert judged == [("EndpointConfigName", code) for code in codes], name


def test_null_is_left_out() -> None:
    assert found(training(NoSuchMember=None)) == ()


def test_names_that_aws_adds_all_the_time_are_only_warned_of() -> None:
    planned = read(training(ResourceConfig={**RESOURCES, "InstanceType": "ml.m5.lrage"}), values=ValueSeverities())
    [finding] = planned.pipeline.warnings
    assert finding.code == "value-new-name"
    assert finding.suggestion == "ml.m5.large"


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"ResourceConfig": {**RESOURCES, "InstanceCount": get("Parameters.Count")}}, []),
        ({"ResourceConfig": {**RESOURCES, "InstanceCount": get("Parameters.Text")}}, ["value-type"]),
        ({"ResourceConfig": {**RESOURCES, "InstanceCount": get("Parameters.Share")}}, ["value-type"]),
        ({"ResourceConfig": get("Parameters.Text")}, ["value-type"]),
        ({"InputDataConfig": join("a", "b")}, ["value-type"]),
        ({"EnableNetworkIsolation": get("Parameters.Flag")}, []),
        ({"EnableNetworkIsolation": get("Execution.PipelineName")}, ["value-type"]),
        ({"RoleArn": get("Steps.Other.ModelArtifacts.S3ModelArtifacts")}, []),
        ({"RoleArn": get("Steps.Other.ModelArtifacts")}, ["value-type"]),
        ({"VpcConfig": get("Steps.Other.VpcConfig")}, []),
        ({"VpcConfig": get("Steps.Other.TrainingJobName")}, ["value-type"]),
        ({"RoleArn": get("Steps.Fun.OutputParameters['role']")}, []),
        ({"EnableNetworkIsolation": get("Steps.Fun.OutputParameters['role']")}, ["value-type"]),
    ],
)
def test_an_expression_is_judged_by_the_type_of_its_value(changes: dict[str, Any], codes: list[str]) -> None:
    outputs = [{"OutputName": "role", "OutputType": "String"}]
    others = [training("Other"), step("Fun", "Lambda", FunctionArn="f", OutputParameters=outputs)]
    assert [finding.code for finding in found(training(**changes), *others)] == codes


def test_a_number_for_a_text_is_sent_as_its_text_and_that_is_said_once() -> None:
    environment = {"A": get("Parameters.Count"), "B": get("Parameters.Flag"), "C": get("Parameters.Text")}
    planned = read(training(Environment=environment, HyperParameters={"n": get("Parameters.Share")}))
    [finding] = planned.pipeline.warnings
    assert finding.code == "value-sent-as-text"
    assert "2 more" in finding.message
    [train] = planned.graph.steps
    assert train.arguments["Environment"] == {
        "A": Join("", (ParameterReference("Count"),)),
        "B": Join("", (ParameterReference("Flag"),)),
        "C": ParameterReference("Text"),
    }
    assert planned.pipeline.steps[0].arguments == train.arguments


def test_two_steps_of_one_name_are_told_whatever_they_send_as_texts() -> None:
    texts = training(HyperParameters={"epochs": get("Parameters.Count")})
    with pytest.raises(DefinitionError) as caught:
        read(texts, {**training(), "Arguments": {}})
    assert "duplicate-step" in {finding.code for finding in caught.value.findings}


def test_what_a_file_gives_for_a_text_may_be_a_number() -> None:
    file = {"Std:JsonGet": {"S3Uri": "s3://b/f.json", "Path": "a"}}
    planned = read(condition(yes=(training(Environment={"A": file}),)))
    assert planned.pipeline.warnings == ()
    environment = planned.graph.steps[1].arguments["Environment"]
    assert isinstance(environment, dict)
    assert isinstance(environment["A"], Join)


def test_a_default_is_warned_of_for_a_run_may_give_another_value() -> None:
    value = document(training(RoleArn=get("Parameters.Role")), Parameters=[parameter("Role", DefaultValue="role")])
    [finding] = plan(value).pipeline.warnings
    assert (finding.code, finding.severity) == ("value-length", Severity.WARNING)
    assert finding.message.startswith("the default of Parameters.Role: ")
    assert plan(value, given={"Role": ROLE}).pipeline.warnings == ()


def test_the_body_of_a_loop_and_the_steps_of_branches_are_judged() -> None:
    loop = for_each(body=(training("B", RoleArn="r"),))
    branch = condition(yes=(training("Y", RoleArn="r"),))
    assert [code for _, code in told(loop, branch)] == ["value-length"] * 2


def test_what_a_loop_gives_is_judged_by_its_type() -> None:
    selector = {"Pick": "MaxBy", "Field": get("IterationOutput.B.TrainingTimeInSeconds")}
    loop = for_each(body=(training("B"), training("C")), Selector=selector)

    def given(path: str) -> tuple[list[str], list[str]]:
        """The findings where a text is wanted, and where a number is."""
        text = training("T", RoleArn=get(f"Steps.Loop.{path}"))
        number = training("N", StoppingCondition={"MaxRuntimeInSeconds": get(f"Steps.Loop.{path}")})
        found = [told(loop, one) for one in (text, number)]
        return [code for _, code in found[0]], [code for _, code in found[1]]

    assert given("InputItemCount") == (["value-sent-as-text"], [])
    assert given("Status") == ([], ["value-type"])
    assert given("Selected.TrainingJobName") == ([], ["value-type"])
    assert given("Selected.TrainingTimeInSeconds") == (["value-sent-as-text"], [])
    assert given("IterationOutputs[3].C.TrainingJobName") == ([], ["value-type"])


@pytest.mark.parametrize(
    ("kind", "arguments", "place"),
    [
        ("EMR", {"ClusterId": "j-1", "StepConfig": {"HadoopJarStep": {"Jar": 1}}}, "StepConfig.HadoopJarStep.Jar"),
        ("EMR", {"ClusterConfig": {"Instances": {"Groups": []}}}, "ClusterConfig.Instances.Groups"),
        ("EMRServerless", {"JobConfig": {"jobDriver": {"sparkSubmit": 1}}}, "JobConfig.jobDriver.sparkSubmit"),
        ("Lineage", {"Actions": [{"ActionName": 1}]}, "Actions[0].ActionName"),
        ("BedrockCustomModel", {"ModelName": 1}, "ModelName"),
        ("QualityCheck", {"AppSpecification": "x"}, "AppSpecification"),
    ],
)
def test_every_type_with_a_request_is_judged(kind: str, arguments: dict[str, Any], place: str) -> None:
    extra = {"CheckType": "DATA_QUALITY"} if kind == "QualityCheck" else {}
    assert place in dict(told(step("S", kind, arguments, **extra)))


def test_both_apis_of_automl() -> None:
    new = {"AutoMLJobInputDataConfig": [{"ChannelType": "training"}], "AutoMLJobConfig": {}}
    assert ("AutoMLJobConfig", "value-unknown-member") in told(step("A", "AutoML", new))
    old = {"InputDataConfig": [{"TargetAttributeNam": "y"}]}
    assert ("InputDataConfig[0].TargetAttributeNam", "value-unknown-member") in told(step("A", "AutoML", old))


def test_severities_by_code() -> None:
    severities = severities_of("warn, value-enum=error")
    assert severities.of("value-enum") is Severity.ERROR
    assert severities.of("value-type") is Severity.WARNING
    for wrong in ("off", "value-nothing=warn", "value-enum=no"):
        with pytest.raises(ValueError, match=r"neither error nor warn|no code"):
            severities_of(wrong)


def test_the_installed_botocore_has_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    known = api_model()
    shapes = {service: dict(each) for service, each in known.services.items()}
    request = shapes["sagemaker"]["CreateTrainingJobRequest"]
    members = {name: shape for name, shape in request.members.items() if name != "EnableNetworkIsolation"}
    shapes["sagemaker"]["CreateTrainingJobRequest"] = replace(request, members=members)
    older = replace(known, botocore="1.0", services=shapes)
    monkeypatch.setattr(check_values, "api_model", lambda: older)
    assert told(training(EnableNetworkIsolation=True)) == []
    [finding] = found(training(EnableNetworkIsolatio=True))
    assert f"botocore {INSTALLED}" in finding.message


CASES = Path(__file__).parents[1] / "cases"


@pytest.mark.parametrize(("case", "count"), [("01", 2), ("02", 1), ("139", 1), ("141", 3)])
def test_reported_inputs_are_refused_at_load(case: str, count: int) -> None:
    [file] = CASES.glob(f"{case}-*.json")
    with pytest.raises(DefinitionError) as raised:
        plan(json.loads(file.read_text()))
    assert len(raised.value.findings) == count


def test_a_secret_is_not_quoted_in_part_either() -> None:
    secret = "abcdefghij" * 60
    [finding] = found(training(Environment={"DB_PASSWORD": secret}))
    assert finding.code == "value-length"
    assert "abcdefghij" not in finding.message
