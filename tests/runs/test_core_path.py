"""The core path: what reaches AWS, what XCom and the UI show, and which steps run."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.runs.harness import BUCKET, IMAGE, ROLE, Airflow, condition, equals, get, pipeline, processing, training


@pytest.fixture(params=[True, False], ids=["deferrable", "synchronous"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_a_request_is_the_arguments_resolved_and_a_name(airflow: Airflow, deferrable: bool) -> None:
    step = training(
        "Train_it",
        Arguments={
            "HyperParameters": {
                "secret": "{{ conn.aws_default.password }}",
                "raw": "{% raw %}",
                "rate": {"Std:Join": {"On": "", "Values": [get("Parameters.Rate")]}},
                "run": get("Execution.PipelineExecutionId"),
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": get("Parameters.Longest")},
            "EnableNetworkIsolation": get("Parameters.Isolated"),
            "CheckpointConfig": None,
        },
    )
    run = airflow.run(
        pipeline(
            step,
            Parameters=[
                {"Name": "Rate", "Type": "Float", "DefaultValue": 0.1},
                {"Name": "Longest", "Type": "Integer", "DefaultValue": 60},
                {"Name": "Isolated", "Type": "Boolean", "DefaultValue": True},
            ],
        ),
        deferrable=deferrable,
    )
    assert (run.state, run.states) == ("success", {"Train_it": "success"})
    [request] = airflow.created("CreateTrainingJob")
    name = request.pop("TrainingJobName")
    execution = request["HyperParameters"]["run"]
    assert re.fullmatch(rf"pipelines-{execution}-Train-it-[a-z0-9]{{10}}", name)
    assert re.fullmatch("[a-z0-9]{12}", execution)
    assert request == {
        **training("x")["Arguments"],
        "HyperParameters": {
            "secret": "{{ conn.aws_default.password }}",
            "raw": "{% raw %}",
            "rate": "0.1",
            "run": execution,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "EnableNetworkIsolation": True,
    }
    shown = run.rendered("Train_it")["request"]
    assert shown["TrainingJobName"] == name
    assert shown["StoppingCondition"] == {"MaxRuntimeInSeconds": 60}


def test_the_result_is_the_describe_response_with_iso_times(airflow: Airflow, deferrable: bool) -> None:
    run = airflow.run(pipeline(training("Train")), deferrable=deferrable)
    result = run.xcom("Train")
    assert result["TrainingJobStatus"] == "Completed"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", result["TrainingStartTime"])
    assert "ResponseMetadata" not in result
    assert result["ModelArtifacts"]["S3ModelArtifacts"].startswith(f"s3://{BUCKET}/out/pipelines-")
    job = run.xcom("Train", "sagemaker")
    assert (job["job_name"], job["job_arn"], job["attempt"]) == (
        result["TrainingJobName"],
        result["TrainingJobArn"],
        1,
    )


def test_a_secret_is_masked_in_xcom_and_still_read_by_a_reference(airflow: Airflow) -> None:
    first = training("First", Arguments={"HyperParameters": {"api_key": "very-secret-value", "depth": "3"}})
    second = training(
        "Second",
        Arguments={"HyperParameters": {"copy": get("Steps.First.HyperParameters['api_key']")}},
    )
    run = airflow.run(pipeline(first, second))
    assert run.state == "success"
    assert run.xcom("First")["HyperParameters"] == {"api_key": "***", "depth": "3"}
    assert run.rendered("First")["request"]["HyperParameters"]["api_key"] == "***"
    assert [request["HyperParameters"] for request in airflow.created("CreateTrainingJob")] == [
        {"api_key": "very-secret-value", "depth": "3"},
        {"copy": "very-secret-value"},
    ]


def test_a_long_request_is_shown_as_a_summary_and_sent_whole(airflow: Airflow) -> None:
    environment = {f"VARIABLE_{number:03d}": "x" * 400 for number in range(40)}
    run = airflow.run(pipeline(training("Train", Arguments={"Environment": environment})))
    shown = run.rendered("Train")["request"]
    assert isinstance(shown, dict)
    assert shown["RoleArn"] == ROLE
    assert len(str(shown)) <= 4096
    [request] = airflow.created("CreateTrainingJob")
    assert request["Environment"] == environment


def branching(outcome: bool) -> dict[str, Any]:
    """Branches with a nested condition, an else-step that needs an if-step, and steps outside that need both."""
    compare = [equals(get("Parameters.Flag"), True)]
    inner = condition("Inner", [equals(1, 1)], [training("InnerIf")], [training("InnerElse")])
    return pipeline(
        training("Before"),
        condition(
            "Choose",
            compare,
            [training("If"), inner, training("IfSecond", DependsOn=["If"])],
            [training("Else"), training("ElseNeedsIf", DependsOn=["If"])],
            DependsOn=["Before"],
        ),
        training("NeedsOutcome", Arguments={"EnableNetworkIsolation": get("Steps.Choose.Outcome")}),
        training("NeedsIf", DependsOn=["If"]),
        training("NeedsBoth", DependsOn=["If", "Else"]),
        training("Beside"),
        Parameters=[{"Name": "Flag", "Type": "Boolean", "DefaultValue": outcome}],
    )


@pytest.mark.parametrize(
    ("outcome", "skipped"),
    [
        (True, {"Else", "ElseNeedsIf", "InnerElse", "NeedsBoth"}),
        (False, {"If", "IfSecond", "Inner", "InnerIf", "InnerElse", "NeedsIf", "NeedsBoth", "ElseNeedsIf"}),
    ],
)
def test_an_untaken_branch_and_what_needs_it_is_skipped_and_nothing_else(
    airflow: Airflow, outcome: bool, skipped: set[str]
) -> None:
    run = airflow.run(branching(outcome))
    assert {step for step, state in run.states.items() if state == "skipped"} == skipped
    assert {state for step, state in run.states.items() if step not in skipped} == {"success"}
    assert run.state == "success"
    assert run.xcom("Choose") == {"Outcome": outcome}
    names = [request["TrainingJobName"].split("-")[2] for request in airflow.created("CreateTrainingJob")]
    assert sorted(names) == sorted(set(run.states) - skipped - {"Choose", "Inner"})


def test_a_condition_reads_a_property_file_and_a_fail_step_fails_the_run(airflow: Airflow) -> None:
    airflow.endpoint.reset({"jobs": [{"kind": "processing", "outputs": {"out": {"report.json": {"mse": 9.5}}}}]})
    mse = {"Std:JsonGet": {"PropertyFile": get("Steps.Evaluate.PropertyFiles.Report"), "Path": "mse"}}
    fail = {
        "Name": "Reject",
        "Type": "Fail",
        "Arguments": {"ErrorMessage": {"Std:Join": {"On": " ", "Values": ["The error is", mse]}}},
    }
    run = airflow.run(
        pipeline(
            processing("Evaluate"),
            condition(
                "Check", [{"Type": "LessThan", "LeftValue": mse, "RightValue": 6.0}], [training("Train")], [fail]
            ),
        )
    )
    assert run.states == {"Evaluate": "success", "Check": "success", "Train": "skipped", "Reject": "failed"}
    assert run.state == "failed"
    assert run.rendered("Check")["request"] == {
        "Conditions": [{"Type": "LessThan", "LeftValue": 9.5, "RightValue": 6.0}],
        "Outcome": False,
    }
    assert run.rendered("Reject")["request"] == {"ErrorMessage": "The error is 9.5"}
    assert run.xcom("Reject") is None


def test_a_failed_job_fails_the_step_and_what_needs_it_but_not_the_rest(airflow: Airflow, deferrable: bool) -> None:
    reason = "AlgorithmError: , exit code: 1"
    airflow.endpoint.reset(
        {"jobs": [{"kind": "training", "name": "*-Bad-*", "outcome": "Failed", "failure_reason": reason}]}
    )
    run = airflow.run(
        pipeline(training("Bad"), training("After", DependsOn=["Bad"]), training("Beside")), deferrable=deferrable
    )
    assert run.states == {"Bad": "failed", "After": "upstream_failed", "Beside": "success"}
    assert len(airflow.created("CreateTrainingJob")) == 2


def test_a_stopped_job_is_a_failure(airflow: Airflow, deferrable: bool) -> None:
    airflow.endpoint.reset({"jobs": [{"kind": "processing", "outcome": "Stopped"}]})
    run = airflow.run(pipeline(processing("Process")), deferrable=deferrable)
    assert run.states == {"Process": "failed"}


def test_a_refused_request_fails_the_step_before_any_job(airflow: Airflow) -> None:
    run = airflow.run(pipeline(training("Train", Arguments={"RoleArn": "no-role"})), values="warn")
    assert run.states == {"Train": "failed"}
    assert airflow.created("CreateTrainingJob") == []


def test_the_pipelines_role_fills_a_missing_one(airflow: Airflow) -> None:
    step = training("Train")
    del step["Arguments"]["RoleArn"]
    wrapper = {"PipelineName": "Wrapped", "RoleArn": ROLE, "PipelineDefinition": json.dumps(pipeline(step))}
    run = airflow.run(wrapper, dag_id="Wrapped")
    assert run.state == "success"
    [request] = airflow.created("CreateTrainingJob")
    assert request["RoleArn"] == ROLE


def test_an_unsupported_step_fails_when_it_is_reached_and_the_rest_runs(
    airflow: Airflow, capfd: pytest.CaptureFixture[str]
) -> None:
    unsupported = {"Name": "Query", "Type": "Athena", "Arguments": {"x": 1}}
    run = airflow.run(
        pipeline(training("Train"), unsupported, training("After", DependsOn=["Query"])),
        unsupported_steps="placeholder",
    )
    assert run.states == {"Train": "success", "Query": "failed", "After": "upstream_failed"}
    told = "Step 'Query' failed: nothing is known of the step type 'Athena' but its name; to run it, register"
    register = "airflow_sm_pipelines.register_step_type(StepType(name='Athena', operator=...))"
    assert f"{told} an operator of your own: {register}" in "".join(capfd.readouterr())


def test_a_model_and_a_package_in_a_new_group(airflow: Airflow, deferrable: bool) -> None:
    container = {"Image": IMAGE, "ModelDataUrl": get("Steps.Train.ModelArtifacts.S3ModelArtifacts")}
    model = {
        "Name": "Create",
        "Type": "Model",
        "Arguments": {"ExecutionRoleArn": ROLE, "PrimaryContainer": container},
    }
    register = {
        "Name": "Register",
        "Type": "RegisterModel",
        "Arguments": {
            "ModelPackageGroupName": "new-group",
            "InferenceSpecification": {
                "Containers": [container],
                "SupportedContentTypes": ["application/json"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
            "ModelApprovalStatus": "Approved",
        },
    }
    transform = {
        "Name": "Batch",
        "Type": "Transform",
        "Arguments": {
            "TransformJobName": "my-prefix",
            "ModelName": get("Steps.Create.ModelName"),
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/in"}}
            },
            "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/transformed"},
            "TransformResources": {"InstanceCount": 1, "InstanceType": "ml.m5.large"},
        },
    }
    run = airflow.run(pipeline(training("Train"), model, register, transform), deferrable=deferrable)
    assert set(run.states.values()) == {"success"}
    artifacts = run.xcom("Train")["ModelArtifacts"]["S3ModelArtifacts"]
    [created] = airflow.created("CreateModel")
    assert created["PrimaryContainer"] == {"Image": IMAGE, "ModelDataUrl": artifacts}
    [package] = airflow.created("CreateModelPackage")
    assert "ModelPackageName" not in package
    assert run.xcom("Register")["ModelPackageArn"].endswith("model-package/new-group/1")
    assert run.xcom("Register")["ModelApprovalStatus"] == "Approved"
    [batch] = airflow.created("CreateTransformJob")
    assert batch["ModelName"] == created["ModelName"]
    assert re.fullmatch(r"my-prefix-[a-z0-9]{12}-[a-z0-9]{10}", batch["TransformJobName"])


def test_execution_variables(airflow: Airflow) -> None:
    names = [
        "StartDateTime",
        "CurrentDateTime",
        "PipelineName",
        "PipelineArn",
        "PipelineExecutionId",
        "PipelineExecutionArn",
        "TrainingJobName",
    ]
    variables = {name: get(f"Execution.{name}") for name in names}
    process = processing("P", Arguments={"Environment": {"own": get("Execution.ProcessingJobName")}})
    experiment = {"ExperimentName": get("Execution.PipelineName"), "TrialName": "trial"}
    told = {"Std:Join": {"On": "/", "Values": [get("PipelineExperimentConfig.ExperimentName"), "x"]}}
    run = airflow.run(
        pipeline(
            training("A", Arguments={"HyperParameters": {**variables, "experiment": told}}),
            training("B", Arguments={"HyperParameters": variables}, DependsOn=["A"]),
            process,
            PipelineExperimentConfig=experiment,
        ),
        dag_id="My_Pipe.v2",
    )
    assert run.state == "success"
    first, second = (request for request in airflow.created("CreateTrainingJob"))
    values = first["HyperParameters"]
    execution = values["PipelineExecutionId"]
    arn = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/my-pipe-v2"
    assert values["PipelineName"] == "my-pipe-v2"
    assert values["PipelineArn"] == arn
    assert values["PipelineExecutionArn"] == f"{arn}/execution/{execution}"
    assert values["TrainingJobName"] == first["TrainingJobName"]
    assert values["experiment"] == "my-pipe-v2/x"
    for name in ("StartDateTime", "CurrentDateTime"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", values[name])
    again = second["HyperParameters"]
    same = ("StartDateTime", "PipelineExecutionId", "PipelineExecutionArn")
    assert [again[name] for name in same] == [values[name] for name in same]
    assert again["CurrentDateTime"] > values["CurrentDateTime"]
    [processed] = airflow.created("CreateProcessingJob")
    assert processed["Environment"] == {"own": processed["ProcessingJobName"]}


def test_a_missing_region_is_one_error_that_names_where_to_set_it(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    run = airflow.run(pipeline(training("Train")))
    assert run.states == {"Train": "failed"}
    printed = "".join(capfd.readouterr())
    for place in ("region_name of SageMakerPipelineDag", "Airflow connection 'aws_default'", "AWS_DEFAULT_REGION"):
        assert place in printed
    assert airflow.endpoint.requests("sagemaker") == ()


def test_a_job_goes_to_the_region_of_the_argument(airflow: Airflow) -> None:
    run = airflow.run(pipeline(training("Train")), region_name="eu-west-1")
    assert run.xcom("Train")["TrainingJobArn"].startswith("arn:aws:sagemaker:eu-west-1:")


def test_a_value_that_the_form_would_refuse_is_refused_when_the_run_is_made(airflow: Airflow) -> None:
    definition = pipeline(
        training("Train"), Parameters=[{"Name": "Count", "Type": "Integer", "DefaultValue": 1}, {"Name": "Needed"}]
    )
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError, match="Count"):
        airflow.run(definition, {"Count": "many", "Needed": "x"})
    with pytest.raises(ParamValidationError, match="Needed"):
        airflow.run(definition)
    assert airflow.run(definition, {"Needed": ""}).state == "success"
