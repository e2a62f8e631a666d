"""The documents that hold a definition: what is read of each, and what is told where it cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.definition import DefinitionError, Finding, Severity, read_definition
from airflow_sm_pipelines.definition.cloudformation import excerpts_of
from tests.definition.build import document, get, only, step

BODY = document(step())
READ = read_definition(BODY)
AROUND = {
    "PipelineName": "Abalone",
    "PipelineDisplayName": "Abalone age",
    "PipelineDescription": "what it does",
    "RoleArn": "arn:aws:iam::111122223333:role/r",
    "ParallelismConfiguration": {"MaxParallelExecutionSteps": 4},
}


def resource(body: Any = None, **properties: Any) -> dict[str, Any]:
    told = {"PipelineDefinition": {"PipelineDefinitionBody": json.dumps(BODY) if body is None else body}, **properties}
    return {"Type": "AWS::SageMaker::Pipeline", "Properties": told}


def template(**resources: Any) -> dict[str, Any]:
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}, **resources}}


def findings(source: Any) -> list[Finding]:
    try:
        return list(read_definition(source).warnings)
    except DefinitionError as error:
        return list(error.findings)


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize(
    "document_of",
    [
        lambda body: {**AROUND, "PipelineDefinition": body, "ClientRequestToken": "t" * 32, "Tags": []},
        lambda body: {**AROUND, "PipelineDefinition": {"PipelineDefinitionBody": body}},
        lambda body: resource(body, **AROUND),
        lambda body: template(Train=resource(body, **AROUND)),
    ],
)
def test_what_stands_around_a_definition_is_read(document_of: Any, as_text: bool) -> None:
    whole = document_of(json.dumps(BODY) if as_text else BODY)
    for source in (whole, json.dumps(whole, indent=1)):
        read = read_definition(source)
        assert (read.steps, read.digest, read.warnings) == (READ.steps, READ.digest, ())
        assert (read.name, read.display_name, read.description) == ("Abalone", "Abalone age", "what it does")
        assert (read.role_arn, read.max_parallel_steps) == ("arn:aws:iam::111122223333:role/r", 4)


def test_the_text_that_query_prints() -> None:
    text = json.dumps(json.dumps(BODY, indent=1))
    read = read_definition(text)
    assert (read.steps, read.digest, read.name) == (READ.steps, READ.digest, None)
    assert read_definition(text.encode()).digest == READ.digest
    broken = json.dumps(json.dumps(document(step(arguments={"a": get("Parameters.é")})), indent=1))
    [finding] = findings(broken)
    assert finding.path == "$.Steps[0].Arguments.a"
    assert broken[(finding.column or 0) - 1 :].startswith('{\\n     \\"Get\\"')
    syntax = only(json.dumps('{"Steps": [}'))
    assert (syntax.path, syntax.line, syntax.column) == ("$", 1, 15)
    assert "must be a JSON object, found an array" in only(json.dumps("[]")).message
    assert "must be a JSON object, found the text 'x'" in only('"x"').message


def test_a_template_is_split_into_its_pipelines() -> None:
    whole = template(A=resource(), B={"Type": "AWS::SNS::Topic"}, C=resource(PipelineName="Named", DependsOn="A"))
    text = json.dumps(whole, indent=2, ensure_ascii=False)
    first, second = excerpts_of(text)
    assert [json.loads(each.text) for each in (first, second)] == [whole["Resources"]["A"], whole["Resources"]["C"]]
    for excerpt in (first, second):
        line = text.splitlines()[excerpt.line - 1]
        assert line[excerpt.column - 1 :] == "{"
        assert f'"{excerpt.logical_id}": ' in line
    a, c = read_definition(first), read_definition(second)
    assert (a.name, a.logical_id, a.wrapper) == (None, "A", "$.Resources.A.Properties")
    assert (c.name, c.logical_id, c.steps) == ("Named", "C", READ.steps)
    finding = only(text)
    assert finding.code == "several-pipelines"
    assert "A, C" in finding.message


def test_findings_of_an_excerpt_have_their_place_in_the_template() -> None:
    bad = document(step(arguments={"a": get("Parameters.b")}))
    whole = template(
        A=resource(), Bad=resource(bad, PipelineName=3, RoleArn={"Fn::GetAtt": ["R", "Arn"]}), Worse=resource("{")
    )
    for indent in (None, 1):
        text = json.dumps(whole, indent=indent)
        _, broken, worse = excerpts_of(text)
        told = {finding.path: finding for finding in findings(broken)}
        assert set(told) == {
            "$.Resources.Bad.Properties.PipelineName",
            "$.Resources.Bad.Properties.RoleArn",
            "$.Steps[0].Arguments.a",
        }
        shown = {path: rest(text, finding) for path, finding in told.items()}
        assert shown["$.Resources.Bad.Properties.PipelineName"].startswith("3")
        assert json.JSONDecoder().raw_decode(shown["$.Steps[0].Arguments.a"])[0] == get("Parameters.b")
        assert json.JSONDecoder().raw_decode(shown["$.Resources.Bad.Properties.RoleArn"])[0] == {
            "Fn::GetAtt": ["R", "Arn"]
        }
        [syntax] = findings(worse)
        assert syntax.path == "$.Resources.Worse.Properties.PipelineDefinition.PipelineDefinitionBody"
        assert rest(text, syntax).startswith('"')


def rest(text: str, finding: Finding) -> str:
    assert finding.line is not None
    assert finding.column is not None
    return "\n".join(text.split("\n")[finding.line - 1 :])[finding.column - 1 :]


@pytest.mark.parametrize(
    ("properties", "path", "severity"),
    [
        ({"PipelineName": {"Ref": "Name"}}, "PipelineName", Severity.ERROR),
        ({"RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}}, "RoleArn", Severity.WARNING),
        ({"PipelineDescription": {"Fn::Sub": "${A}"}}, "PipelineDescription", Severity.WARNING),
        ({"ParallelismConfiguration": {"Fn::If": ["A", {}, {}]}}, "ParallelismConfiguration", Severity.ERROR),
        (
            {"ParallelismConfiguration": {"MaxParallelExecutionSteps": {"Ref": "N"}}},
            "ParallelismConfiguration.MaxParallelExecutionSteps",
            Severity.ERROR,
        ),
        ({"PipelineDefinition": {"Fn::Transform": {"Name": "AWS::Include"}}}, "PipelineDefinition", Severity.ERROR),
        (
            {"PipelineDefinition": {"PipelineDefinitionBody": {"Fn::Sub": "{}"}}},
            "PipelineDefinition.PipelineDefinitionBody",
            Severity.ERROR,
        ),
        (
            {"PipelineDefinition": {"PipelineDefinitionBody": document(step(arguments={"a": [{"Ref": "B"}]}))}},
            "PipelineDefinition.PipelineDefinitionBody.Steps[0].Arguments.a[0]",
            Severity.ERROR,
        ),
        (
            {"PipelineDefinition": {"PipelineDefinitionS3Location": {"Bucket": {"Ref": "B"}, "Key": "k"}}},
            "PipelineDefinition.PipelineDefinitionS3Location.Bucket",
            Severity.ERROR,
        ),
    ],
)
def test_a_function_of_cloudformation_is_a_finding_at_its_place(
    properties: dict[str, Any], path: str, severity: Severity
) -> None:
    for source, around in (
        (template(P=resource(**properties)), "$.Resources.P.Properties."),
        (resource(**properties)["Properties"], "$."),
    ):
        [finding] = findings(source)
        assert (finding.path, finding.code) == (around + path, "cloudformation-function")
        assert finding.severity is severity
        assert "is a CloudFormation function" in finding.message
        assert findings(json.dumps(source))[0].path == finding.path


def test_functions_are_told_all_at_once_and_no_value_is_no_function() -> None:
    steps = [step("A", arguments={"a": {"Ref": "X"}, "b": {"Fn::Sub": "y"}, "c": {"Ref": "AWS::NoValue"}})]
    found = findings(template(P=resource(document(*steps), PipelineName={"Fn::Sub": "n"})))
    assert len(found) == 3
    nothing = {"Ref": "AWS::NoValue"}
    body = document(step(arguments={"a": 1, "b": nothing, "c": [nothing, 2]}))
    read = read_definition(template(P=resource(body, PipelineName="N", RoleArn=nothing)))
    assert (read.role_arn, read.warnings, read.steps[0].arguments) == (None, (), {"a": 1, "c": (2,)})


def test_in_a_text_and_outside_of_cloudformation_a_ref_is_a_member_like_any_other() -> None:
    body = document(step(arguments={"a": {"Ref": "X"}}))
    for source in (body, resource(json.dumps(body)), {"PipelineDefinition": body}):
        assert read_definition(source).steps[0].arguments == {"a": {"Ref": "X"}}


def test_resources_that_a_loop_makes_are_a_finding() -> None:
    loop = ["Name", ["A", "B"], {"P${Name}": resource()}]
    text = json.dumps(template(**{"Fn::ForEach::Pipelines": loop}))
    [excerpt] = excerpts_of(text)
    for source in (excerpt, text):
        [finding] = findings(source)
        assert finding.path == "$.Resources['Fn::ForEach::Pipelines']"
        assert finding.code == "cloudformation-function"


@pytest.mark.parametrize(
    ("source", "path", "part"),
    [
        (
            {
                "PipelineName": "P",
                "PipelineDefinitionS3Location": {"Bucket": "b", "ObjectKey": "k/p.json", "VersionId": "v1"},
            },
            "$.PipelineDefinitionS3Location",
            "fetch s3://b/k/p.json in its version v1 (aws s3api get-object --bucket b --key k/p.json --version-id v1",
        ),
        (
            {"PipelineDefinition": "", "PipelineDefinitionS3Location": {"Bucket": "b", "ObjectKey": "k"}},
            "$.PipelineDefinitionS3Location",
            "fetch s3://b/k (aws s3 cp s3://b/k FILE)",
        ),
        (
            template(
                P={
                    "Type": "AWS::SageMaker::Pipeline",
                    "Properties": {"PipelineDefinition": {"PipelineDefinitionS3Location": {"Bucket": "b", "Key": "k"}}},
                }
            ),
            "$.Resources.P.Properties.PipelineDefinition.PipelineDefinitionS3Location",
            "fetch s3://b/k (aws s3 cp s3://b/k FILE)",
        ),
        ({"PipelineDefinition": "file://p.json"}, "$.PipelineDefinition", "followed by the AWS command line alone"),
        (
            template(P={"Type": "AWS::SageMaker::Pipeline"}),
            "$.Resources.P",
            "expected the Properties of a pipeline, found null",
        ),
        (
            template(P={"Type": "AWS::SageMaker::Pipeline", "Properties": {"pipelineDefinition": {}}}),
            "$.Resources.P.Properties",
            "the key 'PipelineDefinition' is missing",
        ),
        ({"PipelineDefinition": {"pipelineDefinitionBody": "{}"}}, "$", "'Steps' is missing"),
    ],
)
def test_a_document_without_a_definition_says_what_is_wanted(source: dict[str, Any], path: str, part: str) -> None:
    [finding] = findings(source)
    assert (finding.path, finding.severity) == (path, Severity.ERROR)
    assert part in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"Resources": 3}',
        json.dumps(template()),
        json.dumps(template(P=resource()))[:-1],
        '{"Resources": {"P": {"Type": "AWS::SageMaker::Pipeline"} "Q": 1}}',
        '{"Resources": {3: {"Type": "AWS::SageMaker::Pipeline"}}}',
        '{"Steps": [], "Resources": {"P": {"Type": "AWS::SageMaker::Pipeline"}}}',
        '{"Description": "AWS::SageMaker::Pipeline", "Resources": {}}',
        '{"Resources": {"P": {"Type": "AWS::SageMaker::Pipeline", "x": ' + "[" * 100_000,
    ],
)
def test_what_is_no_template_with_pipelines_gives_none(text: str) -> None:
    assert excerpts_of(text) == ()


CASES = Path(__file__).parents[1] / "cases"


def test_the_reported_input_of_query_is_read() -> None:
    assert [each.name for each in read_definition(CASES / "80-describe-query-string.json").steps] == ["Train"]
