"""Executions through boto3's client: start, describe, list, change, stop, retry."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.api.runs import Task
from airflow_sm_pipelines.definition.parameters import EXECUTION, SELECTED_STEPS, SOURCE_RUN
from airflow_sm_pipelines.expressions.end_note import EndNote
from tests.api.harness import REGION, TRAINING, Deployment, definition
from tests.api.test_pipelines import refused

TOKEN = "t" * 32
PARAMETERS = [
    {"Name": "Count", "Type": "Integer", "DefaultValue": 1},
    {"Name": "Rate", "Type": "Float"},
    {"Name": "Managed", "Type": "Boolean", "DefaultValue": False},
    {"Name": "Kind", "Type": "String", "EnumValues": ["a", "b"], "DefaultValue": "a"},
    {"Name": "ApiPassword", "Type": "String", "DefaultValue": "hidden"},
]


def train(name: str, *after: str) -> dict[str, Any]:
    return {"Name": name, "Type": "Training", "Arguments": TRAINING, **({"DependsOn": [*after]} if after else {})}


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    made = Deployment(tmp_path)
    made.create(text=definition(train("Prep"), train("Train", "Prep"), Parameters=PARAMETERS))
    return made


def values(**given: str) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in given.items()]


def start(deployment: Deployment, **request: Any) -> str:
    given = {"PipelineName": "Abalone", "PipelineParameters": values(Rate="0.5"), **request}
    return str(deployment.client().start_pipeline_execution(**given)["PipelineExecutionArn"])


def test_a_start_is_a_run_with_typed_values(deployment: Deployment) -> None:
    given = values(Count="3", Rate="1e-3", Managed="true", Kind="b")
    arn = start(
        deployment,
        PipelineParameters=given,
        PipelineExecutionDisplayName="night",
        PipelineExecutionDescription="the usual",
        ParallelismConfiguration={"MaxParallelExecutionSteps": 3},
        PipelineVersionId=1,
    )
    run = deployment.runs.only()
    assert arn == f"arn:aws:sagemaker:{REGION}:123456789012:pipeline/abalone/execution/{run.execution_id}"
    conf = dict(run.conf)
    noted = conf.pop(EXECUTION)
    assert conf == {"Count": 3, "Rate": 0.001, "Managed": True, "Kind": "b"}
    assert noted.pop("Request")
    assert noted == {
        "PipelineExecutionDisplayName": "night",
        "PipelineExecutionDescription": "the usual",
        "PipelineVersionId": 1,
        "MaxParallelExecutionSteps": 3,
    }
    sagemaker = deployment.client()
    found = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert {
        name: found[name] for name in found if name not in ("ResponseMetadata", "CreationTime", "LastModifiedTime")
    } == {
        "PipelineArn": arn.partition("/execution")[0],
        "PipelineExecutionArn": arn,
        "PipelineExecutionDisplayName": "night",
        "PipelineExecutionStatus": "Executing",
        "PipelineExecutionDescription": "the usual",
        "CreatedBy": {"UserProfileName": "anna"},
        "ParallelismConfiguration": {"MaxParallelExecutionSteps": 3},
        "PipelineVersionId": 1,
    }
    shown = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)["PipelineParameters"]
    assert shown == values(Count="3", Rate="0.001", Managed="true", Kind="b", ApiPassword="*****")
    described = sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
    assert described["PipelineDefinition"] == deployment.store.get("abalone").version.definition


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (values(Rate="1", Cuont="3"), "'Cuont' is no parameter of the pipeline. Did you mean 'Count'?"),
        (values(), "'Rate' has no default, and no value is given."),
        (values(Rate="fast"), "'Rate': Parameters.Rate is of type Float, which 'fast' is not."),
        (values(Rate="1", Kind="c"), "'c' is none of its values: a, b"),
        (values(Rate="1") * 2, "'Rate' is given twice."),
    ],
)
def test_values_that_the_pipeline_does_not_take_are_refused(
    deployment: Deployment, given: list[dict[str, str]], told: str
) -> None:
    code, message = refused(
        deployment.client().start_pipeline_execution, PipelineName="Abalone", PipelineParameters=given
    )
    assert code == "ValidationException"
    assert told.replace("'fast'", '"fast"') in message or told in message.replace('"', "'")
    assert deployment.runs.runs == {}


def test_the_same_token_is_the_same_run(deployment: Deployment) -> None:
    first = start(deployment, ClientRequestToken=TOKEN)
    deployment.runs.put(deployment.runs.only(), state="success")
    deployment.client().update_pipeline(PipelineName="Abalone", PipelineDescription="later")
    assert start(deployment, ClientRequestToken=TOKEN) == first
    assert start(deployment, ClientRequestToken=TOKEN, PipelineName=first.partition("/execution")[0]) == first
    assert len(deployment.runs.runs) == 1
    code, _ = refused(
        deployment.client().start_pipeline_execution,
        PipelineName="Abalone",
        PipelineParameters=values(Rate="2"),
        ClientRequestToken=TOKEN,
    )
    assert code == "ConflictException"
    assert start(deployment) != first


def test_a_pipeline_that_is_not_read_yet_is_being_updated(deployment: Deployment) -> None:
    deployment.client().update_pipeline(PipelineName="Abalone", PipelineDescription="new")
    deployment.runs.parsed["Abalone"] = 1
    request = {"PipelineName": "Abalone", "PipelineParameters": values(Rate="1")}
    assert refused(deployment.client().start_pipeline_execution, **request)[0] == "ConflictException"
    assert deployment.audited[-1][1] == "UpdatePipeline"
    deployment.runs.parsed.clear()
    deployment.runs.paused.add("Abalone")
    code, message = refused(deployment.client().start_pipeline_execution, **request)
    assert (code, "is paused in Airflow" in message) == ("ConflictException", True)


def test_a_start_waits_for_the_dag_processor(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, patience=30)
    deployment.create()
    asked: list[int] = []

    def version(dag_id: str, default: int) -> int:
        asked.append(default)
        return 0 if len(asked) < 3 else default

    deployment.runs.parsed = type("Parsed", (), {"get": staticmethod(version)})()
    before = deployment.authenticator.asked
    deployment.client().start_pipeline_execution(PipelineName="Abalone")
    assert (len(asked), deployment.runs.only().state) == (3, "queued")
    # A signature that is good when the request comes may have ended before the last look.
    assert deployment.authenticator.asked == before + 1


def test_only_the_current_version_runs(deployment: Deployment) -> None:
    deployment.client().update_pipeline(PipelineName="Abalone", PipelineDescription="new")
    code, message = refused(
        deployment.client().start_pipeline_execution,
        PipelineName="Abalone",
        PipelineParameters=values(Rate="1"),
        PipelineVersionId=1,
    )
    assert (code, "which is 2" in message) == ("ValidationException", True)


def test_a_selection_is_what_the_conf_of_a_run_calls_it(deployment: Deployment) -> None:
    source = start(deployment)
    run = deployment.runs.only()
    config: dict[str, Any] = {"SelectedSteps": [{"StepName": "Train"}], "SourcePipelineExecutionArn": source}
    request = {"PipelineName": "Abalone", "PipelineParameters": values(Rate="1")}
    call = deployment.client().start_pipeline_execution
    assert refused(call, **request, SelectiveExecutionConfig=config)[0] == "ValidationException"
    deployment.runs.put(run, state="success")
    arn = start(deployment, SelectiveExecutionConfig=config)
    selective = next(each for each in deployment.runs.runs.values() if each.run_id != run.run_id)
    assert (selective.conf[SELECTED_STEPS], selective.conf[SOURCE_RUN]) == (["Train"], run.run_id)
    found = deployment.client().describe_pipeline_execution(PipelineExecutionArn=arn)
    assert found["SelectiveExecutionConfig"] == config
    wrong = {"SelectedSteps": [{"StepName": "Trian"}]}
    assert refused(call, **request, SelectiveExecutionConfig=wrong)[0] == "ValidationException"
    missing = {**config, "SourcePipelineExecutionArn": source[:-3] + "zzz"}
    assert refused(call, **request, SelectiveExecutionConfig=missing)[0] == "ResourceNotFound"


def test_mlflow_is_for_pipelines_that_have_a_server(tmp_path: Path, deployment: Deployment) -> None:
    call = deployment.client().start_pipeline_execution
    request = {"PipelineName": "Abalone", "PipelineParameters": values(Rate="1"), "MlflowExperimentName": "mine"}
    assert refused(call, **request)[0] == "ValidationException"
    server = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/s"
    experiment = {"ExperimentName": {"Get": "Execution.PipelineName"}, "TrialName": "fixed"}
    config = {"MlflowResourceArn": server, "MlflowExperimentName": "theirs"}
    deployment.create("Logged", definition(MlflowConfig=config, PipelineExperimentConfig=experiment))
    arn = call(PipelineName="Logged", MlflowExperimentName="mine")["PipelineExecutionArn"]
    found = deployment.client().describe_pipeline_execution(PipelineExecutionArn=arn)
    assert found["MLflowConfig"] == {"MlflowResourceArn": server, "MlflowExperimentName": "mine"}
    assert found["PipelineExperimentConfig"] == {"ExperimentName": "logged", "TrialName": "fixed"}


def test_a_limit_of_one_run_is_refused_where_pools_are_shared(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, shared_pools=True)
    deployment.create()
    limit = {"MaxParallelExecutionSteps": 2}
    code, message = refused(
        deployment.client().start_pipeline_execution, PipelineName="Abalone", ParallelismConfiguration=limit
    )
    assert (code, "pool_scope" in message) == ("ValidationException", True)


def test_runs_that_others_have_started_are_executions_too(deployment: Deployment) -> None:
    deployment.runs.add("Abalone", "scheduled__2026-01-01", "success", conf={"Rate": 2.0})
    old = deployment.client().list_pipeline_executions(PipelineName="Abalone")["PipelineExecutionSummaries"]
    assert len(old) == 1
    found = deployment.client().describe_pipeline_execution(PipelineExecutionArn=old[0]["PipelineExecutionArn"])
    assert (found["PipelineVersionId"], found["PipelineExecutionStatus"]) == (1, "Succeeded")
    assert found["PipelineExecutionDisplayName"] == f"execution-{int(found['CreationTime'].timestamp() * 1000)}"
    assert "CreatedBy" not in found


def test_a_run_of_somebody_else_is_of_the_version_of_its_time(deployment: Deployment) -> None:
    sagemaker = deployment.client()
    runs = []
    for number in range(3):
        runs.append(deployment.runs.add("Abalone", f"scheduled__{number}", "success", conf={"Rate": 2.0}))
        sagemaker.update_pipeline(PipelineName="Abalone", PipelineDescription=str(number))
    prefix = sagemaker.describe_pipeline(PipelineName="Abalone")["PipelineArn"] + "/execution/"
    found = [sagemaker.describe_pipeline_execution(PipelineExecutionArn=prefix + run.execution_id) for run in runs]
    assert [each["PipelineVersionId"] for each in found] == [1, 2, 3]
    before = deployment.runs.put(runs[0], created_at=datetime.fromtimestamp(0, UTC))
    found = [sagemaker.describe_pipeline_execution(PipelineExecutionArn=prefix + before.execution_id)]
    assert "PipelineVersionId" not in found[0]


def test_executions_are_listed_by_time_id_and_page(deployment: Deployment) -> None:
    runs = [deployment.runs.add("Abalone", f"manual__{number}") for number in range(250)]
    deployment.runs.add("Other", "manual__1")
    sagemaker = deployment.client()

    def listed(**request: Any) -> list[str]:
        pages = sagemaker.get_paginator("list_pipeline_executions").paginate(PipelineName="Abalone", **request)
        found = [page["PipelineExecutionSummaries"] for page in pages]
        assert [len(page) for page in found] == [100, 100, 50]
        return [each["PipelineExecutionArn"].rpartition("/")[2] for page in found for each in page]

    ids = [run.execution_id for run in runs]
    assert listed() == ids[::-1]
    assert listed(SortOrder="Ascending") == ids
    assert listed(SortBy="PipelineExecutionArn") == sorted(ids, reverse=True)
    assert listed(SortBy="PipelineExecutionArn", SortOrder="Ascending") == sorted(ids)
    fifth = runs[4].created_at
    some = sagemaker.list_pipeline_executions(PipelineName="Abalone", CreatedBefore=fifth, SortOrder="Ascending")
    assert len(some["PipelineExecutionSummaries"]) == 4


def test_an_execution_is_renamed_and_limited_while_it_runs(deployment: Deployment) -> None:
    arn = start(deployment)
    change = deployment.client().update_pipeline_execution
    limit = {"MaxParallelExecutionSteps": 5}
    change(PipelineExecutionArn=arn, PipelineExecutionDisplayName="new", ParallelismConfiguration=limit)
    change(PipelineExecutionArn=arn, PipelineExecutionDescription="told")
    found = deployment.client().describe_pipeline_execution(PipelineExecutionArn=arn)
    names = ("PipelineExecutionDisplayName", "PipelineExecutionDescription", "ParallelismConfiguration")
    assert [found[name] for name in names] == ["new", "told", limit]
    deployment.runs.put(deployment.runs.only(), state="success")
    assert refused(change, PipelineExecutionArn=arn, ParallelismConfiguration=limit)[0] == "ConflictException"


def status(deployment: Deployment, arn: str) -> str:
    found = deployment.client().describe_pipeline_execution(PipelineExecutionArn=arn)
    return str(found["PipelineExecutionStatus"])


def test_a_stop_is_stopping_until_its_jobs_are_and_a_second_one_changes_nothing(deployment: Deployment) -> None:
    arn = start(deployment)
    stop = deployment.client().stop_pipeline_execution
    stop(PipelineExecutionArn=arn)
    stopped = deployment.runs.put(deployment.runs.only(), stopping=True)
    assert status(deployment, arn) == "Stopping"
    stop(PipelineExecutionArn=arn)
    assert deployment.runs.only().given.stopped_at == stopped.given.stopped_at
    deployment.runs.put(stopped, stopping=False)
    assert status(deployment, arn) == "Stopped"
    stop(PipelineExecutionArn=arn)
    done = start(deployment, ClientRequestToken=TOKEN)
    run = deployment.runs.runs["Abalone", done.rpartition("/")[2]]
    deployment.runs.put(run, state="success")
    assert refused(stop, PipelineExecutionArn=done)[0] == "ValidationException"


def test_a_retry_runs_what_has_not_succeeded_and_once_for_a_token(deployment: Deployment) -> None:
    arn = start(deployment)
    retry = deployment.client().retry_pipeline_execution
    assert refused(retry, PipelineExecutionArn=arn)[0] == "ValidationException"
    run = deployment.runs.put(deployment.runs.only(), state="failed")
    deployment.runs.of_run[run.run_id] = [
        Task(task_id="Prep", state="success"),
        Task(task_id="Train", state="upstream_failed"),
    ]
    limit = {"MaxParallelExecutionSteps": 4}
    retry(PipelineExecutionArn=arn, ClientRequestToken=TOKEN, ParallelismConfiguration=limit)
    assert status(deployment, arn) == "Executing"
    deployment.runs.put(deployment.runs.only(), state="failed")
    retry(PipelineExecutionArn=arn, ClientRequestToken=TOKEN, ParallelismConfiguration=limit)
    assert deployment.runs.retried == [[("Train", -1)]]
    assert deployment.runs.only().given.limit == 4


def test_a_stop_that_comes_again_does_not_stop_the_run_that_was_retried(deployment: Deployment) -> None:
    arn = start(deployment)
    sagemaker, tokens = deployment.client(), ("s" * 32, "u" * 32)
    for token in tokens:
        sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=token)
    sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn)
    for token in tokens:
        sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=token)
    assert status(deployment, arn) == "Executing"
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert status(deployment, arn) == "Stopped"


def test_two_changes_of_one_run_are_both_kept(deployment: Deployment) -> None:
    """The second one is made between the first one's look at the run and its change."""
    arn = start(deployment)
    sagemaker, runs = deployment.client(), deployment.runs

    def meanwhile(call: Any, **request: Any) -> None:
        def once() -> None:
            runs.before_change = lambda: None
            call(PipelineExecutionArn=arn, **request)

        runs.before_change = once

    meanwhile(sagemaker.stop_pipeline_execution)
    sagemaker.update_pipeline_execution(PipelineExecutionArn=arn, PipelineExecutionDisplayName="new")
    assert (status(deployment, arn), runs.only().given.pipeline_execution_display_name) == ("Stopped", "new")
    meanwhile(sagemaker.retry_pipeline_execution, ClientRequestToken=TOKEN)
    code, _ = refused(sagemaker.retry_pipeline_execution, PipelineExecutionArn=arn)
    assert (code, len(runs.retried), len(runs.only().given.retries)) == ("ValidationException", 1, 1)
    meanwhile(sagemaker.stop_pipeline_execution)
    sagemaker.update_pipeline_execution(PipelineExecutionArn=arn, PipelineExecutionDescription="told")
    assert len(runs.only().given.retries) == 1
    # The same token twice at once is one retry.
    meanwhile(sagemaker.retry_pipeline_execution, ClientRequestToken="v" * 32)
    sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="v" * 32)
    assert (len(runs.retried), len(runs.only().given.retries)) == (2, 2)


