"""What a task asks the API server, as it goes over the wire: one JSON object each way."""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Protocol

import msgspec
from msgspec import Meta, Struct

if TYPE_CHECKING:
    from airflow_sm_pipelines.pace.queue import Answer

STORE_KEY = "sagemaker_pace"
"""The key of a task's state store under which the digest of its secret stands."""
PATH = "/calls"
SECRET_BYTES = 32

_Id = Annotated[str, Meta(min_length=1, max_length=250)]


class PaceMessage(Enum):
    """What a task says about a call."""

    ASK = "ask"
    ASK_AGAIN = "ask again"
    """It has waited for its turn."""
    THROTTLED = "throttled"
    """AWS has throttled it, and it is made again."""
    GIVEN_UP = "given up"
    """AWS has throttled it, and it is not made again."""
    TAKEN = "taken"


class PacedCall(Struct, frozen=True):
    """Which calls share a queue; ``account`` is empty where it is not known."""

    api: Annotated[str, Meta(pattern=r"^[A-Z][A-Za-z0-9]{2,99}$")]
    account: Annotated[str, Meta(pattern=r"^([0-9]{12})?$")]
    region: Annotated[str, Meta(pattern=r"^[a-z]{2}[a-z0-9-]{3,30}$")]

    def __str__(self) -> str:
        return f"{self.api} of {self.account or 'an unknown account'} in {self.region}"


class TaskRef(Struct, frozen=True):
    """Which task asks."""

    dag_id: _Id
    run_id: _Id
    task_id: _Id
    map_index: Annotated[int, Meta(ge=-1, le=2**31 - 1)] = -1


class Asking(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a task sends. ``secret`` is the one whose digest it has put into its state store. ``may_defer`` says whether
    it gives its worker back for a long wait.
    """

    message: PaceMessage
    call: PacedCall
    task: TaskRef
    secret: Annotated[str, Meta(min_length=1, max_length=200)]
    permit: float = 0.0
    may_defer: bool = True

    def to_bytes(self) -> bytes:
        return msgspec.json.encode(self)

    @classmethod
    def from_bytes(cls, sent: bytes) -> Asking:
        """:raises ValueError: for what no task sends"""
        try:
            return msgspec.json.decode(sent, type=cls)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise ValueError(str(error)) from None


class Permits(Protocol):
    """Where permits come from. None where there is no pace."""

    def say(self, message: PaceMessage, call: PacedCall, permit: float = 0.0) -> Answer | None:
        """Ask, or report what came of a permit."""


class NoPermits:
    """No pace at all."""

    def say(self, message: PaceMessage, call: PacedCall, permit: float = 0.0) -> Answer | None:  # noqa: ARG002 # the protocol's
        return None


def digest_of(secret: str) -> str:
    """What stands in the state store: nobody who reads it knows the secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_paceable(call: PacedCall) -> bool:
    """Whether the call can be named to the API server."""
    try:
        msgspec.convert(msgspec.to_builtins(call), PacedCall)
    except msgspec.ValidationError:
        return False
    return True
