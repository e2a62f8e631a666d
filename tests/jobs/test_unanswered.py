"""Calls that begin something and get no answer: which errors are none, and how long one is waited for."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from airflow_sm_pipelines.jobs.unanswered import until_answered
from airflow_sm_pipelines.operators.lambda_calls import NOTHING_SENT
from tests.jobs.doubles import Task, client_error

URL = {"endpoint_url": "https://aws"}
UNSENT = [EndpointConnectionError(**URL), ConnectTimeoutError(**URL)]
UNHEARD = [ConnectionClosedError(**URL), ReadTimeoutError(**URL)]


def sending(*outcomes: Any) -> tuple[list[Any], Any]:
    left = list(outcomes)

    def send() -> Any:
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return left, send


@pytest.mark.parametrize("error", [*UNSENT, *UNHEARD])
def test_what_has_no_answer_is_sent_again(error: BotoCoreError) -> None:
    left, send = sending(error, error, "answer")
    assert until_answered(Task().life().run, "the call", send) == "answer"
    assert left == []


@pytest.mark.parametrize("error", [client_error("Throttling", "m", "Create"), NoCredentialsError()])
def test_an_answer_or_a_call_that_cannot_be_made_is_for_the_caller(error: Exception) -> None:
    left, send = sending(error, "never")
    with pytest.raises(type(error)):
        until_answered(Task().life().run, "the call", send)
    assert left == ["never"]


@pytest.mark.parametrize("error", UNHEARD)
def test_a_function_that_may_have_run_is_not_invoked_again(error: BotoCoreError) -> None:
    left, send = sending(UNSENT[0], error, "never")
    with pytest.raises(type(error)):
        until_answered(Task().life().run, "the call", send, is_unanswered=lambda error: isinstance(error, NOTHING_SENT))
    assert left == ["never"]