def test_what_failed_says_why(deployment: Deployment) -> None:
    arn = start(deployment)
    note = EndNote("Failed", "Step 'Train' failed: no capacity\nlog: …", headline="Step 'Train' failed: no capacity")
    deployment.runs.put(deployment.runs.only(), state="failed", notes={"Train": note})
    found = deployment.client().describe_pipeline_execution(PipelineExecutionArn=arn)
    told = "Step failure: One or multiple steps failed. Step 'Train' failed: no capacity"
    assert (found["PipelineExecutionStatus"], found["FailureReason"]) == ("Failed", told)
    (listed,) = deployment.client().list_pipeline_executions(PipelineName="Abalone")["PipelineExecutionSummaries"]
    assert listed["PipelineExecutionFailureReason"] == told


@pytest.mark.parametrize("arn", ["arn:aws:sagemaker:eu-west-1:123456789012:pipeline/abalone/execution/000000000000"])
def test_what_is_not_there_is_not_found(deployment: Deployment, arn: str) -> None:
    sagemaker = deployment.client()
    for call in (
        sagemaker.describe_pipeline_execution,
        sagemaker.stop_pipeline_execution,
        sagemaker.retry_pipeline_execution,
        sagemaker.update_pipeline_execution,
        sagemaker.list_pipeline_execution_steps,
        sagemaker.list_pipeline_parameters_for_execution,
        sagemaker.describe_pipeline_definition_for_execution,
    ):
        assert refused(call, PipelineExecutionArn=arn)[0] == "ResourceNotFound"
