"""SendPipelineExecutionStepSuccess and ...Failure on the wire: their requests, their response, SageMaker's errors."""

from __future__ import annotations

from typing import Annotated

import msgspec

from airflow_sm_pipelines.callbacks.message import FAILURE, LONGEST_REASON, MOST_OUTPUTS, SUCCESS, Answer

TARGET_PREFIX = "SageMaker."

Token = Annotated[str, msgspec.Meta(pattern="^[a-zA-Z0-9]{10}$")]
RequestToken = Annotated[str, msgspec.Meta(min_length=32, max_length=128)]


class Output(msgspec.Struct, frozen=True):
    """One output parameter."""

    Name: Annotated[str, msgspec.Meta(max_length=256)]
    Value: Annotated[str, msgspec.Meta(max_length=1024)]


class Success(msgspec.Struct, frozen=True):
    """The request of SendPipelineExecutionStepSuccess."""

    CallbackToken: Token
    OutputParameters: Annotated[list[Output], msgspec.Meta(max_length=MOST_OUTPUTS)] | None = None
    ClientRequestToken: RequestToken | None = None

    @property
    def answer(self) -> Answer:
        return Answer(SUCCESS, outputs={output.Name: output.Value for output in self.OutputParameters or ()})


class Failure(msgspec.Struct, frozen=True):
    """The request of SendPipelineExecutionStepFailure."""

    CallbackToken: Token
    FailureReason: Annotated[str, msgspec.Meta(max_length=LONGEST_REASON)] | None = None
    ClientRequestToken: RequestToken | None = None

    @property
    def answer(self) -> Answer:
        return Answer(FAILURE, failure_reason=self.FailureReason or "")


Answering = Success | Failure

OPERATIONS: dict[str, type[Success] | type[Failure]] = {
    "SendPipelineExecutionStepSuccess": Success,
    "SendPipelineExecutionStepFailure": Failure,
}


class WireError(Exception):
    """An error as AWS answers it; SageMaker answers all of these with HTTP 400."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def read_request(target: str, body: bytes) -> Answering:
    """The request of a call.

    :raises WireError: UnknownOperationException, SerializationException or ValidationException
    """
    operation = OPERATIONS.get(target.removeprefix(TARGET_PREFIX))
    if operation is None or not target.startswith(TARGET_PREFIX):
        raise WireError("UnknownOperationException", f"Only {' and '.join(OPERATIONS)} are answered here.")
    try:
        return msgspec.json.decode(body, type=operation)
    except msgspec.ValidationError as error:
        raise WireError("ValidationException", f"1 validation error detected: {error}") from None
    except msgspec.DecodeError:
        raise WireError("SerializationException", "The request is no JSON.") from None
