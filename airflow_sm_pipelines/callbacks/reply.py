"""The messages of the reply queue: whose one is, and the answer in it.

Whoever may send to the queue writes them, so nothing is taken for granted: neither JSON, nor its form, nor its size.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from airflow_sm_pipelines.callbacks.message import FAILURE, SUCCESS, TOKEN_FORM, Answer
from airflow_sm_pipelines.definition.text import unstorable_in

MAX_MESSAGE_LENGTH = 1_048_576
"""As many characters as an SQS message can have (of one byte each)."""

_TOKEN = re.compile(TOKEN_FORM)


class AnswerError(ValueError):
    """An answer that says nothing a step could take; the message says why."""


class ForNobodyError(ValueError):
    """A message that no Callback step can ever take; the message says why."""


class Reply(Struct, frozen=True):
    """An answer, and the handle by which its message is deleted."""

    answer: Answer
    receipt: str

    def to_text(self) -> str:
        """The reply as it is stored, in ASCII."""
        return json.dumps({"answer": self.answer.to_json(), "receipt": self.receipt})

    @classmethod
    def from_text(cls, text: str) -> Reply:
        members = json.loads(text)
        return cls(Answer.from_json(members["answer"]), members["receipt"])


class Addressed(Struct, frozen=True):
    """A message, read as far as to whom it is."""

    token: str
    members: Mapping[str, Any]


def read_address(body: object) -> Addressed:
    """Whose a message is, by its body.

    :raises ForNobodyError: for what is no JSON object with a token of SageMaker's form
    """
    if not isinstance(body, str):
        raise ForNobodyError("it has no text")
    if len(body) > MAX_MESSAGE_LENGTH:
        raise ForNobodyError(f"it has more than {MAX_MESSAGE_LENGTH} characters")
    try:
        members = json.loads(body)
    except RecursionError:
        raise ForNobodyError("its JSON is nested too deeply") from None
    except ValueError:
        # Not Python's own words: a message of another's making is not for the log.
        raise ForNobodyError("it is no JSON that can be read") from None
    if not isinstance(members, dict):
        raise ForNobodyError("it is no JSON object")
    token = members.get("token")
    if not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
        raise ForNobodyError("it has no token of ten letters and digits")
    return Addressed(token, members)


def read_reply(message: Mapping[str, Any]) -> Answer:
    """The answer in a message of the reply queue.

    It is ``{"token", "status": "Success", "OutputParameters": [{"Name", "Value"}]}``, or has the status ``"Failure"``
    and a ``"FailureReason"``. A Value may be a JSON number or boolean where SageMaker's wire has only texts.

    :raises AnswerError: for a message of another form
    :raises ForNobodyError: for an answer with text that cannot be stored, which so is no answer
    """
    try:
        answer = _read_answer(message)
    except RecursionError:
        raise AnswerError("it is nested too deeply") from None
    if (character := unstorable_in([dict(answer.outputs), answer.failure_reason])) is not None:
        raise ForNobodyError(f"its answer has {character} of a text, which cannot be stored")
    return answer


def _read_answer(message: Mapping[str, Any]) -> Answer:
    match message.get("status"):
        case "Success":
            return Answer(SUCCESS, outputs=_read_outputs(message.get("OutputParameters") or []))
        case "Failure":
            return Answer(FAILURE, failure_reason=_text_of(message.get("FailureReason") or ""))
        case other:
            raise AnswerError(f"its status is {json.dumps(other)[:100]}, and neither Success nor Failure")


def _read_outputs(parameters: Any) -> dict[str, str]:
    form = 'its OutputParameters are no array of objects like {"Name": "...", "Value": "..."}'
    if not isinstance(parameters, list):
        raise AnswerError(form)
    outputs = {}
    for parameter in parameters:
        if not isinstance(parameter, dict) or not isinstance(parameter.get("Name"), str) or "Value" not in parameter:
            raise AnswerError(form)
        outputs[parameter["Name"]] = _text_of(parameter["Value"])
    return outputs


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
