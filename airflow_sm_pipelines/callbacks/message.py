"""A Callback step's token, its message, its answer, and where the answer is left for the step (semantics 2.11).

The token is the only secret that an answer needs, so it is kept sealed with Airflow's Fernet key wherever Airflow shows
what it stores, and looked for by its digest.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import string
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import asdict

from airflow_sm_pipelines.callbacks.encryption import seal, unseal

log = logging.getLogger(__name__)

ALPHABET = string.ascii_letters + string.digits
TOKEN_LENGTH = 10
TOKEN_FORM = f"[a-zA-Z0-9]{{{TOKEN_LENGTH}}}"

EXECUTING = "Executing"
STOPPING = "Stopping"
SUCCESS = "Success"
FAILURE = "Failure"

ANSWER_STORE_KEY = "sagemaker_callback_answer"
"""The task state store's key of the answer that the step's token has got, with the token's digest."""


def new_callback_token() -> str:
    """A token of SageMaker's form that cannot be guessed (59 bits)."""
    return "".join(secrets.choice(ALPHABET) for _ in range(TOKEN_LENGTH))


def digest_of(token: str) -> str:
    """What is stored of a token where others can read it."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_token_of(token: str, digest: str) -> bool:
    """Whether a token is the one of a digest, in a time that reveals nothing of it."""
    return hmac.compare_digest(digest_of(token), digest)


def answer_key(digest: str) -> str:
    """The XCom key under which the endpoint of the API server finds the step of a token, and leaves the answer.

    XCom is indexed by key, and a trigger can read it; the task state store is neither.
    """
    return f"sagemaker_callback_{digest}"


def reply_key(digest: str) -> str:
    """The XCom key under which a trigger leaves what it has found in the reply queue for the step of a token.

    It is not the slot, which the endpoint can write at the same moment: whom the endpoint told that their answer
    counts, theirs does.
    """
    return f"sagemaker_callback_reply_{digest}"


class Answer(Struct, frozen=True):
    """What a worker answered: the values of a success are texts, as on SageMaker's wire."""

    status: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    failure_reason: str = ""

    @property
    def succeeded(self) -> bool:
        return self.status == SUCCESS

    def to_json(self) -> dict[str, Any]:
        """The answer as it can be stored: what it says is sealed, since its outputs may be secrets."""
        said = {"outputs": dict(self.outputs), "failure_reason": self.failure_reason}
        return {"status": self.status, "sealed": seal(json.dumps(said))}

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> Answer:
        """:raises UnsealError: where another key has sealed it"""
        # An older version stored it in the clear.
        said = json.loads(unseal(members["sealed"])) if "sealed" in members else members
        return cls(members["status"], said["outputs"], said["failure_reason"])


class AnswerSlot(Struct, frozen=True):
    """Where the answer to a token is left: an XCom of the waiting task."""

    digest: str
    dag_id: str
    run_id: str
    task_id: str
    map_index: int

    @property
    def address(self) -> dict[str, Any]:
        """The arguments by which XCom knows it."""
        return self._entry(answer_key(self.digest))

    @property
    def reply_address(self) -> dict[str, Any]:
        """The same for what a trigger has found in the reply queue."""
        return self._entry(reply_key(self.digest))

    def _entry(self, key: str) -> dict[str, Any]:
        task = {"dag_id": self.dag_id, "run_id": self.run_id, "task_id": self.task_id, "map_index": self.map_index}
        return {"key": key, **task}


class AnswerState(Struct, frozen=True):
    """What the slot holds: whose token it is, how far it has come, and the answer.

    ``state`` is ``waiting``, ``stopping`` (the step was killed, and its worker is asked to answer all the same), or
    ``answered``; ``request`` is the digest of the answering call's ClientRequestToken.
    """

    execution_arn: str
    state: str = "waiting"
    answer: Answer | None = None
    request: str | None = None

    def to_text(self) -> str:
        return json.dumps({**asdict(self), "answer": self.answer and self.answer.to_json()})

    @classmethod
    def found_in(cls, value: object) -> AnswerState | None:
        """What a slot holds, None where it is no state: whoever may write XCom may have left anything there."""
        if not isinstance(value, str):
            return None
        try:
            members = json.loads(value)
            answer = members.pop("answer")
            return cls(**members, answer=answer and Answer.from_json(answer))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            log.warning("What is in the answer slot of a Callback step cannot be read (%s)", type(error).__name__)
            return None


class CallbackMessage(Struct, frozen=True):
    """A message to the workers: which queue it goes to, and its body. A repeated one differs in its status alone."""

    queue_url: str
    token: str
    execution_arn: str
    arguments: dict[str, Any]

    def request(self, status: str) -> dict[str, Any]:
        """The SendMessage request; a FIFO queue takes a message of one token and status only once (in 5 minutes)."""
        body = {
            "token": self.token,
            "pipelineExecutionArn": self.execution_arn,
            "arguments": self.arguments,
            "status": status,
        }
        request = {"QueueUrl": self.queue_url, "MessageBody": json.dumps(body)}
        if self.queue_url.endswith(".fifo"):
            request |= {"MessageGroupId": self.token, "MessageDeduplicationId": f"{self.token}-{status}"}
        return request

    def seal(self) -> str:
        """The message as it can be stored."""
        return seal(json.dumps(asdict(self)))

    @classmethod
    def unseal(cls, sealed: str) -> CallbackMessage:
        """:raises UnsealError: where another key has sealed it"""
        return cls(**json.loads(unseal(sealed)))
