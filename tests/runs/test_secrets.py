"""Secrets of a run: real where they are sent, and nowhere in the clear where Airflow keeps or shows something."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tests.runs.harness import Airflow, Run, condition, equals, get, pipeline, training
from tests.runs.test_for_each import loop
from tests.runs.test_lambda import function

SECRET = "hunter2"
PASSWORD = [{"Name": "DbPassword", "Type": "String", "DefaultValue": f"{SECRET}-default"}]


@pytest.fixture
def no_trace(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails a test after which a secret stands in Airflow's database or in what its processes wrote."""
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    yield
    database = f"{os.environ['AIRFLOW_HOME']}/airflow.db"
    with closing(sqlite3.connect(database)) as connection:
        found = [line for line in connection.iterdump() if SECRET in line]
    assert [line[:300] for line in found] == []
    written = capfd.readouterr()
    assert SECRET not in written.out + written.err


def sent(airflow: Airflow, name: str) -> list[Any]:
    """The events of a function, in order."""
    calls = airflow.endpoint.requests("lambda", "Invoke")
    return [call.parameters["Payload"] for call in calls if call.parameters["FunctionName"] == name]


def calling(name: str, outputs: dict[str, str] | None = None, **arguments: Any) -> dict[str, Any]:
    """A Lambda step that calls the function of its own name."""
    return function(name, outputs, FunctionArn=name, Arguments=arguments)


def output(step: str, name: str) -> dict[str, str]:
    return get(f"Steps.{step}.OutputParameters['{name}']")


def answer_with(airflow: Airflow, **answers: Any) -> None:
    for name, answer in answers.items():
        airflow.endpoint.put_function(name, partial(_given, answer))


def _given(answer: Any, _event: Any) -> Any:
    return answer


@pytest.mark.usefixtures("no_trace")
def test_what_a_function_answers_is_sent_on_as_it_is_and_shown_masked(airflow: Airflow) -> None:
    answer_with(airflow, Login={"db_password": f"{SECRET}-output", "proxy_metric": 0.93, "max_tokens": "9000"}, Use={})
    login = calling("Login", {"db_password": "String", "proxy_metric": "Float", "max_tokens": "String"})
    joined = {"Std:Join": {"On": ":", "Values": ["user", output("Login", "db_password")]}}
    use = calling(
        "Use",
        plain=output("Login", "db_password"),
        joined=joined,
        whole=get("Steps.Login.OutputParameters"),
        api_token=f"{SECRET}-literal",
    )
    run = airflow.run(pipeline(login, use))
    assert run.state == "success"
    real = {"db_password": f"{SECRET}-output", "proxy_metric": 0.93, "max_tokens": "9000"}
    assert sent(airflow, "Use") == [
        {
            "plain": f"{SECRET}-output",
            "joined": f"user:{SECRET}-output",
            "whole": real,
            "api_token": f"{SECRET}-literal",
        }
    ]
    assert run.xcom("Login") == {"OutputParameters": {**real, "db_password": "***"}}
    shown = run.rendered("Use")["request"]["Payload"]
    assert (shown["plain"], shown["joined"], shown["api_token"]) == ("***", "user:***", "***")


@pytest.mark.usefixtures("no_trace")
def test_a_parameter_that_is_a_secret_has_its_default_and_no_one_sees_it(airflow: Airflow) -> None:
    answer_with(airflow, After={})
    step = training(
        "Train",
        Arguments={
            "Environment": {"DSN": {"Std:Join": {"On": "@", "Values": [get("Parameters.DbPassword"), "host"]}}},
            "HyperParameters": {
                "tokenizer_name": "bert-base-uncased",
                "max_new_tokens": "256000",
                "proxy_metric": "0.93",
                "depth": "3",
            },
        },
    )
    after = calling("After", copy=get("Steps.Train.Environment['DSN']"), all=get("Steps.Train.HyperParameters"))
    run = airflow.run(pipeline(step, after, Parameters=PASSWORD))
    assert run.state == "success"
    [created] = airflow.created("CreateTrainingJob")
    assert created["Environment"] == {"DSN": f"{SECRET}-default@host"}
    assert sent(airflow, "After") == [{"copy": f"{SECRET}-default@host", "all": created["HyperParameters"]}]
    assert run.xcom("Train")["Environment"] == {"DSN": "***"}
    assert run.xcom("Train")["HyperParameters"] == created["HyperParameters"]
    # Airflow itself masks by name what it renders; what is no secret is readable all the same.
    shown = {pair["Name"]: pair["Value"] for pair in run.rendered("Train")["request"]["HyperParameters"]}
    assert shown == created["HyperParameters"]


