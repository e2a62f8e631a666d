"""Selective execution: only the selected steps make calls, and the others give them the results of an earlier run."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from airflow_sm_pipelines.graph import plan
from tests.corpus import documents
from tests.runs import test_checks as checks
from tests.runs.beside import beside
from tests.runs.harness import Airflow, Run, condition, equals, get, pipeline, processing, training
from tests.runs.test_corpus import callbacks_answered, scenario_for
from tests.waiting import until

SELECTED = "sagemaker_selected_steps"
SOURCE = "sagemaker_source_run_id"


@pytest.fixture
def dag_id() -> str:
    """A Dag without earlier runs: the database is that of all tests."""
    return f"selective-{uuid.uuid4().hex[:8]}"


def reading(name: str, step: str, **members: Any) -> Any:
    return training(name, Arguments={"HyperParameters": {"read": get(f"Steps.{step}.TrainingJobName")}}, **members)


CHAIN = pipeline(training("A"), reading("B", "A"), reading("C", "B"), training("Apart"))
ALL = {"A": "success", "B": "success", "C": "success", "Apart": "success"}


def calls(airflow: Airflow, since: int = 0) -> list[Any]:
    """The requests that reached AWS."""
    return [(request.action, request.parameters) for request in airflow.endpoint.requests()[since:]]


def created_by_step(airflow: Airflow, since: int) -> list[str]:
    """The training jobs that were created, as the steps that their names hold."""
    requests = airflow.endpoint.requests("sagemaker", "CreateTrainingJob")[since:]
    return [request.parameters["TrainingJobName"].split("-")[2] for request in requests]


def errors_of(capfd: pytest.CaptureFixture[str]) -> str:
    captured = capfd.readouterr()
    # A long message stands in several lines.
    return " ".join((captured.out + captured.err).split())


def test_only_the_selected_step_runs(airflow: Airflow, dag_id: str) -> None:
    first = airflow.run(CHAIN, dag_id=dag_id)
    assert first.states == ALL
    run = airflow.test(dag_id, {SELECTED: ["C"]})
    assert run.state == "success"
    assert run.states == {"A": "success", "B": "success", "C": "success", "Apart": "skipped"}
    assert created_by_step(airflow, 4) == ["C"]
    request = airflow.endpoint.requests("sagemaker", "CreateTrainingJob")[-1].parameters
    assert request["HyperParameters"] == {"read": first.xcom("B")["TrainingJobName"]}
    for step in ("A", "B"):
        assert run.xcom(step) == first.xcom(step)
        assert run.xcom(step, "sagemaker") == {**first.xcom(step, "sagemaker"), "selection_source": first.run_id}
        assert run.rendered(step)["request"] == {"CopiedFromRun": first.run_id}
    assert run.rendered("Apart")["request"] == {"Skipped": "not among sagemaker_selected_steps"}
    assert run.xcom("C")["TrainingJobName"] != first.xcom("C")["TrainingJobName"]


def test_nothing_but_the_selected_step_makes_calls(airflow: Airflow, dag_id: str) -> None:
    airflow.run(CHAIN, dag_id=dag_id)
    before = len(airflow.endpoint.requests())
    run = airflow.test(dag_id, {SELECTED: ["C"]})
    name = run.xcom("C")["TrainingJobName"]
    named = {
        parameters["TrainingJobName"] for _, parameters in calls(airflow, before) if "TrainingJobName" in parameters
    }
    assert named == {name}
    assert {action for action, _ in calls(airflow, before)} <= {
        "CreateTrainingJob",
        "DescribeTrainingJob",
        "GetCallerIdentity",
    }


def test_a_step_without_upstream_steps_needs_no_earlier_run(airflow: Airflow, dag_id: str) -> None:
    run = airflow.run(CHAIN, {SELECTED: ["A", "Apart"]}, dag_id=dag_id)
    assert run.states == {"A": "success", "B": "skipped", "C": "skipped", "Apart": "success"}
    assert run.state == "success"
    assert sorted(created_by_step(airflow, 0)) == ["A", "Apart"]


def test_null_selects_nothing(airflow: Airflow, dag_id: str) -> None:
    """What the trigger form sends when the two fields are left alone."""
    assert airflow.run(CHAIN, {SELECTED: None, SOURCE: None}, dag_id=dag_id).states == ALL


def test_the_source_is_the_latest_run_that_ended_in_which_what_is_needed_succeeded(
    airflow: Airflow, dag_id: str
) -> None:
    succeeded = airflow.run(CHAIN, dag_id=dag_id)
    airflow.endpoint.reset({"jobs": [{"kind": "training", "name": "*-C-*", "outcome": "Failed"}]})
    failed_later = airflow.test(dag_id)
    assert failed_later.states == {**ALL, "C": "failed"}
    airflow.endpoint.reset({"jobs": [{"kind": "training", "name": "*-A-*", "outcome": "Failed"}]})
    failed_first = airflow.test(dag_id)
    assert failed_first.states == {**ALL, "A": "failed", "B": "upstream_failed", "C": "upstream_failed"}
    airflow.endpoint.reset()
    run = airflow.test(dag_id, {SELECTED: ["C"]})
    assert run.state == "success"
    assert run.xcom("B", "sagemaker")["selection_source"] == failed_later.run_id
    given = airflow.test(dag_id, {SELECTED: ["C"], SOURCE: succeeded.run_id})
    assert given.xcom("B") == succeeded.xcom("B")


def test_a_copied_result_can_be_copied_again(airflow: Airflow, dag_id: str) -> None:
    first = airflow.run(CHAIN, dag_id=dag_id)
    second = airflow.test(dag_id, {SELECTED: ["B"]})
    third = airflow.test(dag_id, {SELECTED: ["B", "C"]})
    assert third.xcom("A") == first.xcom("A")
    assert third.xcom("A", "sagemaker")["selection_source"] == second.run_id
    fourth = airflow.test(dag_id, {SELECTED: ["C"]})
    assert fourth.xcom("B") == third.xcom("B")


def test_a_masked_value_of_a_copied_result_is_read_from_its_job(airflow: Airflow, dag_id: str) -> None:
    secretive = training("A", Arguments={"HyperParameters": {"password": "open sesame"}})
    read = training("B", Arguments={"HyperParameters": {"x": get("Steps.A.HyperParameters['password']")}})
    airflow.run(pipeline(secretive, read), dag_id=dag_id)
    run = airflow.test(dag_id, {SELECTED: ["B"]})
    assert run.xcom("A")["HyperParameters"] == {"password": "***"}
    request = airflow.endpoint.requests("sagemaker", "CreateTrainingJob")[-1].parameters
    assert request["HyperParameters"] == {"x": "open sesame"}


METRIC = {"Std:JsonGet": {"PropertyFile": get("Steps.Evaluate.PropertyFiles.Report"), "Path": "metric"}}
JUDGED = pipeline(
    processing("Evaluate"),
    condition("Good", [equals(METRIC, 1)], [training("Then")], [training("Else")]),
)


@pytest.fixture
def judged(airflow: Airflow, dag_id: str) -> Run:
    """A run of a pipeline whose condition reads a file of its Processing step."""
    report = {"out": {"report.json": {"metric": 1}}}
    airflow.endpoint.reset({"jobs": [{"kind": "processing", "outputs": report}]})
    run = airflow.run(JUDGED, dag_id=dag_id)
    assert run.states == {"Evaluate": "success", "Good": "success", "Then": "success", "Else": "skipped"}
    return run


def test_a_selected_condition_reads_the_files_of_a_copied_step(airflow: Airflow, dag_id: str, judged: Run) -> None:
    before = len(airflow.created())
    run = airflow.test(dag_id, {SELECTED: ["Good"]})
    assert run.states == {"Evaluate": "success", "Good": "success", "Then": "skipped", "Else": "skipped"}
    assert run.xcom("Good") == {"Outcome": True}
    assert airflow.created()[before:] == []
    both = airflow.test(dag_id, {SELECTED: ["Good", "Then", "Else"]})
    assert both.states == judged.states
    assert len(airflow.created("CreateTrainingJob")) == 2


def test_a_selected_step_of_a_branch_runs_whatever_its_condition_said(
    airflow: Airflow, dag_id: str, judged: Run
) -> None:
    run = airflow.test(dag_id, {SELECTED: ["Else"]})
    assert run.states == {"Evaluate": "success", "Good": "success", "Then": "skipped", "Else": "success"}
    assert run.xcom("Good") == judged.xcom("Good") == {"Outcome": True}
    assert len(airflow.created("CreateProcessingJob")) == 1
    assert created_by_step(airflow, 1) == ["Else"]


def test_a_step_that_is_only_waited_for_needs_no_result(airflow: Airflow, dag_id: str) -> None:
    definition = pipeline(training("Before"), training("After", DependsOn=["Before"]))
    run = airflow.run(definition, {SELECTED: ["After"]}, dag_id=dag_id)
    assert run.states == {"Before": "success", "After": "success"}
    assert run.xcom("Before") is None
    assert created_by_step(airflow, 0) == ["After"]
    later = airflow.run(definition, dag_id=dag_id)
    again = airflow.test(dag_id, {SELECTED: ["After"]})
    assert again.xcom("Before") == later.xcom("Before")


def test_a_rejoining_step_can_be_selected(airflow: Airflow, dag_id: str) -> None:
    branch = condition("Is", [equals(1, 1)], [training("Then")], [training("Else")])
    definition = pipeline(branch, training("Joined", DependsOn=["Then", "Else"]))
    first = airflow.run(definition, dag_id=dag_id, rejoin=["Joined"])
    assert first.states["Else"] == "skipped"
    run = airflow.test(dag_id, {SELECTED: ["Joined"]})
    assert run.states["Joined"] == "success"
    assert created_by_step(airflow, 2) == ["Joined"]


@pytest.mark.parametrize(
    ("conf", "messages"),
    [
        ({SELECTED: ["b"]}, ["'b' is no step of the pipeline. Did you mean 'B'?"]),
        ({SELECTED: []}, ["No step is selected"]),
        ({SELECTED: ["A", "C"]}, ["Missing: 'B', on the path A -> B -> C"]),
        (
            {SELECTED: ["C"]},
            ["'C' needs the result of 'B', which is not selected. No earlier run of this Dag that has ended has it."],
        ),
        ({SELECTED: ["A"], SOURCE: "gone"}, ["sagemaker_source_run_id: this Dag has no run 'gone'."]),
        ({SOURCE: "gone"}, ["sagemaker_source_run_id is given without sagemaker_selected_steps."]),
        (
            {SELECTED: ["b", "A", "C"], SOURCE: "gone", "Rate": 1},
            ["Did you mean 'B'?", "Missing: 'B'", "no run 'gone'", "'Rate' (given 1, an Integer) is no parameter"],
        ),
    ],
)
def test_a_selection_that_cannot_be_run_fails_before_anything_runs(
    airflow: Airflow, dag_id: str, conf: dict[str, Any], messages: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    run = airflow.run(CHAIN, conf, dag_id=dag_id)
    assert run.states == {"A": "failed", "B": "upstream_failed", "C": "upstream_failed", "Apart": "failed"}
    assert run.state == "failed"
    assert calls(airflow) == []
    told = errors_of(capfd)
    assert told.count("RunRefused: The run cannot start:") == 2
    for message in messages:
        assert message in told


def test_a_source_in_which_a_needed_step_failed_is_refused(
    airflow: Airflow, dag_id: str, capfd: pytest.CaptureFixture[str]
) -> None:
    airflow.endpoint.reset({"jobs": [{"kind": "training", "name": "*-B-*", "outcome": "Failed"}]})
    source = airflow.run(CHAIN, dag_id=dag_id)
    before = len(airflow.endpoint.requests())
    run = airflow.test(dag_id, {SELECTED: ["C"], SOURCE: source.run_id})
    assert run.states["A"] == "failed"
    assert f"'C' needs the result of 'B', which is not selected, and the run {source.run_id!r}" in errors_of(capfd)
    assert airflow.test(dag_id, {SELECTED: ["B"], SOURCE: source.run_id}).states["A"] == "success"
    assert [action for action, _ in calls(airflow, before)].count("CreateTrainingJob") == 1


@contextmanager
def deleted_at_the_next(action: str, airflow: Airflow, run: Run) -> Iterator[None]:
    """Delete a run while a call to AWS is under way."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    airflow.endpoint.add_fault(action=action, pause="before", times=1)

    def delete_it() -> None:
        until(airflow.endpoint.paused)
        try:
            with create_session(scoped=False) as session:
                session.execute(delete(DagRun).where(DagRun.run_id == run.run_id))
        finally:
            airflow.endpoint.resume()

    with beside(delete_it):
        yield


