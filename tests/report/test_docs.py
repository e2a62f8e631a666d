"""The documentation of Dags and tasks, as Airflow shows it."""

from __future__ import annotations

from airflow_sm_pipelines.definition.secret_names import AIRFLOWS_NAMES
from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.report.dag_docs import MAX_STEPS, dag_documentation
from airflow_sm_pipelines.report.step_docs import MAX_ARGUMENTS, step_documentation
from tests.runs.harness import condition, equals, get, pipeline, training

PARAMETERS = [
    {"Name": "Rate", "Type": "Float", "DefaultValue": 0.2},
    {"Name": "Day", "Type": "String"},
    {"Name": "ApiToken", "Type": "String", "DefaultValue": "hunter2-literal"},
]


def dag_docs(*steps: object, **keys: object) -> str:
    planned = plan(pipeline(*steps, **keys), source="churn.json")
    return dag_documentation(planned, "churn.json", AIRFLOWS_NAMES, {}).replace("\\", "")


def step_docs(name: str, *steps: object, **keys: object) -> str:
    graph = plan(pipeline(*steps, **keys), source="churn.json").graph
    (step,) = [step for step in graph.steps if step.name == name]
    return step_documentation(step, graph.needs_of(name), step.arguments).replace("\\", "")


def test_a_dag_tells_its_steps_its_parameters_and_what_has_no_effect() -> None:
    told = dag_docs(
        training("A"),
        condition("C", [equals(1, 1)], [training("B", DependsOn=["A"])], []),
        Parameters=PARAMETERS,
        Metadata={"team": "risk"},
    )
    assert "churn.json: 3 steps." in told
    assert "| A | Training |  |\n| C | Condition |  |\n| B | Training | A, C |" in told
    assert '- Rate (Float): 0.2\n- Day (String): every run gives it\n- ApiToken (String): "***"' in told
    assert "- $.Metadata: it has no effect on a run" in told


def test_a_dag_of_many_steps_tells_some_of_them() -> None:
    told = dag_docs(*(training(f"S{number}") for number in range(MAX_STEPS + 2)))
    assert told.count("| Training |") == MAX_STEPS
    assert "2 more steps stand in the definition." in told


def test_a_task_tells_its_arguments_and_what_it_waits_for() -> None:
    upon = [{"Step": "A", "Trigger": "Failed"}]
    environment = {f"v{number}": get("Parameters.Rate") for number in range(MAX_ARGUMENTS)}
    steps = (
        training("A"),
        training("B", DependsOn=upon, Description="Says *why*", Arguments={"Environment": environment}),
    )
    told = step_docs("B", *steps, Parameters=PARAMETERS)
    assert told.startswith("Says *why*\n\nTraining step. It waits for A (on failure).")
    assert '- Environment.v0 = "{Parameters.Rate}"\n' in told
    assert "more arguments stand in the definition." in told


def test_a_condition_tells_its_formula() -> None:
    told = step_docs("C", condition("C", [equals(get("Parameters.Rate"), 1)], [], []), Parameters=PARAMETERS)
    assert "The if branch is taken where {Parameters.Rate} == 1." in told
