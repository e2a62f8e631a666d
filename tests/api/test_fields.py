"""The table of fields in docs/pipelines-api.md, against botocore's model and against what the API answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow_sm_pipelines.api.arns import Arns
from airflow_sm_pipelines.api.operations import OPERATIONS
from airflow_sm_pipelines.api.runs import Task
from airflow_sm_pipelines.api.step_metadata import metadata_of
from airflow_sm_pipelines.definition.model import Step
from airflow_sm_pipelines.definition.parameters import SELECTED_STEPS, SOURCE_RUN
from airflow_sm_pipelines.expressions.end_note import EndNote
from airflow_sm_pipelines.jobs.record import StepRecord
from airflow_sm_pipelines.wire.service_model import output_shape
from tests.api.harness import ROLE, TRAINING, Deployment, definition
from tests.botocores import NOT_OLDER_BOTOCORE

PAGE = Path(__file__).parents[2] / "docs" / "pipelines-api.md"
ROW = re.compile(r"^\| (\w+) \| `([^`]+)` \| (served|constant|absent) \|", re.MULTILINE)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
METADATA = "PipelineExecutionSteps[].Metadata"
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:pipeline/abalone"


def table() -> dict[tuple[str, str], str]:
    return {(operation, field): what for operation, field, what in ROW.findall(PAGE.read_text())}


def fields_of(shape: Any, path: str = "") -> Iterator[str]:
    """The fields of a shape: what has no members of its own."""
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from fields_of(member, f"{path}.{name}" if path else name)
    elif shape.type_name == "list":
        yield from fields_of(shape.member, f"{path}[]")
    else:
        yield path


def seen_in(value: Any, shape: Any, path: str = "") -> Iterator[str]:
    """The fields that a response has, which the model has to know."""
    if shape.type_name == "structure":
        for name, member in value.items():
            yield from seen_in(member, shape.members[name], f"{path}.{name}" if path else name)
    elif shape.type_name == "list":
        for each in value:
            yield from seen_in(each, shape.member, f"{path}[]")
    else:
        yield path


@NOT_OLDER_BOTOCORE
def test_no_field_of_the_model_is_forgotten() -> None:
    known = {
        (operation, field)
        for operation in OPERATIONS
        if (shape := output_shape(operation)) is not None
        for field in fields_of(shape)
    }
    assert table().keys() == known


class Recording:
    """A client whose responses are kept."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.seen: set[tuple[str, str]] = set()

    def call(self, operation: str, **request: Any) -> Any:
        method = re.sub(r"(?<!^)([A-Z])", r"_\1", operation).lower()
        response = getattr(self._client, method)(**request)
        shape = output_shape(operation)
        if shape is not None:
            members = {name: value for name, value in response.items() if name != "ResponseMetadata"}
            self.seen |= {(operation, field) for field in seen_in(members, shape)}
        return response


