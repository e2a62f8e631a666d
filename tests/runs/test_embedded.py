"""A pipeline as a task group of a Dag with other tasks: run on real Airflow, with the requests that came of it."""

from __future__ import annotations

import json
from textwrap import dedent, indent
from typing import Any

import pytest
from cryptography.fernet import Fernet

from airflow_sm_pipelines.expressions.identity import execution_id
from airflow_sm_pipelines.place import Place
from tests.runs.harness import BUCKET, Airflow, Run, condition, equals, get, pipeline, processing, training
from tests.runs.test_callback import callback
from tests.runs.test_for_each import loop
from tests.runs.test_step_cache import clear
from tests.runs.workers import make_queue, send, worker

FILE = """
import datetime
import json
from pathlib import Path

from airflow.providers.standard.operators.python import BranchPythonOperator
from airflow.sdk import DAG, Param, TaskGroup, task

from airflow_sm_pipelines import SageMakerPipelineTaskGroup, failure_of

FOLDER = Path(__file__).parent


@task
def url():
    return "s3://upstream/data"


@task
def told(x):
    return x


@task
def after():
    return "ran"


with DAG("mine", {dag}) as dag:
{body}
"""
URL = [
    {"Name": "Url", "Type": "String"},
    {"Name": "Limit", "Type": "Float", "DefaultValue": 6},
    {"Name": "Tag", "Type": "String", "DefaultValue": "none"},
]
OUTCOME = "pipeline.run.outcome"


def write(airflow: Airflow, definition: Any, body: str, dag: str = "") -> None:
    (airflow.folder / "pipeline.json").write_text(json.dumps(definition))
    (airflow.folder / "mine.py").write_text(FILE.format(body=indent(dedent(body), "    "), dag=dag))


def run(airflow: Airflow, definition: Any, body: str, conf: Any = None, dag: str = "") -> Run:
    write(airflow, definition, body, dag)
    return airflow.test("mine", conf)


def with_state(run: Run, state: str) -> set[str]:
    return {task for task, found in run.states.items() if found == state}


def everything() -> dict[str, Any]:
    """A definition with a reference, a loop, a branch that is taken, one that is not, and the execution's own names."""
    train = training(
        "Train",
        Arguments={
            "HyperParameters": {
                "url": get("Parameters.Url"),
                "tag": get("Parameters.Tag"),
                "data": get("Steps.Prepare.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"),
                "execution": get("Execution.PipelineExecutionId"),
                "pipeline": get("Execution.PipelineName"),
            }
        },
    )
    body = training("Fit", Arguments={"HyperParameters": {"item": get("ForEach.CurrentItem")}})
    check = condition(
        "Check",
        [{"Type": "LessThanOrEqualTo", "LeftValue": 5, "RightValue": get("Parameters.Limit")}],
        [training("Good", DependsOn=["Train"])],
        [training("Bad", DependsOn=["Train"])],
    )
    return pipeline(processing("Prepare"), train, loop(body, ["a", "b"]), check, Parameters=URL)


def test_twice_in_one_dag_beside_other_tasks(airflow: Airflow) -> None:
    done = run(
        airflow,
        everything(),
        """
        given = {"Url": url(), "Tag": "{{ params.Tag }}"}
        one = SageMakerPipelineTaskGroup("pipeline.json", group_id="one", parameters=given)
        model = one.output("Train")["ModelArtifacts"]["S3ModelArtifacts"]
        with TaskGroup("outer"):
            two = SageMakerPipelineTaskGroup(
                "pipeline.json",
                group_id="two",
                parameters={"Url": model, "Limit": dag.param("limit")},
            )
        one >> after()
        told(one.output("Loop")["IterationOutputs"][1]["Fit"]["TrainingJobName"])
        """,
        dag="params={'limit': 4.5, 'Url': 'not the pipelines', 'Tag': 'nightly'}",
    )
    assert done.state == "success"
    inner = {"Prepare", "Train", "Loop.ForEach.items", "Loop.Fit", "Loop.ForEach.result", "Check"}
    inner |= {"pipeline.run.parameters", OUTCOME}
    expected = {f"one.{name}" for name in inner} | {f"outer.two.{name}" for name in inner}
    assert with_state(done, "success") == expected | {"one.Good", "outer.two.Bad", "url", "after", "told"}
    # The branch that is not taken skips nothing outside of its pipeline.
    assert with_state(done, "skipped") == {"one.Bad", "outer.two.Good"}

    places = {"one": Place("mine", "one"), "outer.two": Place("mine", "outer.two")}
    given: dict[str, Any] = {}
    for request in airflow.created("CreateTrainingJob", own_tags=True):
        parameters = request.get("HyperParameters", {})
        if "execution" in parameters:
            given[parameters["pipeline"]] = parameters
            tags = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
            assert tags["airflow:pipeline-name"] == parameters["pipeline"]
            assert tags["airflow:dag-id"] == "mine"
            assert request["TrainingJobName"].startswith(f"pipelines-{parameters['execution']}-Train-")
    model = done.xcom("one.Train")["ModelArtifacts"]["S3ModelArtifacts"]
    assert {name: found["url"] for name, found in given.items()} == {
        "mine-one": "s3://upstream/data",
        "mine-outer-two": model,
    }
    # The Dag's own Params count where they are named, and nowhere else.
    assert {name: found["tag"] for name, found in given.items()} == {"mine-one": "nightly", "mine-outer-two": "none"}
    assert {found["execution"] for found in given.values()} == {
        execution_id(place, done.run_id) for place in places.values()
    }
    assert {found["data"] for found in given.values()} == {f"s3://{BUCKET}/Prepare/out"}
    # Two of each group's items, each with a job of its own.
    items = [request["HyperParameters"]["item"] for request in airflow.created("CreateTrainingJob")
             if "item" in request.get("HyperParameters", {})]  # fmt: skip
    assert sorted(items) == ["a", "a", "b", "b"]
    assert "-Fit-1-" in done.xcom("told")
    assert done.rendered("one.pipeline.run.parameters") == {
        "parameters": {"Url": "s3://upstream/data", "Tag": "nightly"}
    }
    assert done.xcom("outer.two.pipeline.run.parameters") == {"Url": model, "Limit": 4.5}


