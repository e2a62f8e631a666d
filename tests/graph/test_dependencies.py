from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.definition import DefinitionError, read_definition
from airflow_sm_pipelines.graph import Dependency, Edge, Graph, Reason, ReasonKind, Region, build_graph
from airflow_sm_pipelines.graph.reduction import drawn_edges
from tests.definition.build import (
    condition,
    document,
    equals,
    findings,
    for_each,
    get,
    join,
    only,
    parameter,
    processing,
    settled,
    step,
)


def needs(name: str, *others: str, kind: str = "Training", **keys: object) -> dict[str, object]:
    """A step that refers to others."""
    return step(name, kind, {f"x{index}": get(f"Steps.{other}.Arn") for index, other in enumerate(others)}, **keys)


def graph_of(*steps: object, **keys: object) -> Graph:
    return settled(document(*steps, **keys)).graph


def order(graph: Graph) -> list[str]:
    return [step.name for step in graph.steps]


def upstream(graph: Graph) -> dict[str, list[str]]:
    return {name: [dependency.step for dependency in needed] for name, needed in graph.upstream.items() if needed}


def test_every_mention_of_a_step_is_an_edge() -> None:
    graph = graph_of(
        processing("P"),
        step("T", arguments={"deep": [{"x": join("a", join(get("Steps.P.Arn")))}]}),
        step("L", "Lambda", FunctionArn=get("Steps.T.Arn")),
        step("Q", "QualityCheck", CheckType="DATA_QUALITY", SuppliedBaselineConstraints=get("Steps.L.Arn")),
        step("J", arguments={"x": {"Std:JsonGet": {"PropertyFile": get("Steps.P.PropertyFiles.report"), "Path": "a"}}}),
        step("U", arguments={"x": {"Std:JsonGet": {"S3Uri": join("s3:/", get("Steps.J.Uri")), "Path": "a"}}}),
        step("D", DependsOn=["U", "Q"]),
        condition("C", ({"Type": "Not", "Expression": equals(get("Steps.D.Arn"))},)),
        step("F", "Fail", {"ErrorMessage": get("Steps.C.Outcome")}),
    )
    assert upstream(graph) == {
        "T": ["P"],
        "L": ["T"],
        "Q": ["L"],
        "J": ["P"],
        "U": ["J"],
        "D": ["Q", "U"],
        "C": ["D"],
        "F": ["C"],
    }
    assert graph.downstream["P"] == ("T", "J")
    assert graph.downstream["F"] == ()


def test_edges_tell_their_reasons() -> None:
    graph = graph_of(
        condition("C", (), (step("Y", arguments={"o": get("Steps.C.Outcome")}, DependsOn=["C", "Z"]),)), step("Z")
    )
    inside = (((((None, "Steps"), 0), "Arguments"), "IfSteps"), 0)
    assert graph.upstream["Y"] == (
        Dependency(
            "C",
            (
                Reason(ReasonKind.BRANCH, inside, True),
                Reason(ReasonKind.DEPENDS_ON, ((inside, "DependsOn"), 0)),
                Reason(ReasonKind.REFERENCE, ((inside, "Arguments"), "o")),
            ),
        ),
        Dependency("Z", (Reason(ReasonKind.DEPENDS_ON, ((inside, "DependsOn"), 1)),)),
    )
    assert [reason.path for reason in graph.upstream["Y"][0].reasons] == [
        "$.Steps[0].Arguments.IfSteps[0]",
        "$.Steps[0].Arguments.IfSteps[0].DependsOn[0]",
        "$.Steps[0].Arguments.IfSteps[0].Arguments.o",
    ]


def test_order_is_topological_and_ties_keep_the_document() -> None:
    graph = graph_of(needs("d", "a"), step("c"), needs("b", "c"), step("a"), step("0"))
    assert order(graph) == ["c", "b", "a", "d", "0"]


def test_a_condition_waits_for_its_operands_not_for_what_its_branches_need() -> None:
    graph = graph_of(
        step("Metric"), step("Data"), condition("C", (equals(get("Steps.Metric.V")),), (needs("Y", "Data"),))
    )
    assert upstream(graph) == {"C": ["Metric"], "Y": ["Data", "C"]}


BRANCHES = (
    condition(
        "C",
        (),
        (
            step("Y1"),
            needs("Y2", "Y1"),
            condition("Inner", (), (step("Deep"),), (needs("Else", "Y1"),)),
            needs("Y3", "Deep"),
        ),
        (step("N"),),
    ),
    needs("Outside", "Y2"),
    step("Free"),
)


def test_regions_hold_what_stands_inside_and_nothing_else() -> None:
    graph = graph_of(*BRANCHES)
    assert graph.untaken("C", False) == ("Y1", "Y2", "Inner", "Deep", "Else", "Y3")
    assert graph.untaken("C", True) == ("N",)
    assert graph.untaken("Inner", True) == ("Else",)
    assert graph.regions["C", True] == Region("C", True, ("Y1", "Y2", "Inner", "Deep", "Else", "Y3"), ("Y1", "Inner"))
    assert graph.regions["Inner", False].entries == ("Else",)
    assert [(m.condition, m.taken, m.label) for m in graph.memberships("Deep")] == [
        ("Inner", True, "If"),
        ("C", True, "If"),
    ]
    assert graph.branch_of["N"].label == "Else"
    assert "Outside" not in graph.branch_of


