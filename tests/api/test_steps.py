"""The steps of an execution, through boto3's client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.api.retrying import tasks_to_retry
from airflow_sm_pipelines.api.runs import Run, Task
from airflow_sm_pipelines.definition.parameters import SELECTED_STEPS
from airflow_sm_pipelines.expressions.end_note import EndNote
from airflow_sm_pipelines.expressions.identity import execution_id
from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.graph.tasks import OUTCOME
from airflow_sm_pipelines.jobs.record import Phase, StepRecord
from airflow_sm_pipelines.place import Place
from tests.api.harness import REGION, TRAINING, Deployment, definition
from tests.botocores import NOT_OLDER_BOTOCORE

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB = f"arn:aws:sagemaker:{REGION}:123456789012:training-job/job"


def training(name: str, **members: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "Training", "Arguments": TRAINING, **members}


BRANCH = {
    "Name": "Check",
    "Type": "Condition",
    "DependsOn": ["Train"],
    "Arguments": {
        "Conditions": [{"Type": "Equals", "LeftValue": 1, "RightValue": 1}],
        "IfSteps": [training("Deploy")],
        "ElseSteps": [{"Name": "Give-up", "Type": "Fail", "Arguments": {"ErrorMessage": "bad"}}],
    },
}
LOOP = {
    "Name": "Sweep",
    "Type": "ForEach",
    "Arguments": {"IterableItems": ["a", "b"], "MaxConcurrency": 2, "ForEachBody": [training("Fit")]},
}
BRANCHED = definition(training("Train", DisplayName="The training", Description="of snails"), BRANCH)


def task(task_id: str, state: str | None, minute: int = 0, **members: Any) -> Task:
    begun = NOW + timedelta(minutes=minute)
    ended = begun + timedelta(seconds=30) if state in ("success", "failed") else None
    return Task(task_id=task_id, state=state, started_at=begun, ended_at=ended, **members)


class Executed:
    """An execution of a definition, with the tasks that it is given."""

    def __init__(self, root: Path, text: str, *tasks: Task, **run: Any) -> None:
        self.deployment = Deployment(root)
        self.deployment.create(text=text)
        self.run: Run = self.deployment.runs.add("Abalone", "manual__1", **run)
        self.deployment.runs.of_run["manual__1"] = [*tasks]

    @property
    def arn(self) -> str:
        return f"arn:aws:sagemaker:{REGION}:123456789012:pipeline/abalone/execution/{self.run.execution_id}"

    def steps(self, **request: Any) -> list[dict[str, Any]]:
        client = self.deployment.client()
        pages = client.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=self.arn, **request)
        return [step for page in pages for step in page["PipelineExecutionSteps"]]

    def names(self, **request: Any) -> list[str]:
        return [step["StepName"] for step in self.steps(**request)]


def test_a_step_has_its_times_attempts_and_job(tmp_path: Path) -> None:
    record = StepRecord(
        "t", "d", 1, (NOW - timedelta(minutes=9)).timestamp(), 0.0, None, "job", Phase.CLOSED, failures=1
    )
    done = task("Train", "success", job={"job_arn": JOB}, record=record)
    executed = Executed(tmp_path, BRANCHED, done, task("Check", "running", 5), Task(task_id="Deploy"))
    assert executed.steps() == [
        {
            "StepName": "Check",
            "StartTime": NOW + timedelta(minutes=5),
            "StepStatus": "Executing",
            "Metadata": {},
            "AttemptCount": 1,
        },
        {
            "StepName": "Train",
            "StepDisplayName": "The training",
            "StepDescription": "of snails",
            "StartTime": NOW - timedelta(minutes=9),
            "EndTime": NOW + timedelta(seconds=30),
            "StepStatus": "Succeeded",
            "Metadata": {"TrainingJob": {"Arn": JOB}},
            "AttemptCount": 2,
        },
    ]
    assert executed.names(SortOrder="Ascending", PaginationConfig={"PageSize": 1}) == ["Train", "Check"]


def test_a_job_that_runs_has_an_arn(tmp_path: Path) -> None:
    record = StepRecord("t", "d", 1, NOW.timestamp(), 0.0, None, "pipelines-x-Train")
    executed = Executed(tmp_path, BRANCHED, task("Train", "deferred", record=record))
    arn = f"arn:aws:sagemaker:{REGION}:123456789012:training-job/pipelines-x-train"
    assert executed.steps()[0]["Metadata"] == {"TrainingJob": {"Arn": arn}}


def test_a_branch_that_was_not_taken_is_not_there(tmp_path: Path) -> None:
    check = task("Check", "success", 1, result={"Outcome": True})
    executed = Executed(
        tmp_path,
        BRANCHED,
        task("Train", "success"),
        check,
        task("Deploy", "running", 2),
        Task(task_id="Give-up", state="skipped"),
    )
    assert executed.names() == ["Deploy", "Check", "Train"]
    assert executed.steps()[1]["Metadata"] == {"Condition": {"Outcome": "True"}}


def test_a_failure_has_its_reason_and_a_fail_step_its_message(tmp_path: Path) -> None:
    note = EndNote("Failed", "Step 'Train' failed: no capacity" + "x" * 2000)
    message = EndNote("Failed", "bad")
    failed, gave_up = task("Train", "failed", note=note), task("Give-up", "failed", 3, note=message)
    executed = Executed(tmp_path, BRANCHED, failed, gave_up, state="failed")
    last, first = executed.steps()
    assert (first["StepStatus"], first["FailureReason"]) == ("Failed", note.reason[:1024])
    assert (last["Metadata"], last["FailureReason"]) == ({"Fail": {"ErrorMessage": "bad"}}, "bad")


def test_results_of_other_runs_say_of_which(tmp_path: Path) -> None:
    cached = task("Train", "success", job={"job_arn": JOB, "cache_source": {"run_id": "manual__0"}})
    copied = task("Check", "success", 1, job={"selection_source": "manual__0"}, result={"Outcome": True})
    conf = {SELECTED_STEPS: ["Train"]}
    executed = Executed(tmp_path, BRANCHED, cached, copied, task("Deploy", "success", 2), conf=conf)
    last, first = executed.steps()
    source = {
        "SourcePipelineExecutionArn": f"arn:aws:sagemaker:{REGION}:123456789012:pipeline/abalone/execution/"
        + execution_id(Place("Abalone"), "manual__0")
    }
    assert (first["StepName"], first["CacheHitResult"]) == ("Train", source)
    assert (last["StepName"], last["SelectiveExecutionResult"]) == ("Check", source)


@NOT_OLDER_BOTOCORE
def test_the_children_of_a_loop_are_steps_of_their_own(tmp_path: Path) -> None:
    items = task("Sweep.ForEach.items", "success", result=["a", "b"])
    fits = [task("Sweep.Fit", state, 1 + at, map_index=at) for at, state in enumerate(("success", "running"))]
    executed = Executed(tmp_path, definition(LOOP), items, *fits, Task(task_id="Sweep.ForEach.result"))
    assert [(each["StepName"], each["StepStatus"], each.get("IterationContext")) for each in executed.steps()] == [
        ("Fit-1", "Executing", {"ParentStepName": "Sweep", "Index": 1, "Item": "b"}),
        ("Fit-0", "Succeeded", {"ParentStepName": "Sweep", "Index": 0, "Item": "a"}),
        ("Sweep", "Executing", None),
    ]
    counts = {"Status": "Succeeded", "InputItemCount": 2, "TotalStepCount": 2, "SucceededStepCount": 2}
    done = task(
        "Sweep.ForEach.result",
        "success",
        4,
        result={**counts, "FailedStepCount": 0, "StoppedStepCount": 0, "IterationOutputs": []},
    )
    executed.deployment.runs.of_run["manual__1"] = [items, *fits, done]
    loop = executed.steps()[-1]
    assert (loop["StartTime"], loop["StepStatus"]) == (NOW, "Succeeded")
    assert loop["Metadata"] == {"ForEach": {**counts, "FailedStepCount": 0, "StoppedStepCount": 0}}


@NOT_OLDER_BOTOCORE
def test_pages_go_on_where_the_last_step_of_a_page_has_been_cleared(tmp_path: Path) -> None:
    items = task("Sweep.ForEach.items", "success", result=["a", "b"])
    fits = [task("Sweep.Fit", "success", 1, map_index=at) for at in range(2)]
    executed = Executed(tmp_path, definition(LOOP), items, *fits, Task(task_id="Sweep.ForEach.result"))
    assert executed.names(PaginationConfig={"PageSize": 1}) == ["Fit-1", "Fit-0", "Sweep"]
    asked = {"PipelineExecutionArn": executed.arn}
    client = executed.deployment.client()
    token = client.list_pipeline_execution_steps(**asked, MaxResults=1)["NextToken"]
    executed.deployment.runs.of_run["manual__1"].remove(fits[1])
    found = client.list_pipeline_execution_steps(**asked, NextToken=token)["PipelineExecutionSteps"]
    assert [each["StepName"] for each in found] == ["Fit-0", "Sweep"]


LAMBDA = {
    "Name": "Ask",
    "Type": "Lambda",
    "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:f",
    "Arguments": {},
    "OutputParameters": [{"OutputName": "n", "OutputType": "Float"}],
}
CALLBACK = {
    "Name": "Wait",
    "Type": "Callback",
    "SqsQueueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/q",
    "Arguments": {},
    "OutputParameters": [{"OutputName": "ok", "OutputType": "Boolean"}],
}


def test_outputs_are_texts(tmp_path: Path) -> None:
    asked = task("Ask", "success", result={"OutputParameters": {"n": 0.5}})
    waited = task("Wait", "success", 1, result={"OutputParameters": {"ok": True}})
    executed = Executed(tmp_path, definition(LAMBDA, CALLBACK), asked, waited)
    assert [step["Metadata"] for step in executed.steps(SortOrder="Ascending")] == [
        {"Lambda": {"Arn": LAMBDA["FunctionArn"], "OutputParameters": [{"Name": "n", "Value": "0.5"}]}},
        {
            "Callback": {
                "SqsQueueUrl": CALLBACK["SqsQueueUrl"],
                "OutputParameters": [{"Name": "ok", "Value": "true"}],
            }
        },
    ]


@pytest.mark.parametrize(
    ("outcome", "again"),
    [
        (True, ["Check-no", "Deploy", OUTCOME]),
        (False, ["Check-no", "Give-up", OUTCOME]),
        (None, ["Check", "Check-no", "Deploy", "Give-up", OUTCOME]),
    ],
)
def test_a_retry_leaves_the_branch_alone_that_was_not_taken(outcome: bool | None, again: list[str]) -> None:
    graph = plan(BRANCHED).graph
    check = task("Check", "failed" if outcome is None else "success", result={"Outcome": outcome})
    tasks = [
        check,
        Task(task_id="Check-no", state="upstream_failed"),
        Task(task_id="Deploy", state="skipped"),
        Task(task_id="Give-up", state="skipped"),
        task("Train", "success"),
        task(OUTCOME, "success"),
    ]
    assert tasks_to_retry(graph, tasks) == [(name, -1) for name in again]


def test_nothing_is_retried_where_all_has_succeeded() -> None:
    assert tasks_to_retry(plan(BRANCHED).graph, [task("Train", "success"), task(OUTCOME, "success")]) == []
