"""Behind which steps a pipeline has ended, whatever was skipped or has failed before."""

from __future__ import annotations

from random import Random
from typing import Any

from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.graph.ends import last_to_end
from airflow_sm_pipelines.graph.reduction import drawn_edges
from tests.graph.simulation import Chances, in_some_order, random_pipeline
from tests.runs.harness import condition, equals, pipeline, training
from tests.runs.test_for_each import loop


def last(*steps: Any, rejoin: tuple[str, ...] = ()) -> tuple[str, ...]:
    return last_to_end(plan(pipeline(*steps)).graph, rejoin)


def after(name: str, *before: Any) -> dict[str, Any]:
    return training(name, DependsOn=[*before])


def test_of_a_chain_it_is_the_last() -> None:
    assert last(training("A"), after("B", "A"), after("C", "A", "B")) == ("C",)


def test_what_may_fail_early_does_not_stand_for_what_still_runs() -> None:
    # C gives up as soon as one of the two has failed.
    assert last(training("A"), training("B"), after("C", "A", "B")) == ("A", "B", "C")


def test_a_branch_is_skipped_while_what_it_waits_for_runs() -> None:
    check = condition("Check", [equals(1, 1)], [after("If", "Train")], [training("Else")])
    assert last(training("Train"), check) == ("Train", "If", "Else")
    # Here the condition comes after it.
    check = condition("Check", [equals(1, 1)], [after("If", "Train")], [training("Else")], DependsOn=["Train"])
    assert last(training("Train"), check) == ("If", "Else")


def test_a_condition_with_an_empty_branch_and_what_comes_after_it() -> None:
    check = condition("Check", [equals(1, 1)], [training("If"), after("Then", "If")], [])
    assert last(check) == ("Then",)
    assert last(check, after("Out", "If")) == ("Then", "Out")


def test_what_runs_upon_a_failure_goes_on_while_others_give_up() -> None:
    handler = after("Handler", {"Step": "A", "Trigger": "Failed"})
    assert last(training("A"), handler, after("C", "A", "Handler")) == ("Handler", "C")
    # A step with a run condition waits for all of them.
    both = after("Both", "Handler", {"Step": "A", "Trigger": "Any"})
    assert last(training("A"), handler, both) == ("Both",)


def test_a_rejoin_runs_though_a_branch_was_skipped() -> None:
    check = condition("Check", [equals(1, 1)], [training("If")], [training("Else")])
    steps = (check, after("Join", "If", "Else"), after("End", "Join", "If"))
    # Which of the branches is taken is not known here: the failure of one ends Join.
    assert last(*steps, rejoin=("Join",)) == ("If", "Else", "Join", "End")


def test_a_loop_has_a_result_when_all_its_children_have_ended() -> None:
    body = training("Fit")
    assert last(training("A"), {**loop(body, ["a"]), "DependsOn": ["A"]}, after("B", "A", "Loop")) == ("Loop", "B")
    assert last({**loop(body, ["a"])}, after("B", "Loop")) == ("B",)


def test_what_absorbs_a_failure_or_a_skip_between_two_steps_still_runs_when_the_later_one_gives_up() -> None:
    upon_any_end = after("Cleanup", {"Step": "Train", "Trigger": "Any"})
    deploy = after("Deploy", "Train", "Report")
    assert last(training("Train"), upon_any_end, after("Report", "Cleanup"), deploy) == ("Report", "Deploy")
    check = condition("Check", [equals(1, 1)], [], [training("X")])
    steps = (training("S"), check, after("R", "X", "S"), after("T", "R"), after("U", "X", "T"))
    assert set(last(*steps, rejoin=("R",))) >= {"T", "U"}


def test_when_the_last_have_ended_so_have_all() -> None:
    random = Random(11)
    for _ in range(60):
        graph, rejoin = random_pipeline(random)
        edges = [(edge.upstream, edge.downstream) for edge in drawn_edges(graph, rejoin)]
        last = last_to_end(graph, rejoin)
        for _ in range(6):
            chances = Chances.of(graph, random)
            for states in in_some_order(graph, rejoin, edges, chances, random):
                if all(name in states for name in last):
                    assert len(states) == len(graph.steps), (graph, rejoin, chances, states)
