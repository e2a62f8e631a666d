"""What surrounds a job in its request: tags, the experiment and trial, MLflow, and who made a model package."""

from __future__ import annotations

from typing import Any

import pytest

from tests.runs.harness import BUCKET, IMAGE, ROLE, Airflow, Run, get, pipeline, processing, training, transform

EXPERIMENT = {"ExperimentName": get("Execution.PipelineName"), "TrialName": get("Execution.PipelineExecutionId")}
DENIED = {"code": "AccessDeniedException", "message": "not authorized to perform it", "status": 400}
MLFLOW_ARN = "arn:aws:sagemaker:us-east-1:123456789012:mlflow-tracking-server/team"


def setting(monkeypatch: pytest.MonkeyPatch, option: str, value: str) -> None:
    monkeypatch.setenv(f"AIRFLOW__SAGEMAKER_PIPELINES__{option.upper()}", value)


def tags_of(request: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}


def execution_arn(request: dict[str, Any]) -> str:
    return tags_of(request)["sagemaker:pipeline-execution-arn"]


def model(name: str) -> dict[str, Any]:
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
    return {"Name": name, "Type": "Model", "Arguments": {"PrimaryContainer": container, "ExecutionRoleArn": ROLE}}


def register(name: str, **arguments: Any) -> dict[str, Any]:
    serving = {
        "Containers": [{"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    members = {"ModelPackageGroupName": "forecasts", "InferenceSpecification": serving}
    return {"Name": name, "Type": "RegisterModel", "Arguments": {**members, **arguments}}


def run_one(airflow: Airflow, step: dict[str, Any], **members: Any) -> tuple[Run, dict[str, Any]]:
    """Run one training step, and give the request of its job."""
    run = airflow.run(pipeline(step, **members))
    assert run.state == "success"
    (request,) = airflow.created("CreateTrainingJob", own_tags=True)
    return run, request


def test_a_job_tells_whose_it_is(airflow: Airflow) -> None:
    run, request = run_one(airflow, training("Train", Arguments={"Tags": [{"Key": "team", "Value": "forecasting"}]}))

    tags = tags_of(request)
    arn = tags.pop("sagemaker:pipeline-execution-arn")
    assert arn.startswith("arn:aws:sagemaker:us-east-1:123456789012:pipeline/pipeline/execution/")
    assert len(arn.rpartition("/")[2]) == 12
    assert tags == {
        "team": "forecasting",
        "sagemaker:pipeline-step-name": "Train",
        "airflow:pipeline-name": "pipeline",
        "airflow:dag-id": "pipeline",
        "airflow:run-id": run.run_id,
    }
    assert request["Tags"][0] == {"Key": "team", "Value": "forecasting"}
    # The account is that of the job's role: nobody is asked for it.
    assert [call.action for call in airflow.endpoint.requests("sts")] == []
    assert run.rendered("Train")["request"]["Tags"] == request["Tags"]


def test_every_kind_that_takes_tags_has_them(airflow: Airflow) -> None:
    airflow.endpoint.reset({"existing": {"model": ["forecast"]}})
    steps = [training("Train"), processing("Process"), transform("Transform"), model("Model"), register("Register")]
    assert airflow.run(pipeline(*steps)).state == "success"
    requests = {call.action: call.parameters for call in airflow.endpoint.requests("sagemaker")}
    for action, step in (
        ("CreateTrainingJob", "Train"),
        ("CreateProcessingJob", "Process"),
        ("CreateTransformJob", "Transform"),
        ("CreateModel", "Model"),
    ):
        assert tags_of(dict(requests[action]))["sagemaker:pipeline-step-name"] == step
    # AWS refuses tags of a package in a group.
    assert "Tags" not in requests["CreateModelPackage"]
    arns = {execution_arn(dict(requests[action])) for action in ("CreateTrainingJob", "CreateTransformJob")}
    assert len(arns) == 1


def test_a_tag_of_the_definition_wins_and_a_setting_adds_more(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting(monkeypatch, "extra_job_tags", '{"team": "platform", "stage": "test"}')
    given = [{"Key": "team", "Value": "forecasting"}, {"Key": "airflow:dag-id", "Value": "mine"}]
    _, request = run_one(airflow, training("Train", Arguments={"Tags": given}))
    tags = tags_of(request)
    assert (tags["team"], tags["stage"], tags["airflow:dag-id"]) == ("forecasting", "test", "mine")
    assert len(request["Tags"]) == len(tags)


def test_a_setting_turns_our_tags_off(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    setting(monkeypatch, "job_tags", "False")
    _, request = run_one(airflow, training("Train"))
    assert "Tags" not in request


OWN_TAGS = [
    "sagemaker:pipeline-step-name",
    "sagemaker:pipeline-execution-arn",
    "airflow:pipeline-name",
    "airflow:dag-id",
    "airflow:run-id",
    "stage",
]


@pytest.mark.parametrize("room", range(len(OWN_TAGS) + 1))
def test_no_more_than_fifty_tags_reach_aws_and_the_services_own_come_first(
    airflow: Airflow, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    setting(monkeypatch, "extra_job_tags", '{"stage": "test"}')
    given = [{"Key": f"key-{number}", "Value": "x"} for number in range(50 - room)]
    _, request = run_one(airflow, training("Train", Arguments={"Tags": given}))
    assert [tag["Key"] for tag in request["Tags"]] == [*tags_of({"Tags": given}), *OWN_TAGS[:room]]
    told = capsys.readouterr().out
    assert told.count("goes without") == (room < len(OWN_TAGS))
    assert f"goes without {', '.join(OWN_TAGS[room:])}" in told or room == len(OWN_TAGS)


def test_a_run_id_that_no_tag_takes_is_told_as_near_as_can_be(airflow: Airflow) -> None:
    run, request = run_one(airflow, training("Train"))
    assert tags_of(request)["airflow:run-id"] == run.run_id

    from airflow_sm_pipelines.jobs.tags import tag_value

    assert tag_value("it's <mine>, über: a/b+c=d@e") == "it_s _mine__ über: a/b+c=d@e"
    assert len(tag_value("x" * 300)) == 256


def test_jobs_join_the_experiment_which_is_made_once(airflow: Airflow) -> None:
    airflow.endpoint.reset({"existing": {"model": ["forecast"]}})
    named = training("Train", Arguments={"ExperimentConfig": {"TrialComponentDisplayName": "Training"}})
    steps = [named, {**processing("Process"), "DependsOn": ["Train"]}, {**transform("Tr"), "DependsOn": ["Process"]}]
    run = airflow.run(pipeline(*steps, model("Model"), PipelineExperimentConfig=EXPERIMENT))
    assert run.state == "success"

    (experiment,) = airflow.created("CreateExperiment")
    (trial,) = airflow.created("CreateTrial")
    assert experiment == {"ExperimentName": "pipeline"}
    (request,) = airflow.created("CreateTrainingJob", own_tags=True)
    assert trial == {"ExperimentName": "pipeline", "TrialName": execution_arn(request).rpartition("/")[2]}
    assert request["ExperimentConfig"] == {**trial, "TrialComponentDisplayName": "Training"}
    for action in ("CreateProcessingJob", "CreateTransformJob"):
        (request,) = airflow.created(action, own_tags=True)
        assert request["ExperimentConfig"] == trial
    (request,) = airflow.created("CreateModel", own_tags=True)
    assert "ExperimentConfig" not in request


def test_a_second_run_uses_the_experiment_that_is_there(airflow: Airflow) -> None:
    for _ in range(2):
        assert airflow.run(pipeline(training("Train"), PipelineExperimentConfig=EXPERIMENT)).state == "success"
    assert len(airflow.created("CreateExperiment")) == 1
    first, second = airflow.created("CreateTrial")
    assert first["TrialName"] != second["TrialName"]


@pytest.mark.parametrize("config", [None, "absent"])
def test_no_experiment_is_made_where_the_definition_has_none(airflow: Airflow, config: str | None) -> None:
    members = {"PipelineExperimentConfig": None} if config is None else {}
    _, request = run_one(airflow, training("Train"), **members)
    assert "ExperimentConfig" not in request
    assert airflow.created("CreateExperiment") == airflow.created("CreateTrial") == []


def test_a_setting_turns_experiments_off(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    setting(monkeypatch, "experiments", "False")
    mlflow = {"MlflowResourceArn": MLFLOW_ARN, "MlflowExperimentName": "forecasts"}
    _, request = run_one(airflow, training("Train"), PipelineExperimentConfig=EXPERIMENT, MlflowConfig=mlflow)
    assert not {"ExperimentConfig", "MlflowConfig"} & request.keys()
    assert [call.action for call in airflow.endpoint.requests("sagemaker", "*Trial")] == []


OWN_EXPERIMENT = {"ExperimentName": "mine", "TrialName": "of-mine", "TrialComponentDisplayName": "Training"}


def test_a_steps_own_experiment_stays_without_one_of_the_pipeline(airflow: Airflow) -> None:
    step = training("Train", Arguments={"ExperimentConfig": OWN_EXPERIMENT})
    _, request = run_one(airflow, step, PipelineExperimentConfig=None)
    assert request["ExperimentConfig"] == OWN_EXPERIMENT
    assert [call.action for call in airflow.endpoint.requests("sagemaker", "*Trial")] == []


@pytest.mark.parametrize("config", [EXPERIMENT, None])
def test_the_setting_turns_a_steps_own_experiment_off_too(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, config: dict[str, Any] | None
) -> None:
    setting(monkeypatch, "experiments", "False")
    own = {"ExperimentConfig": OWN_EXPERIMENT, "MlflowConfig": {"MlflowResourceArn": MLFLOW_ARN}}
    _, request = run_one(airflow, training("Train", Arguments=own), PipelineExperimentConfig=config)
    assert not own.keys() & request.keys()


@pytest.mark.parametrize("action", ["DescribeTrial", "CreateExperiment", "CreateTrial"])
def test_a_missing_permission_is_one_warning_and_no_failure(
    airflow: Airflow, capfd: pytest.CaptureFixture[str], action: str
) -> None:
    airflow.endpoint.reset({"faults": [{"action": action, "error": DENIED, "times": 10}]})
    _, request = run_one(airflow, training("Train"), PipelineExperimentConfig=EXPERIMENT)
    assert "ExperimentConfig" not in request
    told = "".join(capfd.readouterr())
    assert told.count("attached to no experiment") == 1
    assert "not authorized to perform it" in told


def test_training_jobs_are_told_of_mlflow(airflow: Airflow) -> None:
    mlflow = {"MlflowResourceArn": MLFLOW_ARN, "MlflowExperimentName": get("Execution.PipelineName")}
    own = training("Own", Arguments={"MlflowConfig": {"MlflowResourceArn": f"{MLFLOW_ARN}-2"}}, DependsOn=["Train"])
    run = airflow.run(pipeline(training("Train"), own, processing("Process"), MlflowConfig=mlflow))
    assert run.state == "success"
    told, other = airflow.created("CreateTrainingJob", own_tags=True)
    assert told["MlflowConfig"] == {"MlflowResourceArn": MLFLOW_ARN, "MlflowExperimentName": "pipeline"}
    assert other["MlflowConfig"] == {"MlflowResourceArn": f"{MLFLOW_ARN}-2", "MlflowExperimentName": "pipeline"}
    (request,) = airflow.created("CreateProcessingJob", own_tags=True)
    assert "MlflowConfig" not in request


def test_a_model_package_says_which_execution_made_it(airflow: Airflow) -> None:
    given = {"MetadataProperties": {"CommitId": "c0ffee"}}
    own = {"MetadataProperties": {"GeneratedBy": "someone"}, "ClientToken": "mine"}
    steps = [training("Train"), register("Register", **given), {**register("Own", **own), "DependsOn": ["Register"]}]
    assert airflow.run(pipeline(*steps)).state == "success"
    (job,) = airflow.created("CreateTrainingJob", own_tags=True)
    first, second = airflow.created("CreateModelPackage")
    assert first["MetadataProperties"] == {"CommitId": "c0ffee", "GeneratedBy": execution_arn(job)}
    assert second["MetadataProperties"] == {"GeneratedBy": "someone"}
    assert second["ClientToken"] == "mine"


def test_a_throttled_experiment_is_made_by_the_next_attempt_and_an_unheard_one_is_not_made_twice(
    airflow: Airflow,
) -> None:
    throttled = {"code": "ThrottlingException", "message": "Rate exceeded", "status": 400}
    faults = [
        {"action": "CreateExperiment", "error": throttled, "times": 1},
        {"action": "CreateTrial", "drop": "after", "times": 1},
    ]
    airflow.endpoint.reset({"faults": faults})
    config = {"ExperimentName": "exp", "TrialName": "trial"}
    run = airflow.run(pipeline(training("Train"), PipelineExperimentConfig=config))
    assert run.state == "success"
    assert run.xcom("Train", "sagemaker")["attempt"] == 2
    assert len(airflow.endpoint.requests("sagemaker", "CreateExperiment")) == 2
    [job] = airflow.created("CreateTrainingJob")
    assert job["ExperimentConfig"] == config