def test_the_source_may_go_once_its_results_are_copied(airflow: Airflow, dag_id: str) -> None:
    source = airflow.run(CHAIN, dag_id=dag_id)
    with deleted_at_the_next("CreateTrainingJob", airflow, source):
        run = airflow.test(dag_id, {SELECTED: ["B", "C"], SOURCE: source.run_id})
    assert run.states == {"A": "success", "B": "success", "C": "success", "Apart": "skipped"}
    assert source.xcom("A") is None
    assert created_by_step(airflow, 4) == ["B", "C"]


def test_a_step_that_waits_for_its_job_does_not_ask_for_the_source_again(airflow: Airflow, dag_id: str) -> None:
    airflow.endpoint.reset(checks.scenario())
    definition = pipeline(checks.quality(**checks.FIRST))
    source = airflow.run(definition, dag_id=dag_id, deferrable=True)
    with deleted_at_the_next("DescribeProcessingJob", airflow, source):
        run = airflow.test(dag_id, {SELECTED: ["Check"], SOURCE: source.run_id})
    assert run.states == {"Check": "success"}
    assert source.xcom("Check") is None


@pytest.mark.parametrize("conf", [{SELECTED: ["A"]}, {"Items": '["c"]'}, {SELECTED: ["Apart"], SOURCE: "one"}])
def test_what_airflow_lets_not_into_a_run_fails_it_before_anything_runs(
    airflow: Airflow,
    dag_id: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    conf: dict[str, Any],
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__DAG_RUN_CONF_OVERRIDES_PARAMS", "False")
    definition = {**CHAIN, "Parameters": LOOPED["Parameters"]}
    run = airflow.run(definition, conf, dag_id=dag_id)
    assert run.states == {"A": "failed", "B": "upstream_failed", "C": "upstream_failed", "Apart": "failed"}
    assert calls(airflow) == []
    told = (
        f"It is given values ({', '.join(conf)}), and Airflow lets none in: [core] dag_run_conf_overrides_params is off"
    )
    # Each of the two steps says it on a line of its own, and Airflow tells of the exception.
    assert errors_of(capfd).count(told) == 4
    # What the trigger form sends when nothing is changed.
    unchanged = {SELECTED: None, SOURCE: None, "Items": LOOPED["Parameters"][0]["DefaultValue"]}
    assert airflow.test(dag_id, unchanged).states == ALL


def test_a_value_that_is_no_list_is_refused(airflow: Airflow, dag_id: str) -> None:
    with pytest.raises(Exception, match="'A' is not of type"):
        airflow.run(CHAIN, {SELECTED: "A"}, dag_id=dag_id)
    assert calls(airflow) == []


# What a selection of the steps of real definitions asks of AWS, apart from looking at what it made.
CORPUS = {
    "public-amazon-sagemaker-examples/sm-pipelines_selective_execution.json": (
        ["Abalone-Train", "Abalone-Evaluate"],
        ["CreateTrainingJob", "CreateProcessingJob"],
    ),
    "examples/sm-pipelines_local_mode-3.json": (["AbaloneTransform"], ["CreateTransformJob"]),
    "examples/sm-pipelines_callback_step.json": (
        ["TrainModel", "TaxiModel-CreateModel"],
        ["CreateTrainingJob", "CreateModel"],
    ),
    "examples/pipelines-sagemaker-geospatial.json": (["StackingStep"], ["Invoke"]),
    "custom-v3/v3_process_train_create_register.json": (["RegisterModel"], ["CreateModelPackage"]),
}
# Looking at what is there, and the experiment that every run belongs to.
BESIDES = ("Describe", "List", "Get", "Receive", "CreateExperiment", "CreateTrial")


@pytest.mark.parametrize("name", CORPUS, ids=str)
def test_steps_of_a_real_definition_run_on_the_results_of_an_earlier_run(
    airflow: Airflow, dag_id: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = json.loads(documents()[name])
    selected, expected = CORPUS[name]
    airflow.endpoint.reset(scenario_for(document))
    # With the step cache, a selected step would make no job either.
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__CACHE", "False")
    with callbacks_answered(airflow, document, {}, monkeypatch):
        source = airflow.run(document, dag_id=dag_id)
    before = len(airflow.endpoint.requests())
    run = airflow.test(dag_id, {SELECTED: selected})
    assert {step: run.states[step] for step in selected} == dict.fromkeys(selected, "success")
    made = [r for r in airflow.endpoint.requests()[before:] if not r.action.startswith(BESIDES)]
    assert [(r.action, r.error_code) for r in made] == [(action, None) for action in expected]
    for step in plan(document).graph.steps:
        if step.name not in selected and run.states[step.name] == "success":
            assert run.xcom(step.name) == source.xcom(step.name)
            assert run.xcom(step.name, "sagemaker")["selection_source"] == source.run_id


LOOP = {
    "Name": "Each",
    "Type": "ForEach",
    "Arguments": {"IterableItems": get("Parameters.Items"), "MaxConcurrency": 2, "ForEachBody": [training("Child")]},
}
LOOPED = pipeline(
    LOOP,
    training(
        "After", Arguments={"HyperParameters": {"read": get("Steps.Each.IterationOutputs[1].Child.TrainingJobName")}}
    ),
    training("Apart"),
    Parameters=[{"Name": "Items", "Type": "String", "DefaultValue": '["a", "b"]'}],
)


def test_a_for_each_step_is_copied_skipped_and_run_as_a_whole(airflow: Airflow, dag_id: str) -> None:
    source = airflow.run(LOOPED, dag_id=dag_id)
    assert source.state == "success"
    copying = airflow.test(dag_id, {SELECTED: ["After"], "Items": '["other", "items", "here"]'})
    assert copying.state == "success"
    assert created_by_step(airflow, 4) == ["After"]
    assert copying.xcom("Each.ForEach.result") == source.xcom("Each.ForEach.result")
    skipping = airflow.test(dag_id, {SELECTED: ["Apart"]})
    assert {step for step, state in skipping.states.items() if state == "success"} == {"Apart"}
    assert set(skipping.states.values()) == {"success", "skipped"}
    assert created_by_step(airflow, 5) == ["Apart"]
    running = airflow.test(dag_id, {SELECTED: ["Each"], "Items": '["a"]'})
    assert running.state == "success"
    assert created_by_step(airflow, 6) == ["Child"]


def test_a_for_each_step_that_is_only_waited_for_needs_no_earlier_run(airflow: Airflow, dag_id: str) -> None:
    definition = pipeline(LOOP, training("After", DependsOn=["Each"]), Parameters=LOOPED["Parameters"])
    run = airflow.run(definition, {SELECTED: ["After"]}, dag_id=dag_id)
    assert run.state == "success"
    assert run.states["After"] == run.states["Each.ForEach.result"] == "success"
    assert created_by_step(airflow, 0) == ["After"]
