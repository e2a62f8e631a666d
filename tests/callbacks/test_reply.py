"""The messages of the reply queue, as whoever may send to it writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_sm_pipelines.callbacks.message import Answer
from airflow_sm_pipelines.callbacks.reply import (
    MAX_MESSAGE_LENGTH,
    AnswerError,
    ForNobodyError,
    Reply,
    read_address,
    read_reply,
)

TOKEN = "0123456789"


def success(**output: Any) -> dict[str, Any]:
    return {"token": TOKEN, "status": "Success", "OutputParameters": [output]}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (None, "it has no text"),
        (b"{}", "it has no text"),
        ("", "no JSON that can be read"),
        ("no JSON", "no JSON that can be read"),
        ("\ud800", "no JSON that can be read"),
        ('{"token": "0123456789"', "no JSON that can be read"),
        (f'{{"token": "{TOKEN}", "n": {"9" * 5000}}}', "no JSON that can be read"),
        ("[" * 250_000, "nested too deeply"),
        (f'{{"token": "{TOKEN}", "n": {"[" * 100_000}{"]" * 100_000}}}', "nested too deeply"),
        (f'{{"token": "{TOKEN}", "n": "{"x" * MAX_MESSAGE_LENGTH}"}}', "more than 1048576 characters"),
        ("[]", "no JSON object"),
        ("null", "no JSON object"),
        ("{}", "no token"),
        ('{"token": 7}', "no token"),
        ('{"token": ["0123456789"]}', "no token"),
        ('{"token": "short"}', "no token"),
        ('{"token": "012345678\\n"}', "no token"),
        ('{"token": "012345678\\u0000"}', "no token"),
        ('{"token": "\\ud800"}', "no token"),
        ('{"token": "012345678é"}', "no token"),
    ],
)
def test_a_message_that_can_be_for_no_step(body: object, reason: str) -> None:
    with pytest.raises(ForNobodyError, match=reason) as caught:
        read_address(body)
    assert len(str(caught.value)) < 100


def test_a_message_is_read_as_far_as_to_whom_it_is() -> None:
    addressed = read_address(json.dumps(success(Name="n", Value=1)))
    assert addressed.token == TOKEN
    assert read_reply(addressed.members) == Answer("Success", outputs={"n": "1"})
    twice = read_address(f'{{"token": "no", "token": "{TOKEN}", "status": NaN}}')
    assert twice.token == TOKEN


def test_a_reply_may_have_numbers_and_booleans() -> None:
    parameters = [{"Name": "n", "Value": 1.5}, {"Name": "b", "Value": True}, {"Name": "s", "Value": "1"}]
    reply = read_reply({"status": "Success", "OutputParameters": parameters})
    assert reply == Answer("Success", outputs={"n": "1.5", "b": "true", "s": "1"})
    assert read_reply({"status": "Failure", "FailureReason": None}) == Answer("Failure")
    assert read_reply({"status": "Failure", "FailureReason": {"code": 7}}) == Answer("Failure", {}, '{"code": 7}')


@pytest.mark.parametrize("parameters", [{"Name": "n"}, ["n"], [{"Name": 1, "Value": 2}], [{"Name": "n"}], "text"])
def test_a_reply_of_another_form(parameters: object) -> None:
    with pytest.raises(AnswerError, match="OutputParameters are no array"):
        read_reply({"status": "Success", "OutputParameters": parameters})


def test_a_reply_that_is_nested_too_deeply_or_has_a_long_status() -> None:
    with pytest.raises(AnswerError, match="nested too deeply"):
        read_reply(success(Name="n", Value=nested(100_000)))
    with pytest.raises(AnswerError) as caught:
        read_reply({"status": "x" * 100_000})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("bad", ["a\0b", "\ud800", "x\udfff"])
def test_an_answer_that_cannot_be_stored_is_none(bad: str) -> None:
    for message in (
        success(Name="n", Value=bad),
        success(Name=bad, Value="1"),
        {"token": TOKEN, "status": "Failure", "FailureReason": bad},
    ):
        with pytest.raises(ForNobodyError, match="which cannot be stored"):
            read_reply(read_address(json.dumps(message)).members)
    # A nested value is stored as its JSON text, which writes such a character in ASCII.
    assert read_reply(success(Name="n", Value=[bad])).outputs == {"n": json.dumps([bad])}


def test_a_reply_as_it_is_stored() -> None:
    reply = Reply(Answer("Success", {"n": "é \u2028"}), "handle")
    assert Reply.from_text(reply.to_text()) == reply
    assert reply.to_text().isascii()
