"""ForEach steps whose body has several steps: their order by item, what they read of each other, and how one fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.runs.harness import BUCKET, Airflow, condition, equals, get, pipeline, processing, training
from tests.runs.test_for_each import COUNTS, FIRST, INTERNAL, ITEM, ITEMS, RESULT, children, loop
from tests.runs.test_lambda import ARN, function

CASES = Path(__file__).parent.parent / "cases"


def case(name: str) -> Any:
    [file] = CASES.glob(f"{name}-*.json")
    return json.loads(file.read_text())


def payloads(airflow: Airflow, function_name: str) -> list[Any]:
    """The events of a function, in the order of their text."""
    calls = airflow.endpoint.requests("lambda", "Invoke")
    found = [call.parameters["Payload"] for call in calls if call.parameters["FunctionName"].endswith(function_name)]
    return sorted(found, key=json.dumps)


def test_what_the_sdk_writes(airflow: Airflow) -> None:
    airflow.endpoint.put_function("notify", lambda event: {"score": float(event.get("br", 0))})
    run = airflow.run(case("42"))
    assert run.state == "success"
    assert payloads(airflow, "notify") == [
        {"best": 2.0, "first": 1.0, "n": 2},
        {"n": "a", "deep": 5, "br": 1},
        {"n": "b", "deep": 6, "br": 2},
    ]
    assert children(run, "Fan.Body") == [
        (0, "success", '{"name": "a", "score": 1, "a": {"b": 5}}'),
        (1, "success", '{"name": "b", "score": 2, "a": {"b": 6}}'),
    ]


def test_a_literal_list(airflow: Airflow) -> None:
    airflow.endpoint.put_function("notify", lambda event: {})
    run = airflow.run(case("42c"))
    assert run.state == "success"
    assert payloads(airflow, "notify") == [{"i": "x"}, {"i": "y"}, {"i": 3}]
    assert [label for _, _, label in children(run, "Fan.Body")] == ["x", "y", "3"]


def joined(*values: Any) -> Any:
    return {"Std:Join": {"On": "", "Values": list(values)}}


def chain() -> list[dict[str, Any]]:
    """A training, a look at what it made, and a call that reads the file of the look, all of the same item."""
    train = training("Train", Arguments={"HyperParameters": {"item": ITEM}})
    look = processing("Look")
    place = {"Std:Join": {"On": "/", "Values": ["s3:/", BUCKET, "looks", ITEM]}}
    look["Arguments"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] = place
    look["Arguments"]["Environment"] = {"model": get("Steps.Train.ModelArtifacts.S3ModelArtifacts")}
    file = {"Std:JsonGet": {"PropertyFile": get("Steps.Look.PropertyFiles.Report"), "Path": "score"}}
    tell = function("Tell", {"score": "Integer"}, Arguments={"item": ITEM, "score": file}, DependsOn=["Train"])
    return [tell, look, train]


def test_the_steps_of_a_body_run_in_their_order_and_read_what_is_of_their_item(airflow: Airflow) -> None:
    scores, s3 = {"a": 7, "b": 5, "c": 9}, airflow.endpoint.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for item, score in scores.items():
        body = json.dumps({"score": score}).encode()
        s3.put_object(Bucket=BUCKET, Key=f"looks/{item}/report.json", Body=body)
    airflow.endpoint.put_function("compute", lambda event: {"score": event["score"]})
    most = {"Pick": "MaxBy", "Field": get("IterationOutput.Tell.OutputParameters['score']")}
    told = {
        "best": get("Steps.Loop.Selected.OutputParameters['score']"),
        "model": get("Steps.Loop.IterationOutputs[2].Train.HyperParameters['item']"),
    }
    after = training("After", Arguments={"HyperParameters": told})
    definition = pipeline(loop(chain(), Selector=most, MaxConcurrency=2), after, Parameters=ITEMS)
    run = airflow.run(definition)
    assert run.state == "success"
    jobs = {request["HyperParameters"].get("item"): request for request in airflow.created("CreateTrainingJob")}
    looks = airflow.created("CreateProcessingJob")
    models = [f"s3://{BUCKET}/out/{jobs[item]['TrainingJobName']}/output/model.tar.gz" for item in scores]
    assert sorted(look["Environment"]["model"] for look in looks) == sorted(models)
    assert payloads(airflow, "compute") == [{"item": item, "score": score} for item, score in scores.items()]
    assert jobs[None]["HyperParameters"] == {"best": "9", "model": "c"}
    names = sorted("-".join(look["ProcessingJobName"].split("-")[2:4]) for look in looks)
    assert names == ["Look-0", "Look-1", "Look-2"]
    counts = {"InputItemCount": 3, "TotalStepCount": 9, "SucceededStepCount": 9, "FailedStepCount": 0}
    result = run.xcom(RESULT)
    assert counts.items() <= result.items()
    assert [sorted(outputs) for outputs in result["IterationOutputs"]] == [["Look", "Tell", "Train"]] * 3


def test_a_step_that_fails_takes_with_it_what_needs_it_of_the_same_item(
    airflow: Airflow, capfd: pytest.CaptureFixture[str]
) -> None:
    rules = [
        {"kind": "training", "name": "*-Train-1-*", "outcome": "Failed", "failure_reason": "AlgorithmError: no"},
        {"kind": "training", "name": "*-Apart-0-*", "outcome": "Failed", "failure_reason": INTERNAL, "times": 1},
    ]
    airflow.endpoint.reset({"jobs": rules})
    airflow.endpoint.put_function("compute", lambda event: {})
    retried = [{"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    body = [
        training("Train", Arguments={"HyperParameters": {"item": ITEM}}),
        function("Tell", Arguments={"item": ITEM, "job": get("Steps.Train.TrainingJobName")}),
        function("Last", DependsOn=["Tell"], Arguments={"last": ITEM}),
        training("Apart", RetryPolicies=retried),
    ]
    run = airflow.run(pipeline(loop(body), training("After", DependsOn=["Loop"]), Parameters=ITEMS))
    assert run.state == "failed"
    states = {
        step: [state for _, state, _ in children(run, f"Loop.{step}")] for step in ("Train", "Tell", "Last", "Apart")
    }
    assert states == {
        "Train": ["success", "failed", "success"],
        "Tell": ["success", "upstream_failed", "success"],
        "Last": ["success", "upstream_failed", "success"],
        "Apart": ["success"] * 3,
    }
    assert [event.get("item", event.get("last")) for event in payloads(airflow, "compute")] == ["a", "c", "a", "c"]
    assert len(airflow.created("CreateTrainingJob")) == 3 + 4
    result = run.xcom(RESULT)
    outputs = result.pop("IterationOutputs")
    assert result == {
        "Status": "Failed",
        "InputItemCount": 3,
        "TotalStepCount": 10,
        "SucceededStepCount": 9,
        "FailedStepCount": 1,
        "StoppedStepCount": 0,
    }
    assert [step for step, output in outputs[1].items() if output is None] == ["Train", "Tell", "Last"]
    text = "".join(capfd.readouterr())
    assert (
        "Step 'Loop' failed: 3 of its 12 children did not succeed:\n- Train-1, item \"b\": Step 'Train-1' failed"
        in text
    )
    assert "- 2 did not run, since one before them did not succeed" in text
    assert run.states["After"] == "upstream_failed"


def test_what_runs_upon_the_failure_of_a_loop_reads_its_counts(airflow: Airflow) -> None:
    """A loop whose child was stopped in AWS ends as Stopped; one that could not begin has come to no end."""
    airflow.endpoint.put_function("compute", lambda event: {})
    names = ("Status", *COUNTS)
    told = {name: get(f"Steps.Loop.{name}") for name in names}
    upon = [{"Step": "Loop", "Trigger": "Any"}]
    step = {**loop([training("Train"), training("Apart")]), "DependsOn": ["Before"]}
    handler = function("Handle", Arguments=told, DependsOn=upon)
    definition = pipeline(training("Before"), step, handler, Parameters=ITEMS)
    expected = {
        "Failed": {"Status": "Failed", "SucceededStepCount": 5, "FailedStepCount": 1, "StoppedStepCount": 0},
        "Stopped": {"Status": "Stopped", "SucceededStepCount": 5, "FailedStepCount": 0, "StoppedStepCount": 1},
    }
    for outcome, counts in expected.items():
        airflow.endpoint.reset({"jobs": [{"kind": "training", "name": "*-Train-1-*", "outcome": outcome}]})
        airflow.endpoint.put_function("compute", lambda event: {})
        run = airflow.run(definition)
        assert run.states[RESULT] == "failed"
        assert payloads(airflow, "compute") == [{"InputItemCount": 3, "TotalStepCount": 6, **counts}]
    airflow.endpoint.reset({"jobs": [{"kind": "training", "name": "*-Before-*", "outcome": "Failed"}]})
    run = airflow.run(definition)
    assert (run.states[FIRST], run.states["Loop.Train"], run.states["Handle"]) == (
        "upstream_failed",
        "upstream_failed",
        "skipped",
    )
    assert run.state == "failed"
    too_many = json.dumps([0] * 1025)
    airflow.endpoint.reset()
    airflow.endpoint.put_function("compute", lambda event: {})
    run = airflow.run(definition, {"Items": too_many})
    assert run.states["Handle"] == "success"
    assert payloads(airflow, "compute") == [{"Status": "Failed", **dict.fromkeys(COUNTS, 0), "InputItemCount": 1025}]


def test_no_items_and_an_untaken_branch_leave_all_steps_of_a_body_out(airflow: Airflow) -> None:
    choose = condition("Choose", [equals(1, 2)], [loop(chain())], [])
    run = airflow.run(pipeline(choose, Parameters=ITEMS))
    names = (FIRST, "Loop.Train", "Loop.Look", "Loop.Tell", RESULT)
    assert run.state == "success"
    assert {run.states[name] for name in names} == {"skipped"}
    run = airflow.run(pipeline(loop(chain()), Parameters=ITEMS), {"Items": "[]"})
    assert run.state == "success"
    assert [run.states[name] for name in names] == ["success", "skipped", "skipped", "skipped", "success"]
    assert airflow.created() == []


def test_an_item_is_data_wherever_it_goes(airflow: Airflow) -> None:
    """Deep in Arguments and settings, through a path, and as a label: never a template."""
    items = [{"f": ["compute"], "a": {"b c": "{{ conn.aws_default.password }}"}}, {"f": ["compute"], "a": {"b c": "1"}}]
    airflow.endpoint.put_function("compute", lambda event: {})
    path = get("ForEach.CurrentItem.a['b c']")
    body = function(
        "Tell", Arguments={"deep": [{"x": {"y": path}}], "joined": {"Std:Join": {"On": "", "Values": ["<", path]}}}
    )
    body["FunctionArn"] = {
        "Std:Join": {"On": "", "Values": [ARN.removesuffix("compute"), get("ForEach.CurrentItem.f[0]")]}
    }
    inside = {"i": ITEM, "x": get("ForEach.CurrentItem.x[0]")}
    second = loop(function("Twice", Arguments=inside), ['{"x": ["{{ 7 * 6 }}"]}', '{"x": [true]}'], "Second")
    run = airflow.run(
        pipeline(loop(body), second, Parameters=ITEMS), {"Items": json.dumps(items)}, render_template_as_native_obj=True
    )
    assert run.state == "success"
    texts = [item["a"]["b c"] for item in items]  # type: ignore[index]
    events = payloads(airflow, "compute")
    assert [event for event in events if "deep" in event] == [
        {"deep": [{"x": {"y": text}}], "joined": f"<{text}"} for text in sorted(texts)
    ]
    assert [label for _, _, label in children(run, "Second.Twice")] == ['{"x": ["{{ 7 * 6 }}"]}', '{"x": [true]}']
    assert [event["x"] for event in events if "x" in event] == ["{{ 7 * 6 }}", True]
    assert json.loads(children(run, "Loop.Tell")[0][2] or "") == items[0]