def test_a_value_that_a_run_is_given_for_a_secret_parameter_is_the_one_that_is_sent(airflow: Airflow) -> None:
    answer_with(airflow, Use={})
    use = calling("Use", given=get("Parameters.DbPassword"))
    definition = pipeline(use, Parameters=PASSWORD)
    run = airflow.run(definition, {"DbPassword": "given-by-hand"})
    assert sent(airflow, "Use") == [{"given": "given-by-hand"}]
    assert run.rendered("Use")["request"]["Payload"] == {"given": "***"}
    airflow.run(definition, parameters={"DbPassword": "given-by-the-dag"})
    assert sent(airflow, "Use")[1:] == [{"given": "given-by-the-dag"}]


@pytest.mark.usefixtures("no_trace")
def test_a_loop_over_secrets_has_them_in_its_children_and_in_what_follows(airflow: Airflow) -> None:
    answer_with(airflow, List={"items": [{"name": "a", "password": f"{SECRET}-item"}]}, Second={}, Last={})
    airflow.endpoint.put_function("Child", lambda event: {"token": f"{event['password']}-token", "user": "a"})
    body = calling(
        "Child",
        {"token": "String", "user": "String"},
        password=get("ForEach.CurrentItem.password"),
        user=get("ForEach.CurrentItem.name"),
    )
    second = calling("Second", token=output("Child", "token"))
    last = calling("Last", token=get("Steps.Loop.IterationOutputs[0].Child.OutputParameters['token']"))
    steps = calling("List", {"items": "String"}), loop([body, second], output("List", "items")), last
    run = airflow.run(pipeline(*steps))
    assert run.state == "success"
    assert sent(airflow, "Child") == [{"password": f"{SECRET}-item", "user": "a"}]
    assert sent(airflow, "Second") == sent(airflow, "Last") == [{"token": f"{SECRET}-item-token"}]
    assert run.xcom("Loop.ForEach.result")["IterationOutputs"] == [
        {"Child": {"OutputParameters": {"token": "***", "user": "a"}}, "Second": {"OutputParameters": {}}}
    ]


@pytest.mark.usefixtures("no_trace")
def test_a_condition_compares_the_secret_and_a_failure_does_not_tell_it(airflow: Airflow) -> None:
    answer_with(airflow, Login={"token": f"{SECRET}-token"})
    message = {"Std:Join": {"On": " ", "Values": ["refused:", output("Login", "token")]}}
    fail = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": message}}
    choose = condition("Choose", [equals(output("Login", "token"), get("Parameters.Token"))], [fail], [])
    token = [{"Name": "Token", "Type": "String", "DefaultValue": f"{SECRET}-token"}]
    run = airflow.run(pipeline(calling("Login", {"token": "String"}), choose, Parameters=token))
    assert run.states["Stop"] == "failed"
    assert run.rendered("Stop")["request"] == {"ErrorMessage": "refused: ***"}


@pytest.mark.usefixtures("no_trace")
def test_what_a_job_says_as_it_fails_is_told_without_the_secret(airflow: Airflow) -> None:
    reason = f"AlgorithmError: cannot log in with {SECRET}-environment"
    airflow.endpoint.reset({"jobs": [{"kind": "training", "outcome": "Failed", "failure_reason": reason}]})
    step = training("Train", Arguments={"Environment": {"DB_PASSWORD": f"{SECRET}-environment"}})
    run = airflow.run(pipeline(step))
    assert run.state == "failed"


def test_without_a_fernet_key_what_no_call_can_give_again_is_kept_in_the_clear(airflow: Airflow) -> None:
    answer_with(airflow, Login={"token": f"{SECRET}-token"}, Use={})
    secretive = training("Train", Arguments={"Environment": {"TOKEN": f"{SECRET}-environment"}})
    use = calling("Use", token=output("Login", "token"), other=get("Steps.Train.Environment['TOKEN']"))
    run = airflow.run(pipeline(calling("Login", {"token": "String"}), secretive, use))
    assert sent(airflow, "Use") == [{"token": f"{SECRET}-token", "other": f"{SECRET}-environment"}]
    assert run.xcom("Login", "sagemaker_sealed").startswith("clear:")
    # A job is asked again, so its secrets are not stored.
    assert run.xcom("Train", "sagemaker_sealed") is None
    forget_xcoms(run)


def forget_xcoms(run: Run) -> None:
    """Leave nothing in the clear for the tests that look for traces."""
    from airflow.models.task_state_store import TaskStateStoreModel
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    with create_session() as session:
        session.execute(delete(XComModel).where(XComModel.run_id == run.run_id))
        session.execute(delete(TaskStateStoreModel))
