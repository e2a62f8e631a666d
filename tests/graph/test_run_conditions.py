"""Run conditions: which ends a step asks for, what is decided upon what has become of others, and how a run ends."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.definition import DefinitionError, Finding, Severity
from airflow_sm_pipelines.graph import Graph
from airflow_sm_pipelines.graph.model import StepEnd
from airflow_sm_pipelines.graph.reduction import drawn_edges
from airflow_sm_pipelines.graph.run_conditions import UpstreamState, unmet
from airflow_sm_pipelines.graph.run_outcome import faults_of
from airflow_sm_pipelines.graph.selection import select
from tests.definition.build import condition, document, findings, for_each, get, only, parameter, settled, step

S = "$.Steps[1].DependsOn[0]"


def upon(name: str, trigger: str) -> dict[str, str]:
    return {"Step": name, "Trigger": trigger}


def after(name: str, *depends_on: Any, reads: str | None = None) -> dict[str, Any]:
    arguments = {} if reads is None else {"x": get(f"Steps.{reads}.Arn")}
    return step(name, arguments=arguments, DependsOn=list(depends_on))


def graph_of(*steps: Any) -> Graph:
    return settled(document(*steps)).graph


def asked(graph: Graph, name: str) -> dict[str, str]:
    """The ends that a step asks of each that it waits for."""
    return {need.step: " ".join(sorted(end.value for end in need.accepts)) for need in graph.upstream[name]}


# What is read ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "path", "code", "suggestion"),
    [
        (upon("T", "Fail"), f"{S}.Trigger", "unknown-choice", "Failed"),
        (upon("T", "failed"), f"{S}.Trigger", "unknown-choice", "Failed"),
        (upon("T", "STOPPED"), f"{S}.Trigger", "unknown-choice", "Stopped"),
        (upon("T", "on_failure"), f"{S}.Trigger", "unknown-choice", "Failed"),
        (upon("T", "Success"), f"{S}.Trigger", "unknown-choice", "Completed"),
        (upon("T", "Complted"), f"{S}.Trigger", "unknown-choice", "Completed"),
        (upon("T", "Always"), f"{S}.Trigger", "unknown-choice", "Any"),
        (upon("T", "All done"), f"{S}.Trigger", "unknown-choice", "Any"),
        (upon("T", "Cancelled"), f"{S}.Trigger", "unknown-choice", "Stopped"),
        (upon("T", "weather"), f"{S}.Trigger", "unknown-choice", None),
        ({"Step": "T", "Trigger": ["Failed"]}, f"{S}.Trigger", "wrong-type", None),
        ({"Step": "T", "Trigger": get("Parameters.P")}, f"{S}.Trigger", "wrong-type", None),
        ({"Step": "T", "Trigger": None}, f"{S}.Trigger", "wrong-type", None),
        ({"Step": "T"}, S, "missing-key", None),
        ({"Trigger": "Failed"}, S, "missing-key", None),
        ({"Step": 3, "Trigger": "Failed"}, f"{S}.Step", "wrong-type", None),
        (upon("", "Failed"), f"{S}.Step", "empty-text", None),
        (upon("Tt", "Failed"), S, "unknown-step", "T"),
        (upon("H", "Failed"), S, "unusable-step", None),
        ({**upon("T", "Failed"), "Wen": 1}, f"{S}.Wen", "unknown-key", None),
        (get("Steps.T"), S, "wrong-type", None),
        ([upon("T", "Failed")], S, "wrong-type", None),
        (None, S, "wrong-type", None),
    ],
)
def test_each_odd_entry_is_one_finding(entry: Any, path: str, code: str, suggestion: str | None) -> None:
    finding = only(document(step("T"), step("H", DependsOn=[entry])))
    assert (finding.path, finding.code, finding.suggestion) == (path, code, suggestion)


def test_keys_in_another_case_are_told_with_what_is_missing() -> None:
    found = findings(document(step("T"), step("H", DependsOn=[{"step": "T", "trigger": "Failed"}])))
    told = {(finding.path, finding.code, finding.suggestion) for finding in found}
    assert told == {
        (f"{S}.step", "unknown-key", "Step"),
        (f"{S}.trigger", "unknown-key", "Trigger"),
        (S, "missing-key", None),
    }


def test_an_entry_after_one_that_is_none_is_told_at_its_own_place() -> None:
    found = findings(document(step("T"), step("H", DependsOn=[3, upon("X", "Any")])))
    assert [finding.path for finding in found] == [S, "$.Steps[1].DependsOn[1]"]


# What is asked --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "reads", "ends"),
    [
        (["T"], None, "Succeeded"),
        ([upon("T", "Completed")], None, "Succeeded"),
        ([upon("T", "Failed")], None, "Failed"),
        ([upon("T", "Stopped")], None, "Stopped"),
        ([upon("T", "Any")], None, "Failed Stopped Succeeded"),
        ([], "T", "Succeeded"),
        ([upon("T", "Failed")], "T", "Failed"),
        ([upon("T", "Any")], "T", "Failed Stopped Succeeded"),
        ([upon("T", "Any"), upon("T", "Failed")], None, "Failed"),
        (["T", upon("T", "Any")], None, "Succeeded"),
    ],
)
def test_all_entries_hold_and_take_the_place_of_a_reference(entries: list[Any], reads: str | None, ends: str) -> None:
    graph = graph_of(step("T"), after("H", *entries, reads=reads))
    assert asked(graph, "H") == {"T": ends}
    conditional = frozenset({"H"} if ends != "Succeeded" else ())
    assert (graph.conditional, graph.watched) == (conditional, frozenset({"T"} if conditional else ()))


def test_a_branch_asks_for_the_success_of_its_condition() -> None:
    graph = graph_of(condition("C", (), (after("Y", upon("C", "Any")), after("Z", upon("Y", "Failed")))))
    assert asked(graph, "Y") == {"C": "Succeeded"}
    assert asked(graph, "Z") == {"C": "Succeeded", "Y": "Failed"}
    assert {(e.upstream, e.downstream): e.label for e in drawn_edges(graph)} == {
        ("C", "Y"): "If",
        ("Y", "Z"): "on failure",
    }


@pytest.mark.parametrize(
    ("steps", "never", "of"),
    [
        ([after("H", upon("T", "Failed"), upon("T", "Stopped"))], ["H"], "T"),
        ([after("H", "T", upon("T", "Failed"))], ["H"], "T"),
        ([after("H", upon("T", "Failed"), upon("T", "Any"))], [], ""),
        # What it waits for has run upon the success.
        ([after("D", "T"), after("H", "D", upon("T", "Failed"))], ["H"], "T"),
        ([after("D", "T"), after("H", upon("D", "Failed"), upon("T", "Failed"))], ["H"], "T"),
        ([after("D", "T"), after("H", upon("D", "Failed"), upon("T", "Any"))], [], ""),
        ([after("D", upon("T", "Failed")), after("H", upon("D", "Any"), upon("T", "Stopped"))], ["H"], "T"),
        ([after("D", upon("T", "Failed")), after("H", reads="T"), after("Z", "D", "H"), after("L", "Z")], ["Z"], "T"),
        ([condition("C", (), (step("Y"), after("H", upon("C", "Failed"))))], ["H"], "C"),
        ([condition("C", (), (step("Y"),)), after("H", upon("Y", "Any"), upon("C", "Failed"))], ["H"], "C"),
    ],
)
def test_what_can_never_run_is_told_once(steps: list[Any], never: list[str], of: str) -> None:
    found = findings(document(step("T"), *steps))
    assert [(f.step, f.code, f.severity) for f in found] == [(name, "never-runs", Severity.WARNING) for name in never]
    assert all(f"asks for more than one end of {of};" in finding.message for finding in found)


def test_both_branches_are_needed_upon_any_end() -> None:
    branches = condition("C", (), (step("Y"),), (step("N"),))
    finding = only(document(branches, after("H", upon("Y", "Failed"), upon("N", "Any"))))
    assert finding.message == "the step can never run: it needs both branches of C, and only one is taken"


# What is decided ------------------------------------------------------------------------------------------------

STATES = {
    "+": UpstreamState.SUCCEEDED,
    "-": UpstreamState.FAILED,
    "/": UpstreamState.STOPPED,
    "0": UpstreamState.SKIPPED,
    "u": UpstreamState.NOT_BEGUN,
    "r": UpstreamState.REFUSED,
    "?": UpstreamState.UNKNOWN,
}


@pytest.mark.parametrize(
    ("trigger", "runs_upon"),
    [("Completed", "+"), ("Failed", "-"), ("Stopped", "/"), ("Any", "+-/")],
)
def test_a_trigger_holds_upon_its_ends_alone(trigger: str, runs_upon: str) -> None:
    needs = graph_of(step("P"), step("T"), after("H", upon("T", trigger), "P")).upstream["H"]
    for sign, state in STATES.items():
        missing = unmet(needs, {"P": UpstreamState.SUCCEEDED, "T": state})
        assert [one.dependency.step for one in missing] == ([] if sign in runs_upon else ["T"])
        missing = unmet(needs, {"P": state, "T": STATES[runs_upon[0]]})
        assert [one.dependency.step for one in missing] == ([] if sign == "+" else ["P"])


@pytest.mark.parametrize(
    ("a", "b", "runs"), [("-", "0", True), ("0", "-", True), ("0", "0", False), ("-", "u", False), ("+", "0", False)]
)
def test_one_taken_branch_is_enough_where_branches_rejoin(a: str, b: str, runs: bool) -> None:
    needs = graph_of(step("A"), step("B"), after("H", upon("A", "Failed"), upon("B", "Failed"))).upstream["H"]
    assert (unmet(needs, {"A": STATES[a], "B": STATES[b]}, any_branch=True) == ()) is runs


def test_what_keeps_a_step_from_running_is_told() -> None:
    needs = graph_of(step("P"), step("T"), after("H", upon("T", "Failed"), "P")).upstream["H"]
    missing = unmet(needs, {"P": UpstreamState.SKIPPED, "T": UpstreamState.STOPPED})
    assert [str(one) for one in missing] == [
        "'P' was skipped, and Succeeded is asked for (DependsOn at $.Steps[2].DependsOn[1])",
        "'T' ended as Stopped, and Failed is asked for (DependsOn at $.Steps[2].DependsOn[0] (Trigger Failed))",
    ]


# How the run ends -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("states", "faults"),
    [
        ("T+ D+ H0 S0 X+", ""),
        ("T- Du H+ S0 X+", "T:H"),
        ("T- Du H- S0 X+", "T:H H:"),
        ("T/ Du H0 S+ X+", "T:S"),
        ("T- Du Hu S0 X+", "T:"),
        ("T+ D- H0 S0 X+", "D:"),
        ("T- Du H+ S0 X-", "T:H X:"),
        ("Tr Du H0 S0 Xr", "T: X:"),
        # Somebody has marked the step a success, and left what had not run as it was.
        ("T+ Du H0 S0 X+", "D:"),
        ("T0 D0 H0 S0 X+", ""),
        # What has not ended may still fail, whatever has become of the others.
        ("T+ D? H0 S0 X+", "D:"),
        ("T- D? H+ S0 X+", "T:H D:"),
    ],
)
def test_the_faults_of_a_run_and_who_handled_them(states: str, faults: str) -> None:
    graph = graph_of(
        step("T"), after("D", "T"), after("H", upon("T", "Failed")), after("S", upon("T", "Stopped")), step("X")
    )
    found = faults_of(graph, {told[0]: STATES[told[1]] for told in states.split()})
    assert " ".join(f"{fault.step}:{','.join(fault.handled_by)}" for fault in found) == faults


# Selective execution --------------------------------------------------------------------------------------------


def test_a_selection_needs_the_end_that_its_readers_ask_for() -> None:
    graph = graph_of(
        step("T"),
        after("H", upon("T", "Failed"), reads="T"),
        after("A", upon("T", "Any"), reads="T"),
        after("W", upon("T", "Stopped")),
        after("R", reads="T"),
    )

    def needed(*names: str) -> dict[str, set[str]]:
        return {name: {end.value for end in ends} for name, ends in select(graph, names).ends.items()}

    assert needed("H") == needed("H", "A") == {"T": {"Failed"}}
    assert needed("A") == {"T": {"Succeeded", "Failed", "Stopped"}}
    assert needed("W") == needed("T", "H") == {}
    assert needed("H", "R") == {"T": set()}


# The body of a ForEach step -------------------------------------------------------------------------------------


def test_conditions_in_a_body_are_those_of_its_steps() -> None:
    body = (step("B"), after("H", upon("B", "Failed"), reads="B"), after("P", reads="B"), after("O", upon("T", "Any")))
    definition = document(step("T"), for_each("Loop", body), Parameters=[parameter("Items")])
    graph = settled(definition).graph
    assert (graph.conditional, graph.watched) == (frozenset({"H", "Loop"}), frozenset({"B", "T"}))
    assert asked_of(graph) == {"H": ("Failed",), "P": ("Succeeded",), "Loop": ("Succeeded", "Failed", "Stopped")}


def asked_of(graph: Graph) -> dict[str, tuple[str, ...]]:
    """The ends that steps ask of the only one that each waits for, in the order in which there are ends."""
    needs = {name: graph.needs_of(name) for name in ("H", "P", "Loop")}
    return {name: tuple(end.value for end in StepEnd if end in need.accepts) for name, (need,) in needs.items()}


def test_what_can_never_run_in_a_body_is_told() -> None:
    body = (step("B"), after("H", upon("B", "Failed"), upon("B", "Stopped")))
    finding = only(document(for_each("Loop", body), Parameters=[parameter("Items")]))
    assert (finding.step, finding.code) == ("H", "never-runs")


UPON_FAILURE = upon("A", "Failed")


@pytest.mark.parametrize(
    ("entries", "own", "is_told"),
    [
        ([[UPON_FAILURE]], [], False),
        ([[UPON_FAILURE], [UPON_FAILURE]], [], False),
        ([["A"], []], [], False),
        ([[]], [UPON_FAILURE], False),
        ([[UPON_FAILURE], []], [], True),
        ([[UPON_FAILURE], ["A"]], [], True),
        ([[UPON_FAILURE], [upon("A", "Any")]], [], True),
        ([[UPON_FAILURE]], ["A"], True),
        ([[upon("A", "Any")], []], [], False),
        ([[upon("A", "Any")], ["A"]], [], True),
    ],
)
def test_the_body_of_a_loop_waits_for_one_end_of_a_step_outside(
    entries: list[list[Any]], own: list[Any], is_told: bool
) -> None:
    body = tuple(after(f"B{n}", *each) for n, each in enumerate(entries))
    loop = {**for_each("Loop", body, IterableItems=["x"]), "DependsOn": own}
    told = {finding.code for finding in settled_findings(after("A"), loop)}
    assert ("loop-conditions-differ" in told) is is_told, told


def test_what_a_body_refers_to_is_no_success_where_another_step_of_it_has_a_trigger() -> None:
    body = (after("B0", upon("A", "Any")), after("B1", reads="A"))
    [finding] = settled_findings(after("A"), for_each("Loop", body, IterableItems=["x"]))
    assert (finding.code, finding.step) == ("loop-conditions-differ", "Loop")
    loop = {**for_each("Loop", body[1:], IterableItems=["x"]), "DependsOn": [UPON_FAILURE]}
    assert settled_findings(after("A"), loop) == []


def settled_findings(*steps: Any) -> list[Finding]:
    try:
        return [*settled(document(*steps)).pipeline.warnings]
    except DefinitionError as error:
        return [*error.findings]
