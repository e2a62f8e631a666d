"""Every shape of branches, as a run: which steps ran, which were skipped, and how the run ended."""

from __future__ import annotations

from typing import Any

import pytest

from tests.runs.harness import Airflow, Run, condition, equals, get, pipeline, processing, training

ALWAYS, NEVER = equals(1, 1), equals(1, 2)


def skipped(run: Run) -> set[str]:
    return {step for step, state in run.states.items() if state == "skipped"}


def succeeded(run: Run) -> set[str]:
    return {step for step, state in run.states.items() if state == "success"}


def test_conditions_are_anded(airflow: Airflow) -> None:
    run = airflow.run(pipeline(condition("C", [ALWAYS, NEVER], [training("If")], [training("Else")])))
    assert (succeeded(run), skipped(run), run.state) == ({"C", "Else"}, {"If"}, "success")


@pytest.mark.parametrize(("test", "ran"), [(ALWAYS, set()), (NEVER, {"Else"})])
def test_an_empty_branch_can_be_taken(airflow: Airflow, test: Any, ran: set[str]) -> None:
    run = airflow.run(pipeline(condition("C", [test], [], [training("Else")])))
    assert (succeeded(run), skipped(run), run.state) == ({"C"} | ran, {"Else"} - ran, "success")


def test_a_condition_without_conditions_or_steps_holds(airflow: Airflow) -> None:
    run = airflow.run(pipeline(condition("C", [], [], []), training("After", DependsOn=["C"])))
    assert (succeeded(run), run.xcom("C")) == ({"C", "After"}, {"Outcome": True})


def nested(outer: Any, inner: Any) -> Any:
    deepest = condition("Deepest", [ALWAYS], [training("DeepIf")], [training("DeepElse")])
    return condition(
        "Outer",
        [outer],
        [condition("Inner", [inner], [deepest], [training("InnerElse")]), training("OuterIf")],
        [training("OuterElse")],
    )


@pytest.mark.parametrize(
    ("outer", "inner", "ran"),
    [
        (ALWAYS, ALWAYS, {"Outer", "Inner", "Deepest", "DeepIf", "OuterIf"}),
        (ALWAYS, NEVER, {"Outer", "Inner", "InnerElse", "OuterIf"}),
        (NEVER, ALWAYS, {"Outer", "OuterElse"}),
    ],
)
def test_nested_conditions(airflow: Airflow, outer: Any, inner: Any, ran: set[str]) -> None:
    run = airflow.run(pipeline(nested(outer, inner)))
    assert succeeded(run) == ran
    assert skipped(run) == set(run.states) - ran
    assert run.state == "success"


def test_depends_on_may_name_a_condition_or_a_step_of_a_branch(airflow: Airflow) -> None:
    run = airflow.run(
        pipeline(
            condition("C", [ALWAYS], [training("If")], [training("Else")]),
            training("AfterCondition", DependsOn=["C"]),
            training("AfterIf", DependsOn=["If"]),
            training("AfterElse", DependsOn=["Else"]),
            training("AfterThat", DependsOn=["AfterElse"]),
        )
    )
    assert skipped(run) == {"Else", "AfterElse", "AfterThat"}
    assert run.state == "success"


def test_a_reference_into_an_untaken_branch_skips_the_step_that_has_it(airflow: Airflow) -> None:
    artifacts = {"trained": get("Steps.Else.ModelArtifacts.S3ModelArtifacts")}
    run = airflow.run(
        pipeline(
            condition("C", [ALWAYS], [training("If")], [training("Else")]),
            training("NeedsElse", Arguments={"HyperParameters": artifacts}),
        )
    )
    assert skipped(run) == {"Else", "NeedsElse"}
    assert len(airflow.created()) == 1


def test_an_else_step_that_needs_an_if_step_never_runs(airflow: Airflow) -> None:
    steps = condition("C", [ALWAYS], [training("If")], [training("Else", DependsOn=["If"])])
    run = airflow.run(pipeline(steps))
    assert (succeeded(run), skipped(run)) == ({"C", "If"}, {"Else"})


