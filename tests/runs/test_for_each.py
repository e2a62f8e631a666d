"""ForEach steps: where the items come from, the children and their jobs, the step's result, and every way to fail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_sm_pipelines.expressions.end_note import END_KEY
from tests.runs.adapters import lose_the_first_try
from tests.runs.harness import (
    BUCKET,
    Airflow,
    Run,
    condition,
    equals,
    get,
    pipeline,
    processing,
    training,
)
from tests.runs.test_lambda import function
from tests.runs.time_limits import time_over

ITEMS = [{"Name": "Items", "Type": "String", "DefaultValue": '["a", "b", "c"]'}]
ITEM = get("ForEach.CurrentItem")
FIRST, RESULT = "Loop.ForEach.items", "Loop.ForEach.result"
COUNTS = ("InputItemCount", "TotalStepCount", "SucceededStepCount", "FailedStepCount", "StoppedStepCount")
INTERNAL = "InternalServerError: We encountered an internal error.  Please try again."


@pytest.fixture(params=[True, False], ids=["deferrable", "synchronous"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def loop(body: Any, items: Any = None, name: str = "Loop", **arguments: Any) -> dict[str, Any]:
    """A ForEach step over a body of one step, or of a list of steps."""
    items = get("Parameters.Items") if items is None else items
    steps = body if isinstance(body, list) else [body]
    members = {"IterableItems": items, "ForEachBody": steps, "MaxConcurrency": 10, **arguments}
    return {"Name": name, "Type": "ForEach", "Arguments": members}


def each(**members: Any) -> dict[str, Any]:
    """A Training step whose hyperparameter is the item."""
    return training("Train", Arguments={"HyperParameters": {"item": ITEM}}, **members)


def children(run: Run, task_id: str = "Loop.Train") -> list[tuple[int, str, str | None]]:
    """Map index, state and label of the children."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        found = session.scalars(
            select(TaskInstance)
            .where(
                TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id, TaskInstance.task_id == task_id
            )
            .order_by(TaskInstance.map_index)
        ).all()
        return [(task.map_index, str(task.state), task.rendered_map_index) for task in found]


def trained(run: Run) -> list[dict[str, Any]]:
    """What the step tells of its children."""
    return [outputs["Train"] for outputs in run.xcom(RESULT)["IterationOutputs"]]


def requests(airflow: Airflow) -> list[dict[str, Any]]:
    """The requests of the children in the order of their items: in which they are made is Airflow's affair."""
    return sorted(
        (request for request in airflow.created("CreateTrainingJob") if "-Train-" in request["TrainingJobName"]),
        key=lambda request: str(request["TrainingJobName"]),
    )


def test_a_child_for_each_item_of_a_parameter(airflow: Airflow, deferrable: bool) -> None:
    after = training("After", Arguments={"HyperParameters": {"Status": get("Steps.Loop.Status")}})
    run = airflow.run(pipeline(loop(each()), after, Parameters=ITEMS), deferrable=deferrable)
    assert run.state == "success"
    assert children(run) == [(0, "success", "a"), (1, "success", "b"), (2, "success", "c")]
    created, last = requests(airflow), airflow.created("CreateTrainingJob")[-1]
    assert [request["HyperParameters"] for request in created] == [{"item": "a"}, {"item": "b"}, {"item": "c"}]
    assert ["-Train-" + str(n) + "-" in request["TrainingJobName"] for n, request in enumerate(created)] == [True] * 3
    assert last["HyperParameters"] == {"Status": "Succeeded"}