FAILS = {"jobs": [{"name": "*Train*", "outcome": "Failed", "failure_reason": "AlgorithmError: no data"}]}


def test_a_failed_step_fails_what_comes_after_the_group_and_nothing_beside_it(airflow: Airflow) -> None:
    airflow.endpoint.reset(FAILS)
    done = run(
        airflow,
        # What is skipped while the step that fails still runs must not hide the failure.
        pipeline(
            training("Train"),
            condition("Never", [equals(1, 2)], [training("Skipped", DependsOn=["Train"])], []),
            training("Beside"),
        ),
        """
        group = SageMakerPipelineTaskGroup("pipeline.json", group_id="g")
        other = told.override(task_id="other")("independent")
        group >> after()
        told(group.output("Beside")["TrainingJobName"])
        told.override(task_id="of_failed")(group.output("Train")["TrainingJobName"])
        group >> told.override(task_id="cleanup", trigger_rule="all_done")("always")
        """,
        dag="on_failure_callback=lambda c: (FOLDER / 'told.json').write_text(json.dumps("
        "[failure_of(c).reason, [s.task_id for s in failure_of(c).steps]]))",
    )
    assert done.states == {
        "g.Train": "failed",
        "g.Never": "success",
        "g.Skipped": "skipped",
        "g.Beside": "success",
        f"g.{OUTCOME}": "failed",
        "other": "success",
        "told": "success",
        "of_failed": "upstream_failed",
        "after": "upstream_failed",
        "cleanup": "success",
    }
    assert "-Train-" in done.xcom("g.Train", "_link_AwsConsoleLink")
    reason, steps = json.loads((airflow.folder / "told.json").read_text())
    assert "AlgorithmError: no data" in reason
    assert steps == ["g.Train"]
    note = done.xcom(f"g.{OUTCOME}", "sagemaker_end")
    assert note["reason"].startswith("The pipeline of the task group g has failed:\n- Train ended as Failed.")


def test_a_failure_that_was_handled_inside(airflow: Airflow) -> None:
    airflow.endpoint.reset(FAILS)
    handler = training("Handler", DependsOn=[{"Step": "Train", "Trigger": "Failed"}])
    done = run(
        airflow,
        pipeline(training("Train"), handler),
        """
        strict = SageMakerPipelineTaskGroup("pipeline.json", group_id="strict")
        lenient = SageMakerPipelineTaskGroup("pipeline.json", group_id="lenient", handled_failures="succeed")
        strict >> after()
        lenient >> told("handled")
        """,
    )
    assert {name: done.states[name] for name in ("after", "told")} == {"after": "upstream_failed", "told": "success"}
    assert {done.states[f"{group}.Handler"] for group in ("strict", "lenient")} == {"success"}


