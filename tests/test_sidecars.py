"""``load_dags`` with files of settings beside definitions, and settings of single steps."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Asset, AssetAny, CronTriggerTimetable

from airflow_sm_pipelines import DefinitionError, SageMakerPipelineDag, load_dags
from airflow_sm_pipelines.stored_dag import faults_of_dag, faults_of_tasks
from tests.runs.harness import BUCKET, ROLE, condition, equals, get, pipeline, processing, training

TRAIN = pipeline(
    training("Train"),
    training("TrainMore"),
    processing("Prepare"),
    condition("Check", [equals(1, 1)], [training("Again")], []),
    Parameters=[
        {"Name": "Limit", "Type": "Float", "DefaultValue": 6.0},
        {"Name": "Bucket", "Type": "String", "DefaultValue": "dev"},
    ],
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("abalone", "team/forecast", "team/sub/other"):
        path = tmp_path / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(TRAIN))
    return tmp_path


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/').replace('_DEFAULTS', '_defaults')}.airflow.yaml"
        path.write_text(text)


def load(folder: Path, **arguments: Any) -> dict[str, Any]:
    return load_dags(folder, **arguments)


def test_what_counts_of_what_several_places_say(folder: Path) -> None:
    (folder / "_defaults.airflow.yaml").write_text("schedule: '@monthly'\ntags: [far]\nowner: far\ncatchup: false\n")
    (folder / "team/_defaults.airflow.yaml").write_text("schedule: '@weekly'\nowner: near\nparameters: {Limit: 5}\n")
    (folder / "team/forecast.airflow.yaml").write_text("schedule: '@daily'\nparameters: {Bucket: 1.10}\n")
    (folder / "team/forecast.prod.airflow.yaml").write_text("schedule: '@hourly'\nassets: models\n")
    (folder / "team/forecast.dev.airflow.yaml").write_text("schedule:\n")
    overrides = {"forecast.p*": {"default_args": {"owner": "python"}, "tags": ["python"]}}
    dags = load(folder, schedule="@yearly", catchup=True, max_active_runs=7, overrides=overrides)
    found = {
        dag_id: (dag.schedule, dag.get_task("Train").owner, sorted(dag.tags - {"sagemaker-pipeline"}), dag.catchup)
        for dag_id, dag in dags.items()
    }
    assert found == {
        "abalone": ("@monthly", "far", ["far"], False),
        "other": ("@weekly", "near", ["far"], False),
        "forecast": ("@daily", "near", ["far"], False),
        "forecast.dev": (None, "near", ["far"], False),
        "forecast.prod": ("@hourly", "python", ["python"], False),
    }
    params = {dag_id: (dag.params["Limit"], dag.params["Bucket"]) for dag_id, dag in dags.items()}
    assert params["forecast.prod"] == (5.0, "1.10")
    assert params["other"] == (5.0, "dev")
    assert {dag.max_active_runs for dag in dags.values()} == {7}
    assert {task.settings.assets.value for task in dags["forecast.prod"].tasks} == {"models"}


def test_an_instance_is_a_dag_of_its_own_and_can_be_all_there_is(folder: Path) -> None:
    (folder / "abalone.prod.airflow.yaml").write_text("owner: prod")
    assert {"abalone", "abalone.prod"} <= set(load(folder))
    dags = load(folder, exclude=["abalone", "team"])
    assert set(dags) == {"abalone.prod"}
    assert dags["abalone.prod"].get_task("Train").pipeline.name == "abalone-prod"


def test_settings_of_single_steps(folder: Path) -> None:
    (folder / "abalone.airflow.yaml").write_text(
        "steps:\n"
        "  TrainMore: {pool: own}\n"
        "  Train*: {pool: gpus, queue: gpu, execution_timeout: 2h}\n"
        "  type:Training: {pool: training, queue: cpu, retries: 9, priority_weight: 5}\n"
    )
    overrides = {"abalone": {"steps": {"Train": {"queue": "python"}}}}
    tasks = load(folder, default_args={"pool": "all"}, overrides=overrides)["abalone"].task_dict
    found = {name: (task.pool, task.queue, task.settings.max_lost_tries) for name, task in tasks.items()}
    assert found == {
        "Train": ("gpus", "python", 9),
        "TrainMore": ("own", "gpu", 9),
        "Again": ("training", "cpu", 9),
        "Prepare": ("all", "default", 3),
        "Check": ("all", "default", 3),
    }
    assert tasks["Train"].execution_timeout == timedelta(hours=2)
    # 10 by the service's own policy, and the tries that may be lost.
    assert tasks["Train"].retries == tasks["Prepare"].retries + 6
    assert tasks["Again"].priority_weight == 5


def test_a_schedule_on_assets(folder: Path) -> None:
    (folder / "abalone.airflow.yaml").write_text("schedule: {any_asset: [s3://bucket/data, forecast]}")
    schedule = load(folder)["abalone"].schedule
    assert isinstance(schedule, AssetAny)
    assert [getattr(ref, "uri", getattr(ref, "name", None)) for ref in schedule.objects] == [
        "s3://bucket/data",
        "forecast",
    ]


def findings_of(dag: Any) -> str:
    (task,) = dag.tasks
    return str(task.findings)


def test_a_file_that_cannot_be_read_stops_all_that_is_under_it(folder: Path) -> None:
    (folder / "team/_defaults.airflow.yaml").write_text("schedule: '@daily'\nowner: [\n")
    dags = load(folder, schedule="@weekly", tags=["ours"])
    assert [task.task_id for task in dags["abalone"].tasks][:1] == ["Train"]
    for dag_id in ("forecast", "other"):
        assert "team/_defaults.airflow.yaml: $, line 3" in findings_of(dags[dag_id])
        assert "team/_defaults.airflow.yaml" in dags[dag_id].description
        assert (dags[dag_id].schedule, "ours" in dags[dag_id].tags) == ("@weekly", True)


def test_no_dag_runs_with_half_of_its_settings(folder: Path) -> None:
    (folder / "abalone.airflow.yaml").write_text("schedule: '@daily'\nparameters: {Limit: 5}\n")
    (folder / "abalone.prod.airflow.yaml").write_text(
        "parameters: {Limit: five, Bukket: x}\nsteps:\n  Trian: {pool: a}\n  type:Trainin: {pool: b}\n"
    )
    dags = load(folder)
    told = findings_of(dags["abalone.prod"])
    assert "abalone.prod.airflow.yaml: $.parameters.Limit, line 1" in told or "Trian" in told
    assert dags["abalone.prod"].schedule == "@daily"
    assert len(dags["abalone"].tasks) == 5
    with pytest.raises(DefinitionError) as raised:
        load(folder, on_error="raise")
    lines = [(finding.file, finding.line, finding.suggestion) for finding in raised.value.findings]
    assert ("abalone.prod.airflow.yaml", 3, "Train") in lines
    assert ("abalone.prod.airflow.yaml", 4, "type:Training") in lines


def test_settings_for_several_dags_may_be_for_steps_of_some(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "_defaults.airflow.yaml").write_text("steps: {Nobody: {pool: a}, 'type:EMR': {pool: b}}")
    assert len(load(folder)["abalone"].tasks) == 5
    assert "steps names 'Nobody', which no step of any Dag here is called" in findings_of(
        load(folder)["steps--override"]
    )
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "steps--override")
    assert "steps--override" in load(folder)
    monkeypatch.delenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID")
    (folder / "_defaults.airflow.yaml").unlink()
    told = load(folder, overrides={"f*": {"steps": {"Trian": {"pool": "a"}}}})["steps--override"]
    assert "overrides['f*']: $.steps: " in findings_of(told)
    assert "Did you mean 'Train'?" in findings_of(told)
    assert "steps--override" not in load(folder, steps={"Prep*": {"pool": "a"}, "type:EMR": {"pool": "b"}})
    (folder / "_defaults.airflow.yaml").write_text("steps: {'type:ERM': {pool: b}}")
    assert "no step type" in findings_of(load(folder)["abalone"])


def test_a_file_that_no_definition_has_is_told(folder: Path) -> None:
    (folder / "abalon.airflow.yaml").write_text("owner: x")
    (folder / "abalone.airflow.yml").write_text("owner: x")
    (folder / "metrics.json").write_text('{"mse": 1}')
    (folder / "metrics.airflow.yaml").write_text("owner: x")
    (folder / ".hidden.airflow.yaml").write_text("owner: x")
    (folder / ".airflowignore").write_text("abalone.prod.airflow.yaml\n")
    (folder / "abalone.prod.airflow.yaml").write_text("owner: x")
    dags = load(folder)
    assert set(dags) == {"abalone", "forecast", "other", "abalon--sidecar", "abalone--sidecar", "metrics--sidecar"}
    assert "Did you mean 'abalone.airflow.yaml'?" in findings_of(dags["abalon--sidecar"])
    assert dags["abalone"].get_task("Train").owner == "airflow"


def test_a_worker_reads_the_files_of_its_own_dag(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "abalone.prod.airflow.yaml").write_text("owner: prod")
    for other in ("abalone.dev.airflow.yaml", "team/forecast.airflow.yaml", "team/_defaults.airflow.yaml"):
        (folder / other).write_text("owner: x")
    opened: list[str] = []
    real = os.open

    def noted(path: Any, *arguments: Any, **named: Any) -> int:
        opened.append(Path(path).name)
        return real(path, *arguments, **named)

    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "abalone.prod")
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", noted)
        dags = load(folder)
    assert set(dags) == {"abalone.prod"}
    assert [name for name in opened if name.endswith(".yaml")] == ["abalone.prod.airflow.yaml"]
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "abalon--sidecar")
    (folder / "abalon.airflow.yaml").write_text("owner: x")
    assert set(load(folder)) == {"abalon--sidecar"}


def test_what_a_deployment_allows_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__SIDECAR_ALLOWS", "dag_id, connection, region, callbacks")
    (folder / "abalone.airflow.yaml").write_text(
        "dag_id: other-name\naws_conn_id: prod\nregion_name: eu-west-1\non_failure_callback: json.dumps\n"
        "steps: {Train: {on_failure_callback: json.loads}}\n"
    )
    for wanted in (None, "other-name"):
        if wanted:
            monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", wanted)
        dag = load(folder)["other-name"]
        assert dag.on_failure_callback is json.dumps
        train = dag.get_task("Train")
        assert (train.access.aws_conn_id, train.access.region_name) == ("prod", "eu-west-1")
        assert list(train.on_failure_callback) == [json.loads]
    (folder / "abalone.airflow.yaml").write_text('"dag\\x5fid": other-name\non_failure_callback: json.dump5\n')
    assert "json.dump5 cannot be imported" in findings_of(load(folder)["other-name"])
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__SIDECAR_ALLOWS", "conection")
    monkeypatch.delenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID")
    assert "Did you mean connection" in findings_of(load(folder)["forecast"])


def test_the_class_takes_settings_of_steps() -> None:
    steps: dict[str, dict[str, Any]] = {
        "Train*": {"pool": "gpus"},
        "type:Processing": {"queue": "big", "deferrable": False},
    }
    dag = SageMakerPipelineDag(TRAIN, dag_id="d", steps=steps, cache=False)
    assert {task.task_id: task.pool for task in dag.tasks if task.pool != "default_pool"} == {
        "Train": "gpus",
        "TrainMore": "gpus",
    }
    prepare: Any = dag.get_task("Prepare")
    assert (prepare.queue, prepare.deferrable, prepare.settings.cache) == ("big", False, False)


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ({"Trian": {"pool": "a"}}, "Did you mean 'Train'?"),
        ({"Train": {"pol": "a"}}, "Did you mean 'pool'?"),
        ({"Train": {"trigger_rule": "all_done"}}, "rejoin"),
        ({"Train": {"retries": "3"}}, "not a whole number"),
        ({"Train": {"max_parallel_execution_steps": 3}}, "parallelism is the Dag's"),
        ({"type:Trainin": {}}, "Did you mean 'type:Training'?"),
        ("Train", "not a mapping from steps"),
        ({"Train": "gpus"}, "not a mapping from steps"),
    ],
)
def test_what_does_not_count_for_a_step_is_a_finding(steps: Any, says: str) -> None:
    with pytest.raises(DefinitionError) as raised:
        SageMakerPipelineDag(TRAIN, dag_id="d", steps=steps)
    assert says in str(raised.value)


def test_the_class_tells_of_a_file_that_does_not_count(folder: Path) -> None:
    (folder / "abalone.airflow.yaml").write_text("owner: x")
    dag = SageMakerPipelineDag(folder / "abalone.json")
    assert [finding.code for finding in dag.plan.pipeline.warnings] == ["sidecar-unused"]
    assert "abalone.airflow.yaml does not count" in str(dag.doc_md)
    assert load(folder)["abalone"].plan.pipeline.warnings == ()


def test_replaced_texts_are_the_definitions_own_from_then_on(folder: Path) -> None:
    path = "$.Steps[*].Arguments.OutputDataConfig.S3OutputPath"
    given: Any = [{"at": path, "from": f"s3://{BUCKET}", "to": "s3://prod"}]
    dags = load(folder, overrides={"abalone": {"replace": given}})
    plans = {dag_id: dags[dag_id].plan for dag_id in ("abalone", "forecast")}
    uris = {name: plan.pipeline.steps[0].arguments["OutputDataConfig"]["S3OutputPath"] for name, plan in plans.items()}
    assert uris == {"abalone": "s3://prod/out", "forecast": f"s3://{BUCKET}/out"}
    assert plans["abalone"].pipeline.digest != plans["forecast"].pipeline.digest
    # What only looks like the beginning is none.
    assert len(plans["abalone"].replaced) == 2
    for at, old, new, says in (
        (path, f"s3://{BUCKET[:-1]}", "s3://x", "no text that begins with"),
        (path, f"s3://{BUCKET}", "x" * 2000, "S3OutputPath"),
        ("Steps", "a", "b", "begins with $"),
        ("$.Steps[?]", "a", "b", "cannot be read at column 8"),
    ):
        with pytest.raises(DefinitionError) as raised:
            SageMakerPipelineDag(TRAIN, dag_id="d", replace=[{"at": at, "from": old, "to": new}])
        assert says in str(raised.value)
    wrong: Any
    for wrong in ("x", [1], [{"at": path}], [{"at": path, "from": "", "to": ""}], [{"at": [], "from": "a", "to": "b"}]):
        with pytest.raises(DefinitionError):
            SageMakerPipelineDag(TRAIN, dag_id="d", replace=wrong)


def test_a_reference_is_not_replaced() -> None:
    definition = pipeline(
        training("Train", Arguments={"RoleArn": get("Parameters.Role")}),
        Parameters=[{"Name": "Role", "Type": "String", "DefaultValue": "Parameters.Role"}],
    )
    given = [{"at": "$", "from": "Parameters.Role", "to": ROLE}]
    dag = SageMakerPipelineDag(definition, dag_id="d", values="warn", replace=given)
    assert dag.plan.pipeline.parameters["Role"].default == ROLE
    assert [each.path for each in dag.plan.replaced] == ["$.Parameters[0].DefaultValue"]


LONG = "x" * 3000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"default_args": {"owner": LONG}}, "owner has 3000 characters"),
        ({"default_args": {"pool": LONG}}, "pool has 3000 characters"),
        ({"steps": {"Train": {"queue": LONG}}}, "queue has 3000 characters"),
        ({"dag_display_name": LONG}, "dag_display_name has 3000 characters"),
        ({"schedule": [Asset.ref(uri=LONG)]}, "the uri of an asset of the schedule has 3000"),
        ({"schedule": "0 0 30 2 *"}, "never comes"),
        ({"schedule": CronTriggerTimetable("R * * * *", timezone="UTC")}, "at random"),
        ({"schedule": "@daily", "start_date": datetime(9999, 12, 30, tzinfo=UTC)}, "in the years from 1970"),
    ],
)
def test_what_would_keep_other_dags_of_the_file_from_being_stored_is_a_finding(
    folder: Path, arguments: dict[str, Any], says: str
) -> None:
    dags = load(folder, overrides={"abalone": arguments})
    assert says in findings_of(dags["abalone"])
    assert len(dags["forecast"].tasks) == 5
    # Nor does its error Dag keep it.
    assert [*faults_of_dag(dags["abalone"]), *faults_of_tasks(dags["abalone"].tasks)] == []


def test_a_run_after_the_other_needs_no_further_setting(folder: Path) -> None:
    (folder / "abalone.airflow.yaml").write_text("schedule: '@continuous'")
    dag = load(folder)["abalone"]
    assert (dag.max_active_runs, len(dag.tasks)) == (1, 5)


def test_what_counts_for_more_counts_in_either_form(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__SIDECAR_ALLOWS", "connection, region")
    (folder / "_defaults.airflow.yaml").write_text(
        "aws_conn_id: file\nregion_name: eu-west-1\nowner: file\nparameters: {Limit: 5}\n"
        "start_date: 2026-01-05T00:00Z\n"
    )
    begun = datetime(2026, 2, 1, tzinfo=UTC)
    own = {"aws_conn_id": "python", "region_name": "us-west-2", "deferrable": False, "start_date": begun}
    nothing: dict[str, Any] = {"default_args": {}, "parameters": {}, "roles": None}
    dags = load(folder, deferrable=True, overrides={"*": nothing, "abalone": {"default_args": own}})
    found = {
        dag_id: (task.access.aws_conn_id, task.access.region_name, task.deferrable, task.owner, dag.params["Limit"])
        for dag_id, dag in dags.items()
        for task in [dag.get_task("Train")]
    }
    assert found["abalone"] == ("python", "us-west-2", False, "file", 5.0)
    assert found["forecast"] == ("file", "eu-west-1", True, "file", 5.0)
    assert dags["abalone"].start_date == begun
    # In one place the Dag's own argument counts.
    both = load(folder, overrides={"abalone": {"default_args": own, "region_name": "eu-north-1"}})["abalone"]
    assert both.get_task("Train").access.region_name == "eu-north-1"


def test_only_what_may_be_a_definition_takes_settings_for_itself(folder: Path) -> None:
    (folder / "team").rename(folder / "abalone.team")
    for name in ("abalone.md", "abalone.prod.md", "abalone.dev.txt", "nothing.txt"):
        (folder / name).write_text("Notes")
    (folder / "abalone.old.json").write_text(json.dumps(TRAIN))
    (folder / ".airflowignore").write_text("abalone.old.json\n")
    for name in ("prod", "dev", "old", "team"):
        (folder / f"abalone.{name}.airflow.yaml").write_text("owner: mine")
    (folder / "nothing.airflow.yaml").write_text("owner: x")
    dags = load(folder)
    owners = {dag_id: dag.get_task("Train").owner for dag_id, dag in dags.items() if dag_id.startswith("abalone")}
    assert owners == {"abalone": "airflow", **{f"abalone.{name}": "mine" for name in ("prod", "dev", "old", "team")}}
    assert "no definition of this name" in findings_of(dags["nothing--sidecar"])


def test_each_file_that_no_definition_has_is_told_by_a_dag_of_its_own(folder: Path) -> None:
    places = ("typo", "team/typo", "team-typo", "team/sub/typo")
    for place in places:
        (folder / f"{place}.airflow.yaml").write_text("owner: x")
    (folder / "typo--sidecar.json").write_text(json.dumps(TRAIN))
    found = {dag_id: dag for dag_id, dag in load(folder).items() if dag_id.endswith("--sidecar")}
    assert len(found.pop("typo--sidecar").tasks) == 5
    told = " ".join(map(findings_of, found.values()))
    assert (len(found), all(f"{place}.airflow.yaml" in told for place in places)) == (len(places), True)