def test_an_empty_branch_has_nothing_to_skip() -> None:
    graph = graph_of(condition("C", (), (step("Y"),)))
    assert graph.untaken("C", True) == ()
    assert graph.untaken("C", False) == ("Y",)


def test_edges_out_of_a_condition_are_labelled_and_few() -> None:
    graph = graph_of(*BRANCHES)
    assert [edge for edge in drawn_edges(graph) if edge.label] == [
        Edge("C", "Y1", "If"),
        Edge("C", "Inner", "If"),
        Edge("Inner", "Deep", "If"),
        Edge("Inner", "Else", "Else"),
        Edge("C", "N", "Else"),
    ]
    dropped = set(graph.edges) - set(drawn_edges(graph))
    assert dropped == {Edge("C", "Y2", "If"), Edge("C", "Y3", "If")}


def test_an_edge_that_follows_from_others_is_not_drawn() -> None:
    steps = (step("A"), needs("B", "A"), needs("C", "A", "B"), needs("D", "A", "C", "Beside"), step("Beside"))
    drawn = [(edge.upstream, edge.downstream) for edge in drawn_edges(graph_of(*steps))]
    assert drawn == [("A", "B"), ("B", "C"), ("C", "D"), ("Beside", "D")]
    assert ("A", "C") in {(edge.upstream, edge.downstream) for edge in drawn_edges(graph_of(*steps), ["B"])}
    assert {("A", "C"), ("B", "C")} <= {(e.upstream, e.downstream) for e in drawn_edges(graph_of(*steps), ["C"])}


@pytest.mark.parametrize(
    "between",
    [
        # It runs upon a failure, so its success says nothing of what comes before.
        (step("T"), needs("B", "A", DependsOn=[{"Step": "T", "Trigger": "Failed"}])),
        # It is skipped by a Condition that lets C run: then nothing tells C that A has failed.
        (condition("K", (), (needs("B", "A"),)),),
        (for_each("B", (needs("Body", "A"),), IterableItems=get("Steps.A.Items")),),
    ],
    ids=["run condition", "branch", "loop"],
)
def test_an_edge_stays_beside_a_way_that_does_not_tell_of_failures(between: tuple[Any, ...]) -> None:
    assert Edge("A", "C") in drawn_edges(graph_of(step("A"), *between, needs("C", "A", "B")))


def test_within_a_branch_edges_follow_from_others() -> None:
    graph = graph_of(step("A"), condition("K", (), (needs("B", "A"), needs("C", "A", "B", "K"))))
    assert set(graph.edges) - set(drawn_edges(graph)) == {Edge("A", "C"), Edge("K", "C", "If")}


def test_an_edge_is_kept_where_only_an_outside_step_waits_for_the_condition() -> None:
    graph = graph_of(condition("C", (), (needs("Y", "Other"),)), needs("Other", "C"))
    assert order(graph) == ["C", "Other", "Y"]
    assert Edge("C", "Y", "If") in drawn_edges(graph)
    assert graph.untaken("C", False) == ("Y",)


def test_the_body_of_a_loop_is_part_of_its_task() -> None:
    body = needs("Body", "Data", DependsOn=["Before"])
    graph = graph_of(
        step("Data"),
        step("Before"),
        for_each("Loop", (body,), IterableItems=get("Steps.List.Items")),
        needs("After", "Loop"),
        step("List"),
        condition("C", (), (for_each("In", (step("InBody"),)),)),
        Parameters=[parameter("Items")],
    )
    assert upstream(graph) == {"Loop": ["Data", "Before", "List"], "After": ["Loop"], "In": ["C"]}
    assert not {"Body", "InBody"} & set(order(graph))
    assert graph.untaken("C", False) == ("In",)


def test_the_steps_of_a_body_have_an_order_of_their_own() -> None:
    body = (
        needs("Last", "Left", "Right"),
        needs("Left", "First", "Data"),
        step("Right", DependsOn=["First"]),
        step("First"),
    )
    graph = graph_of(step("Data"), for_each("Loop", body), Parameters=[parameter("Items")])
    inside = graph.bodies["Loop"]
    assert [inner.name for inner in inside.steps] == ["First", "Left", "Right", "Last"]
    waits = {name: [dependency.step for dependency in needed] for name, needed in inside.upstream.items() if needed}
    assert waits == {"Last": ["Left", "Right"], "Left": ["First"], "Right": ["First"]}
    assert inside.lanes == (("First", "Left", "Last"), ("Right",))
    assert upstream(graph) == {"Loop": ["Data"]}
    assert [graph.task_of(name) for name in ("Data", "Loop", "Left")] == ["Data", "Loop.ForEach.result", "Loop.Left"]


