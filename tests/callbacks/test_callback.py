"""Tokens, sealed notices and letters of Callback steps."""

from __future__ import annotations

import json
import re

import pytest
from cryptography.fernet import Fernet

from airflow_sm_pipelines.callbacks.encryption import UnsealError
from airflow_sm_pipelines.callbacks.message import (
    Answer,
    Letter,
    Mailbox,
    Notice,
    digest_of,
    is_token_of,
    new_callback_token,
)

KEY = "AIRFLOW__CORE__FERNET_KEY"
NOTICE = Notice("https://sqs.us-east-1.amazonaws.com/1/q", "0123456789", "arn", {"api_key": "very-secret", "f": 1.5})


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
    sealed = NOTICE.seal()
    assert "secret" not in sealed
    assert NOTICE.token not in sealed
    assert Notice.unseal(sealed) == NOTICE
    monkeypatch.setenv(KEY, f"{new},{old}")
    assert Notice.unseal(sealed) == NOTICE
    for other in (new, ""):
        monkeypatch.setenv(KEY, other)
        with pytest.raises(UnsealError):
            Notice.unseal(sealed)


def test_without_a_key_a_notice_is_stored_in_the_clear(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(KEY, "")
    assert Notice.unseal(NOTICE.seal()) == NOTICE
    assert "no [core] fernet_key" in caplog.text
    assert NOTICE.token not in caplog.text


def test_a_message_to_a_fifo_queue_is_told_from_a_repeated_one() -> None:
    fifo = Notice(f"{NOTICE.queue_url}.fifo", NOTICE.token, NOTICE.execution_arn, NOTICE.arguments)
    first, second = fifo.request("Executing"), fifo.request("Stopping")
    assert first["MessageGroupId"] == second["MessageGroupId"]
    assert first["MessageDeduplicationId"] != second["MessageDeduplicationId"]
    assert "MessageGroupId" not in NOTICE.request("Executing")
    assert json.loads(second["MessageBody"])["status"] == "Stopping"


def test_letters_and_addresses() -> None:
    answer = Answer("Success", outputs={"n": "1"})
    letter = Letter("arn", "answered", answer, "digest")
    assert Letter.found_in(letter.to_text()) == letter
    assert Letter.found_in(Letter("arn").to_text()) == Letter("arn")
    assert Mailbox("d", "dag", "run", "task", 3).address == {
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
    assert Letter.found_in(found) is None
