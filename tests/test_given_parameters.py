"""Parameters that are given as templates: the form, the checks at load, and the tasks of the Dag."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.sdk import literal

from airflow_sm_pipelines import DefinitionError, SageMakerPipelineDag
from tests.runs.harness import equals, get, pipeline, training

PARAMETERS = [
    {"Name": "Date", "Type": "String"},
    {"Name": "Count", "Type": "Integer", "DefaultValue": 3},
    {"Name": "Kind", "Type": "String", "DefaultValue": "a", "EnumValues": ["a", "b"]},
    {"Name": "ApiToken", "Type": "String", "DefaultValue": "none"},
]
DEFINITION = json.dumps(pipeline(training("Train"), training("Apart"), Parameters=PARAMETERS))
FIRST = "pipeline.run.parameters"


def dag(**arguments: Any) -> SageMakerPipelineDag:
    return SageMakerPipelineDag(DEFINITION, dag_id="dated", schedule="@daily", **arguments)


def test_the_form_leaves_it_empty_and_says_who_gives_it() -> None:
    params = dag(parameters={"Date": "{{ ds }}", "Count": "{{ 1 + 1 }}", "Kind": "{{ params.ApiToken }}"}).params
    schemas = {name: params.get_param(name).schema for name in ("Date", "Count", "Kind")}
    assert [schemas[name]["type"] for name in schemas] == [["null", "string"], ["null", "integer"], ["null", "string"]]
    assert schemas["Kind"]["enum"] == [None, "a", "b"]
    assert params.get_param("Date").description == "Given by the Dag: {{ ds }}. Leave it empty for that."
    for name in schemas:
        assert params.get_param(name).resolve() is None
    assert params.get_param("Kind").resolve("b") == "b"


def test_the_template_of_a_secret_is_not_shown() -> None:
    param = dag(parameters={"Date": "x", "ApiToken": "s3cret-{{ ds }}"}).params.get_param("ApiToken")
    assert param.description == "Given by the Dag. Leave it empty for that."


def test_a_literal_stays_what_it_is() -> None:
    assert dag(parameters={"Date": literal("{{ ds }}")}).params.get_param("Date").resolve() == "{{ ds }}"


@pytest.mark.parametrize(
    ("template", "tasks"), [("{{ ds }}", {"Train", "Apart"}), ("{{ var.value.x }}", {"Train", "Apart", FIRST})]
)
def test_only_what_may_change_asks_for_a_first_task(template: str, tasks: set[str]) -> None:
    made = dag(parameters={"Date": template})
    assert {*made.task_ids} == tasks
    if FIRST in tasks:
        assert made.get_task(FIRST).downstream_task_ids == {"Train", "Apart"}


def test_all_that_is_wrong_with_the_templates_is_told() -> None:
    with pytest.raises(DefinitionError) as raised:
        dag(parameters={"Dat": "{{ ds }}", "Date": "{{ ti.run_id }}"})
    unknown, forbidden = map(str, raised.value.findings)
    assert unknown.endswith("gives a template for 'Dat', which is no parameter of the definition. Did you mean 'Date'?")
    assert forbidden.startswith("$.Parameters: parameters: the template of 'Date' names 'ti', which it cannot: ")
    assert forbidden.endswith("the XCom of another Dag's task is xcom_pull(task_ids, dag_id)")


def test_a_default_that_the_template_replaces_is_not_judged() -> None:
    """The API takes 1 or more instances, and the definition's own default is none that any run has."""
    step = training("Train")
    step["Arguments"]["ResourceConfig"]["InstanceCount"] = get("Parameters.Count")
    text = json.dumps(pipeline(step, Parameters=[{"Name": "Count", "Type": "Integer", "DefaultValue": 0}]))
    assert SageMakerPipelineDag(text, dag_id="replaced", parameters={"Count": "{{ 1 }}"}).task_ids == ["Train"]


def test_the_same_templates_give_the_same_dag() -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    given = {"Date": "{{ ds }}", "Kind": "{{ var.value.kind }}"}
    first, second = (DagSerialization.to_dict(dag(parameters=given)) for _ in range(2))
    assert first == second
    assert '"{{ var.value.kind }}"' in json.dumps(first)


def test_conditions_are_none_of_the_templates() -> None:
    assert not dag(parameters={"Date": json.dumps(equals("a", "b"))}).plan.pipeline.warnings