@pytest.mark.parametrize(("test", "text"), [(ALWAYS, "true"), (NEVER, "false")])
def test_the_outcome_is_a_boolean_and_a_text_in_a_join(airflow: Airflow, test: Any, text: str) -> None:
    joined = {"Std:Join": {"On": "", "Values": [get("Steps.C.Outcome")]}}
    run = airflow.run(
        pipeline(
            condition("C", [test], [], []),
            condition("D", [equals(get("Steps.C.Outcome"), text == "true")], [training("Same")], [training("Other")]),
            training("Told", Arguments={"HyperParameters": {"outcome": joined}}),
        )
    )
    assert skipped(run) == {"Other"}
    told = [request for request in airflow.created() if "HyperParameters" in request]
    assert [request["HyperParameters"] for request in told] == [{"outcome": text}]


@pytest.mark.parametrize(
    "test",
    [
        equals({"Std:JsonGet": {"PropertyFile": get("Steps.P.PropertyFiles.Report"), "Path": "mse"}}, 1),
        equals(True, "true"),
    ],
    ids=["missing file", "mixed types"],
)
def test_an_evaluation_that_fails_fails_the_condition(airflow: Airflow, test: Any) -> None:
    run = airflow.run(
        pipeline(
            processing("P"),
            condition("C", [test], [training("If")], [training("Else")], DependsOn=["P"]),
            training("Beside", DependsOn=["P"]),
        )
    )
    assert run.states == {
        "P": "success",
        "C": "failed",
        "If": "upstream_failed",
        "Else": "upstream_failed",
        "Beside": "success",
    }
    assert run.state == "failed"


def rejoining() -> Any:
    return pipeline(
        condition("C", [equals(get("Parameters.Flag"), True)], [training("If")], [training("Else")]),
        training("Joined", DependsOn=["If", "Else"]),
        training("After", DependsOn=["Joined"]),
        Parameters=[{"Name": "Flag", "Type": "Boolean", "DefaultValue": True}],
    )


@pytest.mark.parametrize(("flag", "untaken"), [(True, "Else"), (False, "If")])
def test_a_rejoined_step_runs_after_whichever_branch_was_taken(airflow: Airflow, flag: bool, untaken: str) -> None:
    run = airflow.run(rejoining(), {"Flag": flag}, rejoin=["Joined"])
    assert skipped(run) == {untaken}
    assert succeeded(run) == {"C", "If", "Else", "Joined", "After"} - {untaken}


def test_without_rejoin_a_step_that_needs_both_branches_never_runs(airflow: Airflow) -> None:
    run = airflow.run(rejoining())
    assert skipped(run) == {"Else", "Joined", "After"}
    assert run.state == "success"


def test_a_rejoined_step_does_not_run_after_a_failure(airflow: Airflow) -> None:
    airflow.endpoint.reset({"jobs": [{"name": "*-If-*", "outcome": "Failed", "failure_reason": "AlgorithmError: x"}]})
    run = airflow.run(rejoining(), rejoin=["Joined"])
    assert run.states["Joined"] == "upstream_failed"
    assert run.state == "failed"


def test_a_rejoined_step_inside_an_untaken_branch_does_not_run(airflow: Airflow) -> None:
    inner = condition("Inner", [ALWAYS], [training("A")], [training("B")])
    run = airflow.run(
        pipeline(
            training("First"),
            condition("C", [NEVER], [inner, training("J", DependsOn=["A", "B", "First"])], [training("Else")]),
        ),
        rejoin=["J"],
    )
    assert skipped(run) == {"Inner", "A", "B", "J"}


def test_a_fail_step_lets_independent_steps_go_on(airflow: Airflow) -> None:
    fail = {"Name": "F", "Type": "Fail", "Arguments": {"ErrorMessage": "x" * 4000}}
    run = airflow.run(pipeline(fail, training("Beside"), training("Later", DependsOn=["Beside"])))
    assert run.states == {"F": "failed", "Beside": "success", "Later": "success"}
    assert run.state == "failed"


def test_a_name_that_is_no_parameter_fails_every_root_step_before_any_call(airflow: Airflow) -> None:
    definition = pipeline(
        training("A"),
        condition("C", [ALWAYS], [], []),
        training("B", DependsOn=["A"]),
        Parameters=[{"Name": "Count", "Type": "Integer", "DefaultValue": 1}],
    )
    run = airflow.run(definition, {"Cuont": 2})
    assert run.states == {"A": "failed", "C": "failed", "B": "upstream_failed"}
    assert airflow.endpoint.requests("sagemaker") == ()
