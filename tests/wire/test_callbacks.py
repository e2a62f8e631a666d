"""The requests of the two calls that answer a Callback step, as anybody can send them."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from airflow_sm_pipelines.callbacks.message import Answer
from airflow_sm_pipelines.callbacks.requests import Answering, read_request
from airflow_sm_pipelines.wire.errors import ApiError

TOKEN = "0123456789"
SUCCESS, FAILURE = (f"SageMaker.SendPipelineExecutionStep{end}" for end in ("Success", "Failure"))


def refusal(target: str, body: bytes) -> tuple[str, str]:
    """Code and message of the error that a request gets."""
    with pytest.raises(ApiError) as caught:
        read_request(target, body)
    assert caught.value.status == 400
    assert len(str(caught.value)) < 2000
    return caught.value.code, str(caught.value)


def test_whole_requests() -> None:
    outputs = [{"Name": "n", "Value": "1"}, {"Name": "", "Value": ""}, {"Name": "n", "Value": "é"}]
    body = {"CallbackToken": TOKEN, "OutputParameters": outputs, "ClientRequestToken": "r" * 32, "Unknown": [1]}
    assert read_request(SUCCESS, json.dumps(body).encode()) == Answering(
        TOKEN, Answer("Success", {"n": "é", "": ""}), "r" * 32
    )
    body = {"CallbackToken": TOKEN, "FailureReason": "r" * 256}
    assert read_request(FAILURE, json.dumps(body).encode()) == Answering(TOKEN, Answer("Failure", {}, "r" * 256))
    assert read_request(FAILURE, f'{{"CallbackToken": "no", "CallbackToken": "{TOKEN}"}}'.encode()).token == TOKEN


@pytest.mark.parametrize(
    "target", ["", "SageMaker.", "SageMaker.CreateModel", "SendPipelineExecutionStepSuccess", "\xff"]
)
def test_another_operation(target: str) -> None:
    assert refusal(target, b"{}")[0] == "UnknownOperationException"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no JSON",
        b"\xff",
        b'{"CallbackToken": "01234567\xff9"}',
        b'{"CallbackToken": "01234567\xed\xa0\x80"}',
        b'\xef\xbb\xbf{"CallbackToken": "0123456789"}',
        '{"CallbackToken": "0123456789"}'.encode("utf-16"),
        b'{"CallbackToken": "0123456789", "x": ' + b"[" * 250_000,
        b'{"CallbackToken": "0123456789", "x": ' + b"9" * 5000 + b"}",
        b"[]",
        b"null",
        b'"text"',
        b'{"CallbackToken": 123456789}',
        b'{"CallbackToken": "0123456789", "OutputParameters": "a\\udfffb"}',
        b'{"CallbackToken": ["0123456789"]}',
        b'{"CallbackToken": "0123456789", "OutputParameters": {}}',
        b'{"CallbackToken": "0123456789", "OutputParameters": ["n"]}',
        b'{"CallbackToken": "0123456789", "OutputParameters": [{"Name": "n", "Value": 1}]}',
        b'{"CallbackToken": "0123456789", "OutputParameters": [{"Name": true, "Value": "1"}]}',
        b'{"CallbackToken": "0123456789", "ClientRequestToken": 7}',
    ],
)
def test_what_is_no_request(body: bytes) -> None:
    code, message = refusal(SUCCESS, body)
    assert code == "SerializationException"
    assert TOKEN not in message


@pytest.mark.parametrize(
    ("target", "members", "place", "must"),
    [
        (SUCCESS, {"CallbackToken": None}, "null at 'callbackToken'", "not be null"),
        (FAILURE, {"CallbackToken": "short"}, "'callbackToken'", "have length greater than or equal to 10"),
        (FAILURE, {"CallbackToken": "x" * 1_000_000}, "'callbackToken'", "have length less than or equal to 10"),
        (
            FAILURE,
            {"CallbackToken": "012345678\0"},
            "'callbackToken'",
            "satisfy regular expression pattern: [a-z",
        ),
        (
            FAILURE,
            {"CallbackToken": "012345678\n"},
            "'callbackToken'",
            "satisfy regular expression pattern: [a-z",
        ),
        (FAILURE, {"CallbackToken": "012345678\ud800"}, "'callbackToken'", "satisfy regular expression pattern"),
        (SUCCESS, {"ClientRequestToken": "short"}, "'clientRequestToken'", "have length greater than or equal to 32"),
        (SUCCESS, {"ClientRequestToken": "\ud800" * 32}, "'clientRequestToken'", "be text that can be stored"),
        (FAILURE, {"FailureReason": "r" * 257}, "'failureReason'", "have length less than or equal to 256"),
        (FAILURE, {"FailureReason": "no\0"}, "'failureReason'", "be text that can be stored, and it has U+0000"),
        (FAILURE, {"FailureReason": "\udfff"}, "'failureReason'", "be text that can be stored, and it has U+DFFF"),
    ],
)
def test_what_breaks_a_limit_of_the_api(target: str, members: dict[str, Any], place: str, must: str) -> None:
    code, message = refusal(target, json.dumps({"CallbackToken": TOKEN, **members}).encode())
    assert code == "ValidationException"
    assert message.startswith("1 validation error detected: Value ")
    assert f"{place} failed to satisfy constraint: Member must {must}" in message


@pytest.mark.parametrize(
    ("outputs", "count", "told"),
    [
        ([{"Name": "n", "Value": "a\0"}], 1, "'outputParameters.1.member.value' failed"),
        ([{"Name": "n", "Value": "1"}, {"Name": "\ud800", "Value": "1"}], 1, "'outputParameters.2.member.name' failed"),
        ([{"Name": "n"}, {}], 3, "null at 'outputParameters.2.member.value' failed"),
        ([{"Name": "n" * 257, "Value": "v" * 1025}], 2, "'outputParameters.1.member.value' failed"),
        ([{"Name": "n", "Value": "1"}] * 51, 1, "have length less than or equal to 50"),
        ([{}] * 50, 100, "null at 'outputParameters.1.member.name' failed"),
    ],
)
def test_outputs_that_break_a_limit(outputs: list[dict[str, str]], count: int, told: str) -> None:
    code, message = refusal(SUCCESS, json.dumps({"CallbackToken": TOKEN, "OutputParameters": outputs}).encode())
    assert code == "ValidationException"
    assert message.startswith(f"{count} validation error")
    assert told in message


def test_random_bytes_and_broken_requests_are_refused_or_taken() -> None:
    chance = random.Random(10)
    whole = json.dumps({"CallbackToken": TOKEN, "OutputParameters": [{"Name": "é\0", "Value": "\ud800"}]}).encode()
    codes = set()
    for _ in range(3000):
        body = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            place = chance.randrange(len(body))
            body[place : place + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        try:
            read_request(chance.choice([SUCCESS, FAILURE]), bytes(body))
        except ApiError as error:
            codes.add(error.code)
    assert codes == {"SerializationException", "ValidationException"}
