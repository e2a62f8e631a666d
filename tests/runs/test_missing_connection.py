"""A connection that was named and is not found: nothing is done with the credentials of the machine."""

from __future__ import annotations

from itertools import chain, cycle, repeat
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from airflow_sm_pipelines.expressions.end_note import END_KEY
from tests.runs.harness import Airflow, pipeline, training
from tests.runs.test_callback import callback
from tests.runs.test_lambda import function
from tests.runs.test_lineage import action, lineage

if TYPE_CHECKING:
    from collections.abc import Iterator

QUEUE = "http://localhost/123456789012/replies"
FAULT = "Step.SERVICE_FAULT"
NEVER = {"ExceptionType": [FAULT], "MaxAttempts": 0}
OFTEN = {"ExceptionType": [FAULT], "IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 20}


@pytest.fixture(params=[True, False], ids=["deferrable", "synchronous"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def found(monkeypatch: pytest.MonkeyPatch, answers: Iterator[bool]) -> list[bool]:
    """Airflow has the connection ``prod``, and says so only now and then; which answers it has given."""
    given = list[bool]()
    monkeypatch.setenv("AIRFLOW_CONN_PROD", '{"conn_type": "aws"}')
    read = BaseHook.get_connection

    def get_connection(conn_id: str) -> Any:
        given.append(next(answers))
        if not given[-1]:
            raise AirflowNotFoundException(f"The conn_id `{conn_id}` isn't defined")
        return read(conn_id)

    monkeypatch.setattr(BaseHook, "get_connection", get_connection)
    return given


@pytest.mark.parametrize(
    "step",
    [
        training("Step", RetryPolicies=[NEVER]),
        function("Step", RetryPolicies=[NEVER]),
        callback("Step", QUEUE, RetryPolicies=[NEVER]),
        {**lineage("Step", Actions=[action("run")]), "RetryPolicies": [NEVER]},
    ],
    ids=lambda step: str(step["Type"]),
)
def test_a_misspelt_name_fails_the_step_before_any_call(
    airflow: Airflow, step: dict[str, Any], deferrable: bool
) -> None:
    run = airflow.run(pipeline(step), aws_conn_id="misspelt", deferrable=deferrable)
    assert (run.state, run.states["Step"]) == ("failed", "failed")
    assert "Airflow finds no connection 'misspelt'." in run.xcom("Step", END_KEY)["reason"]
    assert not airflow.endpoint.requests()


def test_a_connection_that_is_away_for_a_moment(
    airflow: Airflow, deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = found(monkeypatch, chain([False], repeat(True)))
    definition = pipeline(training("Train", RetryPolicies=[OFTEN]))
    run = airflow.run(definition, aws_conn_id="prod", deferrable=deferrable)
    assert run.state == "success"
    assert {True, False} == set(given)
    assert len(airflow.endpoint.jobs("training")) == 1


def test_a_connection_that_is_found_only_each_second_time(
    airflow: Airflow, deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = found(monkeypatch, cycle([True, False]))
    definition = pipeline(training("Train", RetryPolicies=[OFTEN]))
    run = airflow.run(definition, aws_conn_id="prod", deferrable=deferrable)
    assert run.state == "success"
    assert {True, False} == set(given)
    assert len(airflow.endpoint.jobs("training")) == 1
