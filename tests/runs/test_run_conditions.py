"""Run conditions: what runs upon which end of which step, what it can read of it, and how the run ends."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.runs.harness import Airflow, Run, condition, equals, get, pipeline, training
from tests.runs.test_for_each import ITEMS, RESULT, children, loop
from tests.runs.time_limits import time_over

CASES = Path(__file__).parent.parent / "cases"
OUTCOME = "pipeline.run.outcome"
SELECTED = "sagemaker_selected_steps"
SOURCE = "sagemaker_source_run_id"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:notify"
ALWAYS = equals(1, 1)
IN_LOOP = ("Train", "Recover", "Halted", "Ended", "Plain", "Then")


def upon(step: str, trigger: str) -> dict[str, str]:
    return {"Step": step, "Trigger": trigger}


def notify(name: str, *depends_on: Any, **arguments: Any) -> dict[str, Any]:
    """A step that tells what it was given."""
    return {
        "Name": name,
        "Type": "Lambda",
        "FunctionArn": FUNCTION,
        "Arguments": {"who": name, **arguments},
        "OutputParameters": [],
        "DependsOn": list(depends_on),
    }


def told(airflow: Airflow) -> dict[str, Any]:
    """What each of these was given, by its name."""
    payloads = [request.parameters["Payload"] for request in airflow.endpoint.requests("lambda", "Invoke")]
    return {payload["who"]: {k: v for k, v in payload.items() if k != "who"} for payload in payloads}


def load(airflow: Airflow, *jobs: Any) -> None:
    airflow.endpoint.reset({"defaults": {"duration": 0.05}, "jobs": list(jobs)})
    airflow.endpoint.put_function("notify", lambda event: None)


def failing(step: str, reason: str = "AlgorithmError: out of patience") -> dict[str, Any]:
    return {"name": f"*-{step}-*", "outcome": "Failed", "failure_reason": reason}


def in_state(run: Run, state: str) -> set[str]:
    return {task for task, found in run.states.items() if found == state}


@pytest.mark.parametrize("deferrable", [False, True])
def test_every_trigger_upon_every_end(airflow: Airflow, deferrable: bool, capfd: pytest.CaptureFixture[str]) -> None:
    load(
        airflow,
        failing("Train", "InternalServerError: try again"),
        failing("Inner"),
        {"name": "*-Stop-*", "outcome": "Stopped"},
    )
    again = [{"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    mismatch = {"Type": "GreaterThan", "LeftValue": "a", "RightValue": 1}
    run = airflow.run(
        pipeline(
            training("Train", RetryPolicies=again),
            training("Stop"),
            training("Good"),
            notify(
                "OnFailure",
                upon("Train", "Failed"),
                reason=get("Steps.Train.FailureReason"),
                job=get("Steps.Train.TrainingJobName"),
                status=get("Steps.Train.TrainingJobStatus"),
            ),
            notify("OnStop", upon("Stop", "Stopped"), status=get("Steps.Stop.TrainingJobStatus")),
            notify("NotFailed", upon("Stop", "Failed")),
            notify("NotStopped", upon("Train", "Stopped")),
            notify("OnGood", upon("Good", "Failed")),
            notify("AnyFailed", upon("Train", "Any"), job=get("Steps.Train.TrainingJobName")),
            notify("AnyStopped", upon("Stop", "Any")),
            notify("AnyGood", upon("Good", "Any"), job=get("Steps.Good.TrainingJobName")),
            notify("Mixed", "Good", upon("Train", "Failed"), upon("Stop", "Any")),
            notify("MixedNot", upon("Good", "Completed"), upon("Train", "Failed"), "Stop"),
            # A reference alone, as ever, wants success.
            notify("Plain", job=get("Steps.Train.TrainingJobName")),
            notify("NeitherFailed", upon("Plain", "Failed")),
            notify("NorAny", upon("Plain", "Any"), upon("NotFailed", "Any")),
            notify("AfterHandler", "OnFailure"),
            notify("AfterSkipped", "NotFailed"),
            condition(
                "C",
                [ALWAYS],
                [
                    training("Inner"),
                    notify("InnerHandler", upon("Inner", "Failed")),
                    notify("OuterHandler", upon("Train", "Failed")),
                ],
                [
                    training("Else"),
                    notify("ElseHandler", upon("Else", "Any")),
                    notify("ElseOuter", upon("Train", "Failed")),
                ],
            ),
            notify("OfElse", upon("Else", "Any")),
            condition("Bad", [mismatch], [training("Under"), notify("UnderAny", upon("Under", "Any"))], []),
            notify("OnBad", upon("Bad", "Failed")),
            notify("NoJob", upon("Bad", "Failed"), outcome=get("Steps.Bad.Outcome")),
        ),
        deferrable=deferrable,
    )
    assert in_state(run, "failed") == {"Train", "Stop", "Inner", "Bad", "NoJob", OUTCOME}
    assert in_state(run, "upstream_failed") == {"Plain", "Under"}
    assert in_state(run, "skipped") == {
        *("NotFailed", "NotStopped", "OnGood", "MixedNot", "NeitherFailed", "NorAny", "AfterSkipped"),
        *("Else", "ElseHandler", "ElseOuter", "OfElse", "UnderAny"),
    }
    ran = {"OnFailure", "OnStop", "AnyFailed", "AnyStopped", "AnyGood", "Mixed", "AfterHandler", "OnBad"}
    ran |= {"InnerHandler", "OuterHandler"}
    given = told(airflow)
    assert set(given) == ran == in_state(run, "success") - {"Good", "C"}
    jobs = [job["TrainingJobName"] for job in airflow.created("CreateTrainingJob")]
    second = next(name for name in jobs if "-Train-" in name and name.endswith("-1"))
    assert given["OnFailure"] == {"reason": "InternalServerError: try again", "job": second, "status": "Failed"}
    assert (given["OnStop"], given["AnyFailed"]) == ({"status": "Stopped"}, {"job": second})
    assert given["AnyGood"] == {"job": run.xcom("Good")["TrainingJobName"]}
    # What failed has left the description of its job, and a note that it is no success.
    assert run.xcom("Train")["TrainingJobName"] == second
    assert run.xcom("Train", "sagemaker_end")["end"] == "Failed"
    assert run.xcom("Stop", "sagemaker_end")["end"] == "Stopped"
    assert run.state == "failed"
    log = "".join(capfd.readouterr())
    assert "Steps.Bad is undefined: the step has failed without a job. Step 'Bad' failed:" in log
    assert "- Train ended as Failed. OnFailure, AnyFailed, Mixed, OuterHandler ran upon it. Step 'Train' failed:" in log
    assert "- Stop ended as Stopped. OnStop, AnyStopped, Mixed ran upon it." in log
    (skipped,) = run.rendered("NotFailed")["request"]["Skipped"]
    assert skipped == (
        "'Stop' ended as Stopped, and Failed is asked for (DependsOn at $.Steps[5].DependsOn[0] (Trigger Failed))"
    )


def test_the_case_with_a_failure_and_without_one(airflow: Airflow) -> None:
    case = CASES / "40-run-on-failure-dependency.json"
    load(airflow, {**failing("Train"), "times": 2})
    run = airflow.run(case)
    assert (run.states, run.state) == (
        {"Train": "failed", "NotifyOnFailure": "success", OUTCOME: "failed"},
        "failed",
    )
    run = airflow.run(case, handled_failures="succeed")
    assert (run.states, run.state) == (
        {"Train": "failed", "NotifyOnFailure": "success", OUTCOME: "success"},
        "success",
    )
    run = airflow.run(case)
    assert (run.states, run.state) == (
        {"Train": "success", "NotifyOnFailure": "skipped", OUTCOME: "success"},
        "success",
    )
    assert len(airflow.endpoint.requests("lambda", "Invoke")) == 2


def test_a_step_whose_time_is_over_has_failed_and_its_job_is_read(airflow: Airflow) -> None:
    # All but one have ended when they are looked at, and that one as soon as it is stopped.
    long = {"name": "*-Long-*", "duration": 600, "stopping": 0}
    load(airflow, long, *({**failing(step), "duration": 0} for step in ("Yes", "Loose")))
    branches = condition("C", [ALWAYS], [training("Yes")], [training("No")])
    definition = pipeline(
        training("Long"),
        notify(
            "OnLong",
            upon("Long", "Failed"),
            job=get("Steps.Long.TrainingJobName"),
            status=get("Steps.Long.TrainingJobStatus"),
        ),
        notify("NotStopped", upon("Long", "Stopped")),
        branches,
        notify("Either", upon("Yes", "Failed"), upon("No", "Failed")),
        notify("Both", upon("Yes", "Failed"), upon("No", "Failed")),
        training("Loose"),
    )
    with time_over(airflow) as limit:
        run = airflow.run(definition, default_args=limit, rejoin=["Either"], handled_failures="succeed")
    assert in_state(run, "failed") == {"Long", "Yes", "Loose", OUTCOME}
    assert in_state(run, "skipped") == {"No", "NotStopped", "Both"}
    (job,) = (job["TrainingJobName"] for job in airflow.created() if "-Long-" in job["TrainingJobName"])
    # AWS stopped the job since the task was ended: that is no stop of the job's own.
    assert told(airflow) == {"OnLong": {"job": job, "status": "Stopped"}, "Either": {}}
    # Nothing ran upon the failure of Loose.
    assert run.state == "failed"


def test_a_failed_step_is_a_source_for_what_runs_upon_failures_alone(airflow: Airflow) -> None:
    dag_id = f"conditions-{uuid.uuid4().hex[:8]}"
    load(airflow, failing("Train"))
    steps = pipeline(
        training("Train"),
        notify("OnFailure", upon("Train", "Failed"), job=get("Steps.Train.TrainingJobName")),
        notify("OnStop", upon("Train", "Stopped"), job=get("Steps.Train.TrainingJobName")),
        notify("Plain", job=get("Steps.Train.TrainingJobName")),
    )
    first = airflow.run(steps, dag_id=dag_id)
    assert first.states == {
        "Train": "failed",
        "OnFailure": "success",
        "OnStop": "skipped",
        "Plain": "upstream_failed",
        OUTCOME: "failed",
    }
    ran = {"Train": "success", "OnFailure": "success", "OnStop": "skipped", "Plain": "skipped", OUTCOME: "success"}
    refused = {**first.states, "OnFailure": "skipped"}
    second = airflow.test(dag_id, {SELECTED: ["OnFailure"]})
    assert (second.states, second.state) == (ran, "success")
    # A copied failure is one: it can be a source again, and never one of a success.
    third = airflow.test(dag_id, {SELECTED: ["OnFailure"], SOURCE: second.run_id})
    assert (third.states, third.state) == (ran, "success")
    assert third.xcom("Train") == first.xcom("Train")
    job = first.xcom("Train")["TrainingJobName"]
    payloads = [request.parameters["Payload"] for request in airflow.endpoint.requests("lambda", "Invoke")]
    assert payloads == 3 * [{"who": "OnFailure", "job": job}]
    for selected, source in ((["Plain"], None), (["OnStop"], None), (["OnFailure", "Plain"], first.run_id)):
        given = {SELECTED: selected, **({} if source is None else {SOURCE: source})}
        run = airflow.test(dag_id, given)
        assert (run.states["Train"], run.state) == ("failed", "failed")
    # What cannot start has failed nothing: no step runs upon that.
    run = airflow.test(dag_id, {SELECTED: ["Train", "OnFailure"], SOURCE: "none"})
    assert (run.states, run.state) == (refused, "failed")
    assert len(airflow.endpoint.requests("lambda", "Invoke")) == 3
    assert len(airflow.created("CreateTrainingJob")) == 1


def test_conditions_in_the_body_of_a_for_each_step_and_upon_it(airflow: Airflow) -> None:
    load(airflow, failing("Train-1"), {"name": "*-Train-2-*", "outcome": "Stopped"})
    item, reason = get("ForEach.CurrentItem"), get("Steps.Train.FailureReason")
    body = [
        training("Train"),
        notify("Recover", upon("Train", "Failed"), item=item, reason=reason, job=get("Steps.Train.TrainingJobName")),
        notify("Halted", upon("Train", "Stopped"), item=item, status=get("Steps.Train.TrainingJobStatus")),
        notify("Ended", upon("Train", "Any"), item=item),
        notify("Plain", item=item, job=get("Steps.Train.TrainingJobName")),
        notify("Then", "Recover", item=item),
    ]
    fan = loop(body)
    counts = {name: get(f"Steps.Loop.{name}") for name in ("Status", "FailedStepCount", "StoppedStepCount")}
    again = loop(notify("Once", item=item), ["x"], name="Again")
    never = loop([notify("First", item=item), notify("Second", upon("First", "Failed"))], ["x"], name="Never")
    steps = [
        fan,
        notify("OnLoop", upon("Loop", "Failed"), **counts, none=get("Steps.Loop.InputItemCount")),
        notify("NotStopped", upon("Loop", "Stopped")),
        condition("C", [ALWAYS], [notify("IfLoop", upon("Loop", "Any"))], [notify("ElseLoop", upon("Loop", "Failed"))]),
        {**again, "DependsOn": [upon("Loop", "Failed")]},
        {**never, "DependsOn": [upon("Loop", "Stopped")]},
    ]
    run = airflow.run(pipeline(*steps, Parameters=ITEMS))
    assert {task: [state for _, state, _ in children(run, f"Loop.{task}")] for task in IN_LOOP} == {
        "Train": ["success", "failed", "failed"],
        "Recover": ["skipped", "success", "skipped"],
        "Halted": ["skipped", "skipped", "success"],
        "Ended": ["success", "success", "success"],
        "Plain": ["success", "upstream_failed", "upstream_failed"],
        "Then": ["skipped", "success", "skipped"],
    }
    jobs = {name.split("-")[3]: name for name in (job["TrainingJobName"] for job in airflow.created())}
    payloads = [request.parameters["Payload"] for request in airflow.endpoint.requests("lambda", "Invoke")]
    assert sorted(payloads, key=lambda payload: (payload["who"], payload.get("item", ""))) == [
        {"who": "Ended", "item": "a"},
        {"who": "Ended", "item": "b"},
        {"who": "Ended", "item": "c"},
        {"who": "Halted", "item": "c", "status": "Stopped"},
        {"who": "IfLoop"},
        {"who": "OnLoop", "Status": "Failed", "FailedStepCount": 1, "StoppedStepCount": 1, "none": 3},
        {"who": "Once", "item": "x"},
        {"who": "Plain", "item": "a", "job": jobs["0"]},
        {"who": "Recover", "item": "b", "reason": "AlgorithmError: out of patience", "job": jobs["1"]},
        {"who": "Then", "item": "b"},
    ]
    result = run.xcom(RESULT)
    assert (result["TotalStepCount"], result["SucceededStepCount"]) == (10, 8)
    skipped = {"NotStopped", "ElseLoop", "Never.ForEach.items", "Never.First", "Never.Second", "Never.ForEach.result"}
    assert in_state(run, "skipped") >= skipped
    assert (run.states[RESULT], run.states[OUTCOME], run.state) == ("failed", "failed", "failed")


@pytest.mark.parametrize(
    ("trains", "ended"),
    [((), "success"), (("Train-1",), "success"), (("Train-1", "Other-0"), "failed")],
)
def test_what_is_handled_in_a_body_can_be_accepted(airflow: Airflow, trains: tuple[str, ...], ended: str) -> None:
    load(airflow, *map(failing, trains))
    body = [training("Train"), notify("Recover", upon("Train", "Failed")), training("Other")]
    run = airflow.run(pipeline(loop(body), Parameters=ITEMS), handled_failures="succeed")
    assert (run.states[RESULT], run.state) == ("failed" if trains else "success", ended)