def test_the_result_is_what_others_refer_to(airflow: Airflow) -> None:
    """Items are objects from a Lambda function's output, whose fields the body reads; the Selector picks a child."""
    items = [{"name": "small", "depth": 3}, {"name": "large", "depth": 9}, {"name": "middle", "depth": 5}]
    airflow.endpoint.put_function("compute", lambda event: {"items": items})
    body = training("Train", Arguments={"HyperParameters": {"name": get("ForEach.CurrentItem.name")}})
    body["Arguments"]["StoppingCondition"] = {"MaxRuntimeInSeconds": get("ForEach.CurrentItem.depth")}
    step = loop(
        body,
        get("Steps.Find.OutputParameters['items']"),
        Selector={"Pick": "MaxBy", "Field": get("IterationOutput.Train.StoppingCondition.MaxRuntimeInSeconds")},
    )
    told = {
        "First": get("Steps.Loop.IterationOutputs[0].Train.ModelArtifacts.S3ModelArtifacts"),
        "Name": get("Steps.Loop.IterationOutputs[2].Train.HyperParameters['name']"),
        "Best": get("Steps.Loop.Selected.HyperParameters['name']"),
        "Status": get("Steps.Loop.Status"),
        **{name: {"Std:Join": {"On": "", "Values": [get(f"Steps.Loop.{name}")]}} for name in COUNTS},
    }
    after = training("After", Arguments={"HyperParameters": told})
    run = airflow.run(pipeline(function("Find", {"items": "String"}), step, after))
    assert run.state == "success"
    created, last = requests(airflow), airflow.created("CreateTrainingJob")[-1]
    assert [request["HyperParameters"]["name"] for request in created] == ["small", "large", "middle"]
    assert [request["StoppingCondition"]["MaxRuntimeInSeconds"] for request in created] == [3, 9, 5]
    artifacts = last["HyperParameters"].pop("First")
    assert artifacts == f"s3://{BUCKET}/out/{created[0]['TrainingJobName']}/output/model.tar.gz"
    assert last["HyperParameters"] == {
        "Name": "middle",
        "Best": "large",
        "Status": "Succeeded",
        "InputItemCount": "3",
        "TotalStepCount": "3",
        "SucceededStepCount": "3",
        "FailedStepCount": "0",
        "StoppedStepCount": "0",
    }
    outputs = trained(run)
    assert [output["TrainingJobName"] for output in outputs] == [request["TrainingJobName"] for request in created]
    assert run.xcom(FIRST) == items


