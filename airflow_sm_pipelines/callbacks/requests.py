"""SendPipelineExecutionStepSuccess and ...Failure on the wire: their requests, their response, SageMaker's errors.

Whoever reaches the endpoint writes them. A body that is no request is a SerializationException, and a request that
breaks a limit of the API's model is a ValidationException. What cannot be stored counts as the latter.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from airflow_sm_pipelines.callbacks.message import FAILURE, SUCCESS, TOKEN_LENGTH, Answer
from airflow_sm_pipelines.wire.constraints import TextLimits, broken, too_many
from airflow_sm_pipelines.wire.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET_PREFIX = "SageMaker."

TOKEN = TextLimits(TOKEN_LENGTH, TOKEN_LENGTH, pattern="[a-zA-Z0-9]+", required=True)
REQUEST_TOKEN = TextLimits(128, 32)
NAME = TextLimits(256, required=True)
VALUE = TextLimits(1024, required=True)
REASON = TextLimits(256)
MAX_OUTPUTS = 50
MAX_SHOWN = 10


class Answering(Struct, frozen=True):
    """A call that answers a Callback step; ``request_token`` is its ClientRequestToken."""

    token: str
    answer: Answer
    request_token: str | None = None


class _Output(msgspec.Struct, frozen=True):
    Name: str | None = None
    Value: str | None = None


class _Request(msgspec.Struct, frozen=True):
    """The members of both requests, by their JSON types alone."""

    CallbackToken: str | None = None
    ClientRequestToken: str | None = None

    def violations(self) -> Iterator[str]:
        yield from broken("callbackToken", self.CallbackToken, TOKEN)
        yield from broken("clientRequestToken", self.ClientRequestToken, REQUEST_TOKEN)

    def answer(self) -> Answer:
        raise NotImplementedError


class _Success(_Request, frozen=True):
    OutputParameters: list[_Output] | None = None

    def violations(self) -> Iterator[str]:
        yield from super().violations()
        outputs = self.OutputParameters or []
        if len(outputs) > MAX_OUTPUTS:
            yield too_many("outputParameters", MAX_OUTPUTS)
            return
        for number, output in enumerate(outputs, start=1):
            yield from broken(f"outputParameters.{number}.member.name", output.Name, NAME)
            yield from broken(f"outputParameters.{number}.member.value", output.Value, VALUE)

    def answer(self) -> Answer:
        outputs = {output.Name: output.Value for output in self.OutputParameters or ()}
        return Answer(SUCCESS, outputs={name or "": value or "" for name, value in outputs.items()})


class _Failure(_Request, frozen=True):
    FailureReason: str | None = None

    def violations(self) -> Iterator[str]:
        yield from super().violations()
        yield from broken("failureReason", self.FailureReason, REASON)

    def answer(self) -> Answer:
        return Answer(FAILURE, failure_reason=self.FailureReason or "")


OPERATIONS: dict[str, type[_Success] | type[_Failure]] = {
    "SendPipelineExecutionStepSuccess": _Success,
    "SendPipelineExecutionStepFailure": _Failure,
}


def read_request(target: str, body: bytes) -> Answering:
    """The request of a call.

    :raises ApiError: UnknownOperationException, SerializationException or ValidationException
    """
    operation = OPERATIONS.get(target.removeprefix(TARGET_PREFIX))
    if operation is None or not target.startswith(TARGET_PREFIX):
        raise ApiError("UnknownOperationException", f"Only {' and '.join(OPERATIONS)} are answered here.")
    request = _parse(body, operation)
    found = list(request.violations())
    if found:
        count = "1 validation error" if len(found) == 1 else f"{len(found)} validation errors"
        raise ApiError("ValidationException", f"{count} detected: {'; '.join(found[:MAX_SHOWN])}")
    return Answering(request.CallbackToken or "", request.answer(), request.ClientRequestToken)


def _parse(body: bytes, operation: type[_Success] | type[_Failure]) -> _Success | _Failure:
    # Not msgspec's own reader of JSON: a lone surrogate is not the same as what is no JSON.
    try:
        members = json.loads(body.decode())
    except RecursionError:
        raise ApiError("SerializationException", "The request is nested too deeply.") from None
    except ValueError:
        raise ApiError("SerializationException", "The request is no JSON that can be read.") from None
    try:
        return msgspec.convert(members, operation)
    except msgspec.ValidationError as error:
        raise ApiError("SerializationException", f"{error}.") from None
    except UnicodeEncodeError:
        # msgspec quotes the text that stands where none is wanted.
        raise ApiError("SerializationException", "A member is of the wrong type.") from None
