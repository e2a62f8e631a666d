"""What the first task of a run keeps of its parameters when it is cleared, and the Dag has changed meanwhile."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from airflow_sm_pipelines.definition.model import Parameter, ParameterType
from airflow_sm_pipelines.expressions.pipeline import PipelineContext
from airflow_sm_pipelines.expressions.templates import templates_of
from airflow_sm_pipelines.graph import Graph
from airflow_sm_pipelines.operators.masking import Masking
from airflow_sm_pipelines.operators.parameters_task import ParametersOperator
from airflow_sm_pipelines.place import Place


class Store(dict[str, Any]):
    """Airflow's, of one task."""

    def set(self, key: str, value: Any, **_: Any) -> None:
        self[key] = value


class Variables:
    """Airflow's accessor. Each look gives another value."""

    def __init__(self) -> None:
        self.asked = 0

    def get(self, name: str, _default: Any) -> str:
        self.asked += 1
        return f"{self.asked}"


TEXT = Parameter("A", ParameterType.STRING, ((None, "Parameters"), 0), has_default=False)


def pipeline(templates: dict[str, str], **of: Parameter) -> PipelineContext:
    declared = {name: of.get(name, replace(TEXT, name=name)) for name in templates}
    graph = cast("Graph", None)
    return PipelineContext(
        "p", Place("p"), "d", declared, {}, None, None, None, graph, {}, templates=templates_of(templates)
    )


@pytest.fixture
def context() -> Any:
    variables = Variables()
    return {
        "dag": SimpleNamespace(user_defined_macros={}, user_defined_filters={}),
        "dag_run": SimpleNamespace(run_id="r"),
        "params": {},
        "ti": SimpleNamespace(dag_id="p"),
        "var": {"value": variables, "json": variables},
        "task_state_store": Store(),
    }


def rendered(context: Any, pipeline: PipelineContext) -> Any:
    task = ParametersOperator(task_id="first", pipeline=pipeline, masking=Masking())
    return task.render(context)


def test_what_was_rendered_stays_and_what_was_added_is_rendered_beside_it(context: Any) -> None:
    text = "{{ var.value.x }}"
    assert rendered(context, pipeline({"A": text})) == {"A": "1"}
    assert rendered(context, pipeline({"A": text, "B": text})) == {"A": "1", "B": "2"}
    assert rendered(context, pipeline({"B": text})) == {"B": "2"}
    assert rendered(context, pipeline({"A": text, "B": text})) == {"A": "1", "B": "2"}


def test_what_its_parameter_takes_no_more_is_rendered_anew(context: Any) -> None:
    text = "{{ var.value.x }}"
    assert rendered(context, pipeline({"A": text})) == {"A": "1"}
    number = replace(TEXT, type=ParameterType.INTEGER)
    assert rendered(context, pipeline({"A": text}, A=number)) == {"A": 1}
    chosen = replace(TEXT, enum_values=("2", "3"))
    assert rendered(context, pipeline({"A": text}, A=chosen)) == {"A": "2"}
    assert rendered(context, pipeline({"A": text}, A=chosen)) == {"A": "2"}


def test_a_secret_parameter_has_its_value_in_a_template(context: Any) -> None:
    context["params"] = {"ApiToken": None}
    secret = replace(TEXT, name="ApiToken", has_default=True, default="hunter2hunter2")
    given = pipeline({"A": "x {{ params.ApiToken }}"})
    task = ParametersOperator(
        task_id="first",
        pipeline=replace(given, parameters={**given.parameters, "ApiToken": secret}),
        masking=Masking(),
    )
    assert task.render(context) == {"A": "x ***"}
    assert task._values == {"A": "x hunter2hunter2"}  # what execute() gives the steps