def test_a_child_is_retried_by_its_own_policy_and_alone(airflow: Airflow, deferrable: bool) -> None:
    rule = {"kind": "training", "name": "*-Train-1-*", "outcome": "Failed", "failure_reason": INTERNAL, "times": 1}
    airflow.endpoint.reset({"jobs": [rule]})
    policies = [{"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "IntervalSeconds": 1, "MaxAttempts": 2}]
    run = airflow.run(pipeline(loop(each(RetryPolicies=policies)), Parameters=ITEMS), deferrable=deferrable)
    assert run.state == "success"
    jobs = [(request["TrainingJobName"], request["HyperParameters"]["item"]) for request in airflow.created()]
    assert sorted(item for _, item in jobs) == ["a", "b", "b", "c"]
    assert len({name for name, _ in jobs}) == 4
    first, second = (name for name, item in jobs if item == "b")
    assert second.endswith("-1")
    outputs = trained(run)
    assert [output["HyperParameters"]["item"] for output in outputs] == ["a", "b", "c"]
    assert outputs[1]["TrainingJobName"] == second != first


def test_a_try_that_is_lost_goes_on_with_its_own_childs_job(airflow: Airflow) -> None:
    lose_the_first_try()
    run = airflow.run(pipeline(loop(each()), Parameters=ITEMS))
    assert run.state == "success"
    assert sorted(request["HyperParameters"]["item"] for request in airflow.created()) == ["a", "b", "c"]


def test_a_child_that_fails_fails_the_step_when_all_have_ended(
    airflow: Airflow, deferrable: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    rules = [
        {"kind": "training", "name": "*-Train-0-*", "outcome": "Failed", "failure_reason": "AlgorithmError: no data"}
    ]
    airflow.endpoint.reset({"jobs": rules})
    run = airflow.run(
        pipeline(loop(each()), training("After", DependsOn=["Loop"]), Parameters=ITEMS), deferrable=deferrable
    )
    assert run.state == "failed"
    assert [state for _, state, _ in children(run)] == ["failed", "success", "success"]
    assert (run.states[RESULT], run.states["After"]) == ("failed", "upstream_failed")
    assert len(airflow.created()) == 3
    told = "".join(capfd.readouterr())
    assert "Step 'Loop' failed: 1 of its 3 children did not succeed:" in told
    assert '- Train-0, item "a": Step ' in told
    assert "AlgorithmError: no data" in told[told.index("did not succeed") :]
    result = run.xcom(RESULT)
    assert [
        output["Train"] and output["Train"]["HyperParameters"]["item"] for output in result.pop("IterationOutputs")
    ] == [
        None,
        "b",
        "c",
    ]
    assert result == {
        "Status": "Failed",
        "InputItemCount": 3,
        "TotalStepCount": 3,
        "SucceededStepCount": 2,
        "FailedStepCount": 1,
        "StoppedStepCount": 0,
    }


def test_no_items_are_a_success_without_children(airflow: Airflow) -> None:
    least = {"Pick": "MinBy", "Field": get("IterationOutput.Train.TrainingTimeInSeconds")}
    after = training("After", Arguments={"HyperParameters": {"Status": get("Steps.Loop.Status")}})
    run = airflow.run(pipeline(loop(each(), Selector=least), after, Parameters=ITEMS), {"Items": "[]"})
    assert run.state == "success"
    assert children(run) == [(-1, "skipped", None)]
    [created] = airflow.created()
    assert created["HyperParameters"] == {"Status": "Succeeded"}
    result = run.xcom(RESULT)
    assert [result[name] for name in COUNTS] == [0] * 5
    assert (result["Status"], result["IterationOutputs"]) == ("Succeeded", [])
    assert "Selected" not in result


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ("a,b", 'gave "a,b", which is no JSON'),
        ('{"a": 1}', r'gave "{\"a\": 1}", and a list is needed, or the JSON text of one.'),
        (json.dumps(list(range(1025))), "it has 1025 items, and Airflow runs at most 1024 tasks for one list"),
    ],
)
def test_what_is_no_list_of_items_fails_the_step(
    airflow: Airflow, capfd: pytest.CaptureFixture[str], items: str, message: str
) -> None:
    run = airflow.run(pipeline(loop(each()), training("After", DependsOn=["Loop"]), Parameters=ITEMS), {"Items": items})
    assert run.states == {
        FIRST: "failed",
        "Loop.Train": "upstream_failed",
        RESULT: "failed",
        "After": "upstream_failed",
    }
    assert airflow.created() == []
    told = "".join(capfd.readouterr())
    assert "Step 'Loop' failed: " in told
    assert message in told
    # The step's own task fails with the same words, not only with that the other one has failed.
    assert message in run.xcom(RESULT, END_KEY)["reason"]


def test_a_selector_that_cannot_compare_fails_the_step(airflow: Airflow, capfd: pytest.CaptureFixture[str]) -> None:
    best = {"Pick": "MaxBy", "Field": get("IterationOutput.Train.HyperParameters['item']")}
    run = airflow.run(pipeline(loop(each(), Selector=best), Parameters=ITEMS))
    assert run.states[RESULT] == "failed"
    told = "".join(capfd.readouterr())
    assert (
        "its Selector cannot pick an item: IterationOutput.Train.HyperParameters['item'] is \"a\" for Train-0" in told
    )
    assert run.xcom(RESULT)["SucceededStepCount"] == 3


def test_a_selector_compares_text_that_is_a_number(airflow: Airflow) -> None:
    best = {"Pick": "MinBy", "Field": get("IterationOutput.Train.HyperParameters['item']")}
    run = airflow.run(pipeline(loop(each(), Selector=best), Parameters=ITEMS), {"Items": '["10", "9", "9.0"]'})
    assert run.state == "success"
    assert run.xcom(RESULT)["Selected"]["TrainingJobName"] == requests(airflow)[1]["TrainingJobName"]


def test_a_field_that_an_item_lacks_fails_its_child_alone(airflow: Airflow, capfd: pytest.CaptureFixture[str]) -> None:
    body = training("Train", Arguments={"HyperParameters": {"item": get("ForEach.CurrentItem.x")}})
    run = airflow.run(pipeline(loop(body), Parameters=ITEMS), {"Items": '[{"x": "1"}, {"y": "2"}]'})
    assert [state for _, state, _ in children(run)] == ["success", "failed"]
    assert len(airflow.created()) == 1
    message = (
        'ForEach.CurrentItem.x is undefined for the item with the index 1, {"y": "2"}: .x is not in the item: it has y'
    )
    assert message in "".join(capfd.readouterr())


def test_other_types_as_a_body(airflow: Airflow) -> None:
    """A Lambda, whose calls have no name of their own, and a Processing step in another loop over the first's."""
    airflow.endpoint.put_function("compute", lambda event: {"twice": 2 * event["n"]})
    call = function("Double", {"twice": "Integer"}, Arguments={"n": ITEM})
    body = processing("Process", Arguments={"Environment": {"loop": get("Steps.Loop.Status")}})
    del body["PropertyFiles"]
    second = loop(body, [get("Steps.Loop.IterationOutputs[1].Double.OutputParameters['twice']"), "x"], "Second")
    run = airflow.run(pipeline(loop(call), second, Parameters=ITEMS), {"Items": "[1, 2]"})
    assert run.state == "success"
    assert [request["Environment"] for request in airflow.created("CreateProcessingJob")] == [{"loop": "Succeeded"}] * 2
    payloads = [request.parameters["Payload"] for request in airflow.endpoint.requests("lambda", "Invoke")]
    assert sorted(payload["n"] for payload in payloads) == [1, 2]
    outputs = [{"Double": {"OutputParameters": {"twice": number}}} for number in (2, 4)]
    assert run.xcom(RESULT)["IterationOutputs"] == outputs
    assert children(run, "Second.Process") == [(0, "success", "4"), (1, "success", "x")]


@pytest.mark.parametrize("taken", [True, False])
def test_a_loop_in_a_branch_runs_only_where_it_is_taken(airflow: Airflow, taken: bool) -> None:
    after = training("After", DependsOn=["Loop"])
    choose = condition("Choose", [equals(1, 1 if taken else 2)], [loop(each())], [])
    run = airflow.run(pipeline(choose, after, Parameters=ITEMS))
    assert run.state == "success"
    names = (FIRST, "Loop.Train", RESULT, "After")
    assert {run.states[name] for name in names} == {"success" if taken else "skipped"}
    assert len(airflow.created()) == (4 if taken else 0)


def test_a_loop_after_a_skipped_step_is_skipped(airflow: Airflow) -> None:
    choose = condition("Choose", [equals(1, 2)], [training("Before")], [])
    step = {**loop(each()), "DependsOn": ["Before"]}
    run = airflow.run(pipeline(choose, step, training("After", DependsOn=["Loop"]), Parameters=ITEMS))
    assert run.state == "success"
    assert {run.states[name] for name in (FIRST, "Loop.Train", RESULT, "After")} == {"skipped"}
    assert airflow.created() == []


def test_an_execution_timeout_stops_the_jobs_of_the_children(airflow: Airflow, deferrable: bool) -> None:
    airflow.endpoint.reset({"jobs": [{"kind": "training", "duration": 600}]})
    with time_over(airflow, deferrable=deferrable) as limit:
        run = airflow.run(pipeline(loop(each()), Parameters=ITEMS), deferrable=deferrable, default_args=limit)
    assert [state for _, state, _ in children(run)] == ["failed"] * 3
    stopped = [call.parameters["TrainingJobName"] for call in airflow.endpoint.requests("sagemaker", "StopTrainingJob")]
    assert sorted(stopped) == [request["TrainingJobName"] for request in requests(airflow)]
    assert run.states[RESULT] == "failed"


def test_a_loop_that_is_not_selected_is_copied_and_has_no_children(airflow: Airflow) -> None:
    told = {"item": get("Steps.Loop.IterationOutputs[1].Train.HyperParameters['item']")}
    definition = pipeline(loop(each()), training("After", Arguments={"HyperParameters": told}), Parameters=ITEMS)
    first = airflow.run(definition)
    assert first.state == "success"
    airflow.endpoint.reset()
    second = airflow.run(definition, {"sagemaker_selected_steps": ["After"]})
    assert second.states == {FIRST: "success", "Loop.Train": "skipped", RESULT: "success", "After": "success"}
    [created] = airflow.created()
    assert created["HyperParameters"] == {"item": "b"}
    assert second.xcom(RESULT) == first.xcom(RESULT)


def test_a_loop_that_is_not_selected_and_comes_later_is_skipped(airflow: Airflow) -> None:
    step = {**loop(each()), "DependsOn": ["Before"]}
    run = airflow.run(pipeline(training("Before"), step, Parameters=ITEMS), {"sagemaker_selected_steps": ["Before"]})
    assert run.states == {"Before": "success", FIRST: "skipped", "Loop.Train": "skipped", RESULT: "skipped"}
    assert len(airflow.created()) == 1


def test_what_the_children_make_are_assets_of_their_body(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__ASSETS", "outputs")
    run = airflow.run(pipeline(loop(each()), Parameters=ITEMS))
    assert run.state == "success"
    with create_session() as session:
        query = select(AssetEvent.source_task_id, AssetEvent.source_map_index)
        rows = session.execute(query.where(AssetEvent.source_run_id == run.run_id)).all()
    assert sorted(map(tuple, rows)) == [("Loop.Train", 0), ("Loop.Train", 1), ("Loop.Train", 2)]
