"""Tokens, sealed notices and letters of Callback steps."""

from __future__ import annotations

import json
import re

import pytest
from cryptography.fernet import Fernet

from airflow_sm_pipelines.callbacks.encryption import UnsealError
from airflow_sm_pipelines.callbacks.message import (
    Answer,
    AnswerSlot,
    AnswerState,
    CallbackMessage,
    digest_of,
    is_token_of,
    new_callback_token,
)

KEY = "AIRFLOW__CORE__FERNET_KEY"
MESSAGE = CallbackMessage(
    "https://sqs.us-east-1.amazonaws.com/1/q", "0123456789", "arn", {"api_key": "very-secret", "f": 1.5}
)


def test_tokens_have_sagemakers_form_and_differ() -> None:
    tokens = {new_callback_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(re.fullmatch("[a-zA-Z0-9]{10}", token) for token in tokens)
    token = tokens.pop()
    assert is_token_of(token, digest_of(token))
    assert not is_token_of(tokens.pop(), digest_of(token))


def test_a_sealed_notice_can_be_read_with_the_key_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    monkeypatch.setenv(KEY, old)
    sealed = MESSAGE.seal()
    assert "secret" not in sealed
    assert MESSAGE.token not in sealed
    assert CallbackMessage.unseal(sealed) == MESSAGE
    monkeypatch.setenv(KEY, f"{new},{old}")
    assert CallbackMessage.unseal(sealed) == MESSAGE
    for other in (new, ""):
        monkeypatch.setenv(KEY, other)
        with pytest.raises(UnsealError):
            CallbackMessage.unseal(sealed)


def test_without_a_key_a_notice_is_stored_in_the_clear(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(KEY, "")
    assert CallbackMessage.unseal(MESSAGE.seal()) == MESSAGE
    assert "no [core] fernet_key" in caplog.text
    assert MESSAGE.token not in caplog.text


def test_a_message_to_a_fifo_queue_is_told_from_a_repeated_one() -> None:
    fifo = CallbackMessage(f"{MESSAGE.queue_url}.fifo", MESSAGE.token, MESSAGE.execution_arn, MESSAGE.arguments)
    first, second = fifo.request("Executing"), fifo.request("Stopping")
    assert first["MessageGroupId"] == second["MessageGroupId"]
    assert first["MessageDeduplicationId"] != second["MessageDeduplicationId"]
    assert "MessageGroupId" not in MESSAGE.request("Executing")
    assert json.loads(second["MessageBody"])["status"] == "Stopping"


def test_letters_and_addresses() -> None:
    answer = Answer("Success", outputs={"n": "1"})
    letter = AnswerState("arn", "answered", answer, "digest")
    assert AnswerState.found_in(letter.to_text()) == letter
    assert AnswerState.found_in(AnswerState("arn").to_text()) == AnswerState("arn")
    assert AnswerSlot("d", "dag", "run", "task", 3).address == {
        "key": "sagemaker_callback_d",
        "dag_id": "dag",
        "run_id": "run",
        "task_id": "task",
        "map_index": 3,
    }


@pytest.mark.parametrize(
    "found", [None, 7, ["text"], "", "no letter", "[]", "{}", '{"answer": 7}', '{"answer": null}', "[" * 250_000]
)
def test_what_is_no_letter(found: object) -> None:
    assert AnswerState.found_in(found) is None
