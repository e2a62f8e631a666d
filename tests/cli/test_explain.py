"""``explain`` and the report behind it: what runs each step, why it waits, and what became of every key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.cli.main import main
from airflow_sm_pipelines.definition.expressions import Join, JsonGet, ParameterReference, PropertyFileReference
from airflow_sm_pipelines.definition.model import RetryPolicy
from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.report import Report, Status, report_of
from airflow_sm_pipelines.report.readable import leaves, readable
from airflow_sm_pipelines.report.retries import retries_of
from airflow_sm_pipelines.step_types import STEP_TYPES
from airflow_sm_pipelines.validation.severities import WARNINGS
from tests.cli.test_lint import write
from tests.corpus import documents, invalid_documents
from tests.definition.build import (
    condition,
    document,
    equals,
    for_each,
    get,
    join,
    parameter,
    processing,
    read_step,
    step,
)

BUCKET = get("Parameters.Bucket")
REPORT = get("Steps.Prepare.PropertyFiles.report")
PIPELINE = document(
    processing("Prepare", arguments={"RoleArn": None, "ProcessingJobName": "mine", "Rolle": "x"}),
    step(
        "Train",
        arguments={
            "RoleArn": "r",
            "OutputDataConfig": {"S3OutputPath": join("s3:/", get("Parameters.Bucket"), "out")},
            "ResourceConfig": {"InstanceCount": get("Parameters.Count")},
        },
        DependsOn=["Prepare"],
        RetryPolicies=[{"ExceptionType": ["SageMaker.CAPACITY_ERROR", "Step.THROTTLING"], "ExpireAfterMin": 9}],
        CacheConfig={"Enabled": True, "ExpireAfter": "P1D"},
        DisplayName="The training",
        Foo=1,
    ),
    condition(
        "Check",
        (
            {"Type": "Not", "Condition": equals({"Std:JsonGet": {"PropertyFile": REPORT, "Path": "a[0]"}})},
            {"Type": "Or", "Conditions": [{"Type": "In", "QueryValue": "x", "Values": ["x", BUCKET]}]},
        ),
        (step("Register", "RegisterModel", {"ModelPackageGroupName": "g"}),),
    ),
    step("Call", "BedrockModelImport", {"x": 1}),
    for_each("Loop", (step("Body"),)),
    Metadata={"owner": "me"},
    Parameters=[
        parameter("Bucket"),
        parameter("Items", DefaultValue="[]"),
        {"Name": "Count", "Type": "Integer", "DefaultValue": 2},
        {"Name": "Untyped"},
    ],
    PipelineExperimentConfig={"ExperimentName": "e"},
)


@pytest.fixture(scope="module")
def report() -> Report:
    response = {
        "PipelineName": "My Pipe",
        "PipelineDefinition": PIPELINE,
        "RoleArn": "arn:role",
        "ParallelismConfiguration": {"MaxParallelExecutionSteps": 3},
    }
    return report_of(plan(response, values=WARNINGS))


def statuses(report: Report) -> dict[str, Status]:
    return {item.path: item.status for item in report.all_items()}


def test_what_became_of_each_key(report: Report) -> None:
    found = statuses(report)
    expected = {
        "$.PipelineName": Status.HANDLED,
        "$.RoleArn": Status.HANDLED,
        "$.ParallelismConfiguration": Status.HANDLED,
        "$.Version": Status.HANDLED,
        "$.Metadata": Status.IGNORED,
        "$.Parameters[0]": Status.HANDLED,
        "$.Parameters[3].Type": Status.DEFAULTED,
        "$.PipelineExperimentConfig": Status.HANDLED,
        "$.Steps[0].Type": Status.HANDLED,
        "$.Steps[0].Arguments": Status.HANDLED,
        "$.Steps[0].Arguments.ProcessingJobName": Status.HANDLED,
        "$.Steps[0].Arguments.RoleArn": Status.IGNORED,
        "$.Steps[0].Arguments.Rolle": Status.HANDLED,
        "$.Steps[0].PropertyFiles[0]": Status.HANDLED,
        "$.Steps[0].RetryPolicies": Status.DEFAULTED,
        "$.Steps[1].Arguments.TrainingJobName": Status.DEFAULTED,
        "$.Steps[1].DependsOn": Status.HANDLED,
        "$.Steps[1].RetryPolicies[0]": Status.HANDLED,
        "$.Steps[1].RetryPolicies": Status.DEFAULTED,
        "$.Steps[1].CacheConfig": Status.HANDLED,
        "$.Steps[1].DisplayName": Status.HANDLED,
        "$.Steps[1].Foo": Status.IGNORED,
        "$.Steps[2].Arguments.IfSteps[0].Arguments.ModelPackageName": Status.DEFAULTED,
        "$.Steps[3].Type": Status.HANDLED,
        "$.Steps[3].Arguments.x": Status.HANDLED,
        "$.Steps[4].Type": Status.HANDLED,
        "$.Steps[4].Arguments.ForEachBody[0].Type": Status.HANDLED,
    }
    assert {path: found.get(path) for path in expected} == expected
    assert "$.Steps[1].Arguments.RoleArn" not in found
    told = list(report.lines(Status.IGNORED))
    assert told[0] == "$.Metadata: ignored: it has no effect on a run"
    assert all(": ignored: " in line for line in told)
    assert len(list(report.lines())) == len(list(report.all_items()))


def test_a_role_that_is_missing_is_the_pipelines(report: Report) -> None:
    [item] = [item for item in report.all_items() if item.path.endswith("ForEachBody[0].Arguments.RoleArn")]
    assert item.text == "the pipeline's, arn:role"
    bare = report_of(plan(PIPELINE, values=WARNINGS))
    [item] = [item for item in bare.all_items() if item.path.endswith("ForEachBody[0].Arguments.RoleArn")]
    assert "role_arn of the Dag" in item.text


def test_the_retries_of_a_step() -> None:
    policies = [
        {"ExceptionType": "Step.THROTTLING", "IntervalSeconds": 3, "BackoffRate": 1.5, "MaxAttempts": 2},
        {"ExceptionType": ["SageMaker.CAPACITY_ERROR"], "ExpireAfterMin": 0, "MaxAttempts": 4},
    ]
    told = [str(retry) for retry in retries_of(read_step(step(RetryPolicies=policies)))]
    at_most = "at most 4 times and for 0 min from the step's start"
    assert told == [
        "Step.THROTTLING: after 3 s, each pause 1.5 times the last, at most 2 times ($.Steps[0].RetryPolicies[0])",
        f"SageMaker.CAPACITY_ERROR: after 1 s, each pause 2 times the last, {at_most} ($.Steps[0].RetryPolicies[1])",
        "Step.SERVICE_FAULT: after 1 s, each pause 2 times the last, at most 5 times (the service's default)",
    ]


def test_a_policy_that_a_type_is_not_retried_by_is_not_shown() -> None:
    policies = [{"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"]}, {"ExceptionType": ["SageMaker.CAPACITY_ERROR"]}]
    retries = retries_of(read_step(step(kind="Tuning", RetryPolicies=policies)), STEP_TYPES["Tuning"])
    assert [(retry.exception_types, retry.path) for retry in retries] == [
        (("SageMaker.CAPACITY_ERROR",), "$.Steps[0].RetryPolicies[1]"),
        (("Step.SERVICE_FAULT", "Step.THROTTLING"), None),
    ]


@pytest.mark.parametrize(
    "policies",
    [
        None,
        [],
        [{"ExceptionType": ["Step.SERVICE_FAULT", "Step.THROTTLING"]}],
        [{"ExceptionType": ["Step.THROTTLING"]}],
    ],
)
def test_the_runtime_retries_as_the_report_says(policies: Any) -> None:
    from airflow_sm_pipelines.jobs import retry
    from airflow_sm_pipelines.jobs import retry_decision as rules

    own = read_step(step(RetryPolicies=policies) if policies is not None else step())
    runtime: tuple[RetryPolicy, ...] = retry.StepRetries.of_step(own.retry_policies, 0).rules.policies
    told = retries_of(own)
    assert [policy.exception_types for policy in runtime] == [told_one.exception_types for told_one in told]
    for one in told:
        assert one.interval == rules.DEFAULT_INTERVAL_SECONDS
        assert one.backoff == rules.DEFAULT_BACKOFF_RATE
        assert one.attempts == rules.DEFAULT_MAX_ATTEMPTS


def test_generated_and_given_names_are_those_of_the_runtime() -> None:
    from airflow_sm_pipelines.expressions.identity import job_name

    told = {}
    for name, known in STEP_TYPES.items():
        if known.kind is not None and known.operator is not None and known.arguments is not None:
            field = known.kind.name_field
            arguments: tuple[Any, ...] = ({}, {field: "mine"})
            settings = (
                {"CheckType": "DATA_BIAS" if name == "ClarifyCheck" else "DATA_QUALITY"} if "Check" in name else {}
            )
            for given in arguments:
                report = report_of(plan(document(step("A", name, given, **settings)), values=WARNINGS))
                path = f"$.Steps[0].Arguments.{field}"
                told[name, bool(given)] = next(item.text for item in report.all_items() if item.path == path)
            expected, _ = job_name("<execution id>", "<step>", "<token>", 0, limit=known.kind.name_limit)
            assert told[name, False] == f"generated: {expected}"
            text = "made unique: <name>-<execution id>" if known.made_unique else "a prefix of the generated name"
            assert told[name, True] == ("the name as it is" if known.user_named else text)
    assert len(told) > 10


def test_values_as_people_read_them() -> None:
    bucket = ParameterReference("Bucket")
    assert readable(Join("/", ("s3:/", bucket, 1, True))) == '"s3://{Parameters.Bucket}/1/true"'
    assert readable(Join("", (Join("-", ("a", bucket)),))) == '"a-{Parameters.Bucket}"'
    assert readable(bucket) == "{Parameters.Bucket}"
    assert readable('5"') == '"5\\""'
    assert readable(("a", bucket, None)) == '["a", {Parameters.Bucket}, null]'
    assert readable({"k": 5}) == '{"k": 5}'
    file = JsonGet(PropertyFileReference("P", "f"), "a.b")
    assert readable(file) == "{a.b of the JSON file Steps.P.PropertyFiles.f}"
    assert readable(JsonGet(Join("/", ("s3:/", bucket)), "x")) == "{x of the JSON file s3://{Parameters.Bucket}}"


def test_leaves_of_a_request() -> None:
    plan_ = plan(PIPELINE, values=WARNINGS)
    assert dict(leaves(plan_.pipeline.steps[1].arguments)).keys() == {
        "RoleArn",
        "OutputDataConfig.S3OutputPath",
        "ResourceConfig.InstanceCount",
    }


@pytest.fixture
def file(tmp_path: Path) -> str:
    write(tmp_path / "my.json", PIPELINE)
    return str(tmp_path / "my.json")


def test_a_step_as_text(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", file, "--step", "Train"]) == 0
    out = capsys.readouterr().out
    for line in (
        "Train [Training] $.Steps[1]",
        "  operator     airflow_sm_pipelines.operators.sagemaker.TrainingStepOperator",
        "  which is a   airflow.providers.amazon.aws.operators.sagemaker.SageMakerTrainingOperator",
        (
            "  calls        sagemaker:CreateTrainingJob, sagemaker:DescribeTrainingJob, sagemaker:StopTrainingJob,"
            " logs:DescribeLogStreams, logs:GetLogEvents"
        ),
        '  request      RoleArn = "r"',
        '               OutputDataConfig.S3OutputPath = "s3://{Parameters.Bucket}/out"',
        "               ResourceConfig.InstanceCount = {Parameters.Count}",
        "  waits for    Prepare: DependsOn at $.Steps[1].DependsOn[0]",
        "  cache        a result up to 1 day old is reused",
        f"               equal must be {', '.join(STEP_TYPES['Training'].cache_key.arguments)}",
        "$.Steps[1].Foo: ignored: unknown key 'Foo' of a Training step, it is ignored",
    ):
        assert line in out.splitlines(), line
    assert "Prepare [" not in out


def test_a_condition_as_text(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", file, "--step", "Check"]) == 0
    out = capsys.readouterr().out
    assert "not ({a[0] of the JSON file Steps.Prepare.PropertyFiles.report} == 1)" in out
    assert '("x" in ["x", {Parameters.Bucket}])' in out
    assert "needed by    Register: it stands in its If branch, $.Steps[2].Arguments.IfSteps[0]" in out


def test_a_whole_document_as_text(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", file]) == 0
    out = capsys.readouterr().out
    assert out.startswith("my: 7 steps in the order in which they could run\n")
    assert "each of      {Parameters.Items}" in out
    assert "body of      Loop, once for each of its items" in out
    assert "  $.Metadata: it has no effect on a run" in out


def test_a_type_that_nothing_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = document(step("Own", "Mine", {"x": 1}))
    planned = plan(own, unsupported_steps="placeholder", values=WARNINGS)
    assert statuses(report_of(planned))["$.Steps[0].Type"] is Status.UNSUPPORTED
    write(tmp_path / "own.json", own)
    assert main(["explain", str(tmp_path / "own.json"), "--unsupported-steps", "placeholder"]) == 0
    told = capsys.readouterr().out
    assert "operator     none: unknown step type 'Mine'; to run it, register an operator of your own: " in told
    assert "register_step_type(StepType(name='Mine', operator=...))" in told


def test_a_document_and_a_step_as_json(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", file, "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert main(["explain", file, "--format", "json", "--step", "Train"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert one == next(step for step in told["steps"] if step["name"] == "Train")
    assert one["waits_for"] == [{"step": "Prepare", "reason": "DependsOn", "path": "$.Steps[1].DependsOn[0]"}]
    assert one["request"]["ResourceConfig"] == {"InstanceCount": {"Get": "Parameters.Count"}}
    assert one["retries"][0] == {
        "exception_types": ["SageMaker.CAPACITY_ERROR", "Step.THROTTLING"],
        "interval_seconds": 1,
        "backoff_rate": 2.0,
        "max_attempts": None,
        "expire_after_minutes": 9,
        "path": "$.Steps[1].RetryPolicies[0]",
    }


def test_a_step_that_is_not_there(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", file, "--step", "Trian"]) == 2
    assert "there is no step 'Trian', did you mean 'Train'?" in capsys.readouterr().err


def test_every_real_document_has_a_report() -> None:
    for name, data in documents().items():
        if name in invalid_documents():
            continue
        planned = plan(data, source=name, values=WARNINGS)
        report = report_of(planned)
        assert [told.step.name for told in report.steps if told.loop is None] == [s.name for s in planned.graph.steps]
        assert len({step.name for step in planned.pipeline.all_steps}) == len(report.steps)
        for told in report.steps:
            named = [item.path for item in told.items if item.path.startswith(f"{told.step.path}.")]
            assert len(named) == len(told.items), name
