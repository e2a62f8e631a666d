"""Long texts of a job's description: what XCom holds of them, and that who refers to one gets it whole."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from cryptography.fernet import Fernet

from airflow_sm_pipelines.callbacks.encryption import unseal
from tests.runs.harness import Airflow, get, pipeline, training
from tests.runs.test_embedded import run as run_embedded
from tests.runs.test_for_each import loop
from tests.runs.test_selective_execution import errors_of
from tests.runs.test_step_cache import CACHE

NOTE = "… (2000 characters: [sagemaker_pipelines] max_xcom_text_length)"
TEXTS = {name: f"{name}-" + "x" * 1998 for name in "abc"}
CUT = {name: f"{text[:100]}{NOTE}" for name, text in TEXTS.items()}
SELECTED = "sagemaker_selected_steps"
ITEMS = [{"Name": "Items", "Type": "String", "DefaultValue": '["one"]'}]


@pytest.fixture
def dag_id() -> str:
    """A Dag without earlier runs: the database is that of all tests."""
    return f"long-{uuid.uuid4().hex[:8]}"


def wordy(name: str = "Train", **members: Any) -> dict[str, Any]:
    return training(name, Arguments={"HyperParameters": TEXTS}, **members)


def reading(path: str, name: str = "Read") -> dict[str, Any]:
    return training(name, Arguments={"HyperParameters": {"read": get(path)}})


def read(airflow: Airflow) -> Any:
    """What reached AWS of what the last step has read."""
    return airflow.created("CreateTrainingJob")[-1]["HyperParameters"]["read"]


def test_what_a_step_refers_to_is_whole_in_xcom_and_nothing_else_that_is_long(airflow: Airflow, dag_id: str) -> None:
    definition = pipeline(wordy(), reading("Steps.Train.HyperParameters['b']"))
    run = airflow.run(definition, dag_id=dag_id)
    assert run.state == "success"
    assert read(airflow) == TEXTS["b"]
    assert run.xcom("Train")["HyperParameters"] == {**CUT, "b": TEXTS["b"]}
    assert run.xcom("Train")["RoleArn"] == airflow.created("CreateTrainingJob")[0]["RoleArn"]
    # It is read from there: no job is left that could be asked.
    airflow.endpoint.reset()
    assert airflow.run(definition, {SELECTED: ["Read"]}, dag_id=dag_id).state == "success"
    assert read(airflow) == TEXTS["b"]


def test_by_the_setting_all_of_each_text_is_held(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__MAX_XCOM_TEXT_LENGTH", "0")
    assert airflow.run(pipeline(wordy())).xcom("Train")["HyperParameters"] == TEXTS
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__MAX_XCOM_TEXT_LENGTH", "2000")
    assert airflow.run(pipeline(wordy())).xcom("Train")["HyperParameters"] == TEXTS


def test_a_reference_that_came_later_reads_the_text_from_aws(airflow: Airflow, dag_id: str) -> None:
    assert airflow.run(pipeline(wordy(), training("Read")), dag_id=dag_id).xcom("Train")["HyperParameters"] == CUT
    changed = pipeline(wordy(), reading("Steps.Train.HyperParameters['c']"))
    run = airflow.run(changed, {SELECTED: ["Read"]}, dag_id=dag_id)
    assert run.state == "success"
    assert run.xcom("Train")["HyperParameters"] == CUT
    assert read(airflow) == TEXTS["c"]


def test_where_the_job_is_gone_the_step_fails_and_names_the_setting(
    airflow: Airflow, dag_id: str, capfd: pytest.CaptureFixture[str]
) -> None:
    airflow.run(pipeline(wordy(), training("Read")), dag_id=dag_id)
    airflow.endpoint.reset()
    run = airflow.run(
        pipeline(wordy(), reading("Steps.Train.HyperParameters['c']")), {SELECTED: ["Read"]}, dag_id=dag_id
    )
    assert run.states == {"Train": "success", "Read": "failed"}
    assert airflow.created("CreateTrainingJob") == []
    assert "XCom holds the beginning of the value alone ([sagemaker_pipelines] max_xcom_text_length)" in errors_of(
        capfd
    )


def test_a_cached_result_is_within_the_bound_and_gives_what_is_asked_of_it(airflow: Airflow, dag_id: str) -> None:
    airflow.run(pipeline(wordy(CacheConfig=CACHE)), dag_id=dag_id)
    run = airflow.run(pipeline(wordy(CacheConfig=CACHE), reading("Steps.Train.HyperParameters['a']")), dag_id=dag_id)
    assert len(airflow.created("CreateTrainingJob")) == 2
    assert run.xcom("Train")["HyperParameters"] == CUT
    assert read(airflow) == TEXTS["a"]


def test_a_result_that_the_version_before_has_left_is_read_as_it_is(
    airflow: Airflow, dag_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        # That version held all of each text.
        before.setenv("AIRFLOW__SAGEMAKER_PIPELINES__MAX_XCOM_TEXT_LENGTH", "0")
        airflow.run(pipeline(wordy(CacheConfig=CACHE), training("Read")), dag_id=dag_id)
    definition = pipeline(wordy(CacheConfig=CACHE), reading("Steps.Train.HyperParameters['a']"))
    airflow.endpoint.reset()
    for conf in ({SELECTED: ["Read"]}, {}):
        run = airflow.run(definition, conf, dag_id=dag_id)
        assert run.xcom("Train")["HyperParameters"] == TEXTS
        assert read(airflow) == TEXTS["a"]


def test_a_long_text_with_a_secret_is_sent_whole_and_shows_nothing_of_it(
    airflow: Airflow, dag_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    # The secret lies across the end of what is left of the text.
    secret, text = "correct-horse-battery", "y" * 90 + "correct-horse-battery" + "y" * 1800
    arguments = {"Environment": {"DB_PASSWORD": secret}, "HyperParameters": {"a": text}}
    airflow.run(pipeline(training("Train", Arguments=arguments), training("Read")), dag_id=dag_id)
    definition = pipeline(training("Train", Arguments=arguments), reading("Steps.Train.HyperParameters['a']"))
    run = airflow.run(definition, {SELECTED: ["Read"]}, dag_id=dag_id)
    assert read(airflow) == text
    assert run.xcom("Train")["HyperParameters"]["a"].startswith("y" * 90 + "***y")
    sealed = json.loads(unseal(run.xcom("Train", "sagemaker_sealed")))
    assert sealed["Environment"] == {"DB_PASSWORD": secret}
    assert len(sealed["HyperParameters"]["a"]) < 200


def test_what_a_loop_gives_is_whole_where_something_refers_to_it(
    airflow: Airflow, capfd: pytest.CaptureFixture[str], dag_id: str
) -> None:
    path = "Steps.Loop.IterationOutputs[0].Train.HyperParameters"
    run = airflow.run(pipeline(loop(wordy()), reading(f"{path}['b']"), Parameters=ITEMS), dag_id=dag_id)
    assert run.state == "success"
    assert read(airflow) == TEXTS["b"]
    [outputs] = run.xcom("Loop.ForEach.result")["IterationOutputs"]
    assert outputs["Train"]["HyperParameters"] == {**CUT, "b": TEXTS["b"]}
    changed = pipeline(loop(wordy()), reading(f"{path}['c']"), Parameters=ITEMS)
    again = airflow.run(changed, {SELECTED: ["Read"]}, dag_id=dag_id)
    assert again.states["Read"] == "failed"
    assert "set [sagemaker_pipelines] max_xcom_text_length to 0, and run the step again" in errors_of(capfd)


def test_a_task_that_takes_the_output_of_a_step_is_given_all_of_it(airflow: Airflow) -> None:
    body = """
    group = SageMakerPipelineTaskGroup("pipeline.json", group_id="pipeline")
    told(group.output("Train")["HyperParameters"]["b"])
    """
    run = run_embedded(airflow, pipeline(wordy()), body)
    assert run.state == "success"
    assert run.xcom("pipeline.Train")["HyperParameters"] == CUT
    assert run.xcom("told") == TEXTS["b"]


def test_a_failed_step_leaves_its_description_within_the_bound(airflow: Airflow) -> None:
    airflow.endpoint.reset({"jobs": [{"kind": "training", "name": "*Train*", "outcome": "Failed"}]})
    after = reading("Steps.Train.HyperParameters['b']")
    run = airflow.run(pipeline(wordy(), {**after, "DependsOn": [{"Step": "Train", "Trigger": "Failed"}]}))
    assert run.states["Read"] == "success"
    assert read(airflow) == TEXTS["b"]
    assert run.xcom("Train")["HyperParameters"] == {**CUT, "b": TEXTS["b"]}


def test_a_parameter_is_not_given_the_beginning_of_a_text(
    airflow: Airflow, dag_id: str, capfd: pytest.CaptureFixture[str]
) -> None:
    airflow.run(pipeline(wordy()), dag_id=dag_id)
    template = f"{{{{ xcom_pull('Train', '{dag_id}')['HyperParameters']['b'] }}}}"
    parameters = [{"Name": "Text", "Type": "String"}]
    definition = pipeline(reading("Parameters.Text"), Parameters=parameters)
    run = airflow.run(definition, dag_id=f"{dag_id}-taking", parameters={"Text": template})
    assert run.state == "failed"
    assert "XCom holds the beginning alone ([sagemaker_pipelines] max_xcom_text_length)" in errors_of(capfd)
    short = template.replace("['HyperParameters']['b']", "['TrainingJobStatus']")
    assert airflow.run(definition, dag_id=f"{dag_id}-taking", parameters={"Text": short}).state == "success"
    assert json.dumps(read(airflow)) == '"Completed"'