def test_what_comes_before_skips_or_fails_the_whole_group(airflow: Airflow) -> None:
    done = run(
        airflow,
        pipeline(training("Train"), training("Last", DependsOn=["Train"]), Parameters=URL),
        """
        given = {"Url": "s3://b/k"}
        skipped = SageMakerPipelineTaskGroup("pipeline.json", group_id="skipped", parameters=given)
        branch = BranchPythonOperator(task_id="branch", python_callable=lambda: "elsewhere")
        branch >> [skipped, told.override(task_id="elsewhere")("taken")]
        skipped >> after()

        @task
        def nothing():
            return None

        @task
        def broken():
            raise ValueError("no data today")

        broken() >> SageMakerPipelineTaskGroup("pipeline.json", group_id="late", parameters=given) >> told("x")
        SageMakerPipelineTaskGroup("pipeline.json", group_id="empty", parameters={"Url": nothing()})
        """,
    )
    states = done.states
    assert {states[name] for name in ("skipped.Train", "skipped.Last", f"skipped.{OUTCOME}", "after")} == {"skipped"}
    assert (states["late.Train"], states[f"late.{OUTCOME}"], states["told"]) == (
        "upstream_failed",
        "failed",
        "upstream_failed",
    )
    assert "did not begin" in done.xcom(f"late.{OUTCOME}", "sagemaker_end")["reason"]
    assert (states["empty.pipeline.run.parameters"], states["empty.Train"]) == ("failed", "upstream_failed")
    told = done.xcom("empty.pipeline.run.parameters", "sagemaker_end")["reason"]
    assert "the parameter 'Url' has no value: PlainXComArg(nothing: return_value) has given none (None)." in told
    assert airflow.created() == []


def test_a_selection_of_steps_is_refused_with_a_reason(airflow: Airflow) -> None:
    done = run(
        airflow,
        pipeline(training("Train")),
        'SageMakerPipelineTaskGroup("pipeline.json", group_id="g")',
        {"sagemaker_selected_steps": ["Train"]},
    )
    assert done.states == {"g.Train": "failed", f"g.{OUTCOME}": "failed"}
    told = done.xcom("g.Train", "sagemaker_end")["reason"]
    assert "sagemaker_selected_steps, and a selection of steps is for a Dag that is a pipeline" in told
    assert airflow.created() == []


def test_each_group_has_a_cache_of_its_own(airflow: Airflow) -> None:
    step = training("Train", CacheConfig={"Enabled": True, "ExpireAfter": "P30D"})
    body = """
        SageMakerPipelineTaskGroup("pipeline.json", group_id="one")
        SageMakerPipelineTaskGroup("pipeline.json", group_id="two")
    """
    try:
        first = run(airflow, pipeline(step), body)
        # Neither has taken the result of the other.
        assert len(airflow.created()) == 2
        second = airflow.test("mine")
        assert len(airflow.created()) == 2
        for group in ("one", "two"):
            assert second.xcom(f"{group}.Train") == first.xcom(f"{group}.Train")
            assert second.xcom(f"{group}.Train", "sagemaker")["cache_source"]["run_id"] == first.run_id
        clear("mine/one")
        airflow.test("mine")
        assert len(airflow.created()) == 3
        clear("mine")
        airflow.test("mine")
        assert len(airflow.created()) == 5
    finally:
        clear()


def test_a_callback_step_in_a_group_gets_its_answer(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__CALLBACK_TIMEOUT", "3600")
    work, replies = make_queue(airflow.endpoint, "work"), make_queue(airflow.endpoint, "replies")
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__CALLBACK_REPLY_QUEUE_URL", replies)

    def answer(message: dict[str, Any]) -> None:
        outputs = [{"Name": "decision", "Value": "yes"}, {"Name": "password", "Value": "hunter2-hunter2"}]
        reply = {"token": message["token"], "status": "Success", "OutputParameters": outputs}
        send(airflow.endpoint, replies, reply)

    step = callback("Approve", work, {"decision": "String", "password": "String"})
    with worker(airflow.endpoint, work, answer) as seen:
        done = run(
            airflow,
            pipeline(step),
            """
            group = SageMakerPipelineTaskGroup("pipeline.json", group_id="g")
            told(group.output("Approve")["OutputParameters"]["decision"])

            @task
            def length(x):
                return len(x)

            length(group.output("Approve")["OutputParameters"]["password"])
            """,
        )
    assert done.state == "success"
    [message] = seen
    own = execution_id(Place("mine", "g"), done.run_id)
    assert message["pipelineExecutionArn"].endswith(f":pipeline/mine-g/execution/{own}")
    assert done.xcom("told") == "yes"
    # Masked where people look, and real for who is given it.
    assert "hunter2" not in json.dumps(done.xcom("g.Approve"))
    assert done.xcom("length") == len("hunter2-hunter2")


def test_the_rest_of_a_dag_runs_beside_a_broken_definition(airflow: Airflow) -> None:
    done = run(
        airflow,
        pipeline(training("Train", DependsOn=["Nobody"])),
        """
        group = SageMakerPipelineTaskGroup("pipeline.json", on_error="task")
        told(group.output("Train")["TrainingJobName"])
        group >> after()
        told.override(task_id="other")("independent")
        """,
    )
    assert done.states == {
        "pipeline.definition_error": "failed",
        "told": "upstream_failed",
        "after": "upstream_failed",
        "other": "success",
    }
    assert "$.Steps[0].DependsOn[0]" in done.xcom("pipeline.definition_error", "sagemaker_end")["reason"]