def test_a_cycle_in_a_body() -> None:
    body = (needs("A", "B"), needs("B", "A"), needs("Own", "Own"))
    found = findings(
        document(for_each("Loop", body), needs("X", "Y"), needs("Y", "X"), Parameters=[parameter("Items")])
    )
    told = [finding.message.split(";")[0] for finding in found]
    assert told[:2] == ["the steps wait for each other: A -> B -> A", "a step cannot wait for itself"]
    assert told[2:] == ["the steps wait for each other: X -> Y -> X"]
    assert found[0].path == "$.Steps[0].Arguments.ForEachBody[0]"


def test_a_cycle_is_told_with_the_origin_of_each_edge() -> None:
    finding = only(document(step("Z"), needs("A", "B"), step("B", DependsOn=["Z", "A"]), needs("Behind", "A")))
    assert finding.message == (
        "the steps wait for each other: A -> B -> A; A waits for B (reference at $.Steps[1].Arguments.x0), "
        "B waits for A (DependsOn at $.Steps[2].DependsOn[1])"
    )
    assert (finding.path, finding.step) == ("$.Steps[1]", "A")


def test_each_cycle_is_told_once_and_as_short_as_it_is() -> None:
    definition = document(
        needs("A", "B", "C"),
        needs("B", "C"),
        needs("C", "A"),
        needs("X", "Y", "A"),
        needs("Y", "X"),
        needs("Between", "X"),
    )
    cycles = [finding.message.split(": ")[1].split(";")[0] for finding in findings(definition)]
    assert cycles == ["A -> C -> A", "X -> Y -> X"]


def test_cycles_that_share_a_step_are_all_told() -> None:
    definition = document(needs("Behind", "A"), needs("A", "B"), needs("B", "A", "C"), needs("C", "B"))
    cycles = [finding.message.split(": ")[1].split(";")[0] for finding in findings(definition)]
    assert cycles == ["A -> B -> A", "B -> C -> B"]


def test_a_tangle_is_told_in_part_and_in_little_time() -> None:
    names = [f"s{index}" for index in range(60)]
    definition = document(*(needs(name, *(other for other in names if other != name)) for name in names))
    assert len(findings(definition)) == 20


def test_a_condition_that_needs_its_own_branch_is_a_cycle() -> None:
    finding = only(document(condition("C", (equals(get("Steps.Y.V")),), (step("Y"),))))
    assert finding.message == (
        "the steps wait for each other: C -> Y -> C; C waits for Y (reference at "
        "$.Steps[0].Arguments.Conditions[0].LeftValue), Y waits for C (it stands in its If branch, "
        "$.Steps[0].Arguments.IfSteps[0])"
    )


def test_a_cycle_through_a_condition_from_outside() -> None:
    definition = document(condition("C", (equals(get("Steps.Out.V")),), (step("Y"),)), step("Out", DependsOn=["Y"]))
    assert "C -> Out -> Y -> C" in only(definition).message


def test_a_cycle_through_the_body_of_a_loop() -> None:
    definition = document(for_each("Loop", (needs("Body", "B"),)), needs("B", "Loop"), Parameters=[parameter("Items")])
    assert "Loop -> B -> Loop" in only(definition).message


def test_cycles_are_found_beside_other_findings() -> None:
    definition = document(needs("A", "B"), needs("B", "A", "Nope"), step("B", "Wat"))
    found = findings(definition)
    assert [finding.path for finding in found] == [
        "$.Steps[0]",
        "$.Steps[1].Arguments.x1",
        "$.Steps[2].Name",
        "$.Steps[2].Type",
    ]
    assert "A -> B -> A" in found[0].message


def test_a_step_that_names_itself_is_told_once() -> None:
    assert [finding.message for finding in findings(document(needs("A", "A")))] == ["a step cannot wait for itself"]


@pytest.mark.parametrize("length", [3000])
def test_long_chains_need_no_stack(length: int) -> None:
    steps = [step("s0"), *(needs(f"s{index}", f"s{index - 1}") for index in range(1, length))]
    assert order(graph_of(*reversed(steps))) == [f"s{index}" for index in range(length)]
    steps[0] = needs("s0", f"s{length - 1}")
    assert "wait for each other" in only(document(*steps)).message


def test_a_step_that_needs_both_branches_can_never_run() -> None:
    definition = document(
        condition("C", (), (step("Y"),), (step("N"),)),
        needs("Join", "Y", "N"),
        needs("After", "Join"),
        needs("Fine", "Y"),
    )
    finding = only(definition)
    assert finding.message == "the step can never run: it needs both branches of C, and only one is taken"
    assert (finding.step, finding.path) == ("Join", "$.Steps[1]")
    crossed = document(condition("C", (), (needs("Y", "N"),), (step("N"),)))
    assert only(crossed).step == "Y"


def test_a_graph_of_a_pipeline_raises_its_cycles() -> None:
    pipeline = read_definition(document(needs("A", "B"), step("B")))
    assert order(build_graph(pipeline)) == ["B", "A"]
    circular = read_definition(document(needs("A", "B"), needs("B", "A")))
    with pytest.raises(DefinitionError, match="here: 1 finding") as caught:
        build_graph(circular, source="here")
    assert "A -> B -> A" in str(caught.value)
