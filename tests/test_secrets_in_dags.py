"""What Airflow keeps and shows of a Dag: no literal secret of the definition, and nothing that loads from elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines import SageMakerPipelineDag, load_dags
from airflow_sm_pipelines.definition.findings import DefinitionError
from tests.runs.harness import get, pipeline, training
from tests.runs.test_for_each import loop
from tests.runs.test_lambda import function

SECRET = "hunter2-literal"
PASSWORD = {"Name": "DbPassword", "Type": "String", "DefaultValue": SECRET}


def serialized(dag: Any) -> str:
    from airflow.serialization.serialized_objects import DagSerialization

    return json.dumps(DagSerialization.to_dict(dag))


def test_the_serialized_dag_has_no_literal_secret() -> None:
    body = function("Body", Arguments={"api_token": SECRET, "item": get("ForEach.CurrentItem")})
    joined = {"Std:Join": {"On": "@", "Values": [SECRET, get("Parameters.Items")]}}
    items = {"Name": "Items", "Type": "String", "DefaultValue": "[1]"}
    steps = (
        training("Train", Arguments={"Environment": {"DB_PASSWORD": SECRET}, "HyperParameters": {"api_key": joined}}),
        function("Call", Arguments={"nested": [{"Name": "token", "Value": SECRET}], "tokenizer_name": "bert"}),
        loop(body),
    )
    definition = pipeline(*steps, Parameters=[PASSWORD, items])
    dag = SageMakerPipelineDag(definition, dag_id="secretive")
    text = serialized(dag)
    assert SECRET not in text
    assert "HyperParameters.api\\_key" in str(dag.task_dict["Train"].doc_md)
    assert 'DbPassword (String): "\\*\\*\\*"' in str(dag.doc_md)
    assert "bert" in text
    assert SECRET not in serialized(SageMakerPipelineDag(definition, dag_id="x", parameters={"DbPassword": SECRET}))


def test_the_form_shows_no_default_of_a_secret_and_takes_an_empty_field_for_it() -> None:
    choice = {"Name": "TokenMode", "Type": "String", "DefaultValue": "none", "EnumValues": ["none", "iam"]}
    empty = {"Name": "ApiToken", "Type": "String", "DefaultValue": ""}
    steps = pipeline(training("Train"), Parameters=[PASSWORD, choice, empty])
    params = SageMakerPipelineDag(steps, dag_id="secretive").params
    shown = params.get_param("DbPassword")
    assert (shown.value, shown.schema["type"]) == (None, ["null", "string"])
    assert "not shown" in str(shown.description)
    assert (params["TokenMode"], params["ApiToken"]) == ("none", "")


def test_a_description_is_text_and_loads_nothing() -> None:
    picture = "![x](https://elsewhere.example/pixel.png) <b>"
    dag = SageMakerPipelineDag(pipeline(training("Train", Description=picture)), dag_id="described")
    shown = str(dag.task_dict["Train"].doc_md).partition("\n")[0]
    assert shown == "\\!\\[x\\]\\(https://elsewhere.example/pixel.png\\) \\<b\\>"


def test_a_finding_does_not_quote_a_secret(tmp_path: Path) -> None:
    definition = pipeline(
        training("Train", Arguments={"Environment": {"DB_PASSWORD": {"Get": f"Parametres.{SECRET}"}}}),
        {"Name": "Other", "Type": SECRET, "Arguments": {"password": SECRET}},
        Parameters=[{**PASSWORD, "Type": "Integer"}],
    )
    with pytest.raises(DefinitionError) as error:
        SageMakerPipelineDag(definition, dag_id="broken")
    assert f"'{SECRET}'" not in str(error.value)
    (tmp_path / "broken.json").write_text(json.dumps(definition))
    dag = load_dags(tmp_path)["broken"]
    assert f"'{SECRET}'" not in serialized(dag) + str(dag.doc_md)


def test_a_wrong_value_of_a_secret_parameter_is_not_quoted() -> None:
    definition = pipeline(training("Train"), Parameters=[{**PASSWORD, "DefaultValue": "x"}])
    with pytest.raises(DefinitionError) as error:
        SageMakerPipelineDag(definition, dag_id="wrong", parameters={"DbPassword": [SECRET]})
    assert SECRET not in str(error.value)