@NOT_OLDER_BOTOCORE
def test_what_is_served_is_what_the_api_answers(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    recorded = Recording(deployment.client())
    call = recorded.call
    server = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/s"
    text = definition(
        {"Name": "Train", "Type": "Training", "Arguments": TRAINING, "DisplayName": "T", "Description": "d"},
        {
            "Name": "Sweep",
            "Type": "ForEach",
            "Arguments": {
                "IterableItems": ["a"],
                "MaxConcurrency": 1,
                "ForEachBody": [{"Name": "Fit", "Type": "Training", "Arguments": TRAINING}],
            },
        },
        Parameters=[{"Name": name, "Type": "String", "DefaultValue": "x"} for name in "ab"],
        MlflowConfig={"MlflowResourceArn": server, "MlflowExperimentName": "e"},
        PipelineExperimentConfig={"ExperimentName": "e", "TrialName": "t"},
    )
    limit = {"MaxParallelExecutionSteps": 2}
    named = {"PipelineName": "Abalone"}
    told = {"PipelineDescription": "d", "ParallelismConfiguration": limit}
    call("CreatePipeline", **named, **told, PipelineDefinition=text, RoleArn=ROLE)
    call("CreatePipeline", PipelineName="Other", PipelineDefinition=text, RoleArn=ROLE)
    call("UpdatePipeline", **named)
    label = {"PipelineVersionDisplayName": "v", "PipelineVersionDescription": "d"}
    call("UpdatePipelineVersion", PipelineArn=ARN, PipelineVersionId=2, **label)
    call("AddTags", ResourceArn=ARN, Tags=[{"Key": "k", "Value": "v"}])
    call("ListTags", ResourceArn=ARN)
    arn = call("StartPipelineExecution", **named, PipelineExecutionDescription="d")["PipelineExecutionArn"]
    of_run = {"PipelineExecutionArn": arn}
    call("UpdatePipelineExecution", **of_run, ParallelismConfiguration=limit)
    call("DescribePipeline", **named)
    for page in ({"MaxResults": 1}, {}):
        call("ListPipelines", **page)
    call("ListPipelineVersions", **named, MaxResults=1)
    call("StopPipelineExecution", **of_run)
    call("RetryPipelineExecution", **of_run)
    note = EndNote("Failed", "bad", headline="bad")
    run = deployment.runs.only()
    conf = {**run.conf, SELECTED_STEPS: ["Train", "Sweep"], SOURCE_RUN: "manual__0"}
    deployment.runs.put(run, state="failed", notes={"Train": note}, conf=conf)
    deployment.runs.add("Abalone", "manual__2")
    call("DescribePipelineExecution", **of_run)
    call("ListPipelineExecutions", **named, SortOrder="Ascending", MaxResults=1)
    call("ListPipelineParametersForExecution", **of_run, MaxResults=1)
    call("DescribePipelineDefinitionForExecution", **of_run)
    job = {"job_arn": "arn:job", "cache_source": {"run_id": "manual__0"}, "selection_source": "manual__0"}
    done: dict[str, Any] = {"started_at": NOW, "ended_at": NOW}
    deployment.runs.of_run[run.run_id] = [
        Task(
            task_id="Train", state="failed", job=job, note=note, record=StepRecord("t", "d", 1, 0.0, 0.0, None), **done
        ),
        Task(task_id="Sweep.ForEach.items", state="success", result=["a"], **done),
        Task(task_id="Sweep.Fit", map_index=0, state="success", **done),
        Task(task_id="Sweep.ForEach.result", **done),
    ]
    for page in ({"MaxResults": 1}, {}):
        call("ListPipelineExecutionSteps", **of_run, **page)
    token = {"CallbackToken": "0123456789"}
    call("SendPipelineExecutionStepSuccess", **token)
    call("SendPipelineExecutionStepFailure", **token)
    call("DeletePipeline", PipelineName="Other")
    call("DeleteTags", ResourceArn=ARN, TagKeys=["k"])
    steps = output_shape("ListPipelineExecutionSteps").members["PipelineExecutionSteps"].member
    for step, task in results():
        made = metadata_of(step, task, Arns("eu-west-1", "123456789012"))
        assert made is not None, step
        recorded.seen |= {
            ("ListPipelineExecutionSteps", f"{METADATA}.{field}") for field in seen_in(made, steps.members["Metadata"])
        }
    assert recorded.seen == {row for row, what in table().items() if what != "absent"}


JOBS = (
    "Training Processing Transform Tuning AutoML Model RegisterModel EndpointConfig Endpoint InferenceComponent Job"
    " BedrockCustomModel BedrockCustomModelDeployment BedrockModelImport BedrockProvisionedModelThroughput"
)
CHECK = {
    "CheckType": "DATA_QUALITY",
    **{
        f"{which}{what}": "s3://bucket/file"
        for which in ("CalculatedBaseline", "BaselineUsedForDriftCheck")
        for what in ("Statistics", "Constraints")
    },
    "ModelPackageGroupName": "g",
    "ViolationReport": "s3://bucket/file",
    "CheckJobArn": "arn:job",
    "SkipCheck": False,
    "RegisterNewBaseline": True,
}
CLARIFY = {name: value for name, value in CHECK.items() if not name.endswith("Statistics")}
COUNTS = ("InputItemCount", "TotalStepCount", "SucceededStepCount", "FailedStepCount", "StoppedStepCount")


def results() -> Iterator[tuple[Step, Task]]:
    """A step of each type, and a task with the result that such a step leaves."""
    for kind in JOBS.split():
        yield Step("S", kind, None), Task(task_id="S", job={"job_arn": "arn:job"})
    ends = {"SourceArn": "arn:a", "DestinationArn": "arn:b"}
    outputs = {"OutputParameters": {"n": 1}}
    left: dict[str, Any] = {
        "Condition": {"Outcome": True},
        "Lambda": outputs,
        "Callback": outputs,
        "EMR": {"ClusterId": "j-1", "Id": "s-1", "Name": "n"},
        "EMRServerless": {"jobRun": {"applicationId": "a", "jobRunId": "r", "name": "n"}},
        "QualityCheck": CHECK,
        "ClarifyCheck": CLARIFY,
        "Lineage": {
            **{name: {"n": "arn:n"} for name in ("ActionArns", "ArtifactArns", "ContextArns")},
            "Associations": [{**ends, "AssociationType": "ContributedTo"}],
        },
        "Cleanup": {
            "CleanedSteps": ["a"],
            "FailedSteps": ["b"],
            "SkippedSteps": ["c"],
            "Failed": [{"S3Uri": "s3://b/k", "Reason": "AccessDenied"}],
        },
        "ForEach": {"Status": "Succeeded", **dict.fromkeys(COUNTS, 1), "IterationOutputs": []},
    }
    settings = {"Lambda": {"FunctionArn": "arn:f"}, "Callback": {"SqsQueueUrl": "https://q"}}
    for kind, result in left.items():
        yield Step("S", kind, None, settings=settings.get(kind, {})), Task(task_id="S", result=result)
    yield Step("S", "Fail", None), Task(task_id="S", note=EndNote("Failed", "bad"))
