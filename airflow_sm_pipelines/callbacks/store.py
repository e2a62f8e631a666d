"""What is on record of a Callback step, in Airflow's task state store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from airflow_sm_pipelines.callbacks.message import ANSWER_STORE_KEY, Answer

if TYPE_CHECKING:
    from airflow_sm_pipelines.jobs.step_run import TaskStore

MESSAGE_STORE_KEY = "sagemaker_callback"


class SentMessage(msgspec.Struct, frozen=True, rename={"message": "notice"}):
    """An attempt's message, on record before it is sent: ``sent_at`` (epoch seconds) is set after.

    ``attempt`` is the random token of the attempt's record, ``digest`` that of the callback token, ``message`` the
    sealed message, which is stored under the name that earlier versions read and write.
    """

    attempt: str
    digest: str
    message: str
    sent_at: float | None = None

    def to_json(self) -> dict[str, Any]:
        return cast("dict[str, Any]", msgspec.to_builtins(self))

    @classmethod
    def from_json(cls, stored: object) -> SentMessage:
        return msgspec.convert(stored, cls)


class CallbackStore:
    """The records of one task."""

    def __init__(self, store: TaskStore) -> None:
        self._store = store

    def message(self, attempt: str) -> SentMessage | None:
        """The message of an attempt, if an earlier try of it has come that far."""
        stored = self._store.get(MESSAGE_STORE_KEY)
        sent = None if stored is None else SentMessage.from_json(stored)
        return sent if sent is not None and sent.attempt == attempt else None

    def put_message(self, sent: SentMessage) -> None:
        self._store.set(MESSAGE_STORE_KEY, sent.to_json())

    def answer(self, digest: str) -> Answer | None:
        """The answer to a token that an earlier try, or the endpoint, has put on record."""
        stored = self._store.get(ANSWER_STORE_KEY)
        if stored is None or stored["digest"] != digest:
            return None
        return Answer.from_json(stored["answer"])

    def put_answer(self, digest: str, answer: Answer) -> None:
        self._store.set(ANSWER_STORE_KEY, answer_entry(digest, answer))


def answer_entry(digest: str, answer: Answer) -> dict[str, Any]:
    """An answer as it is stored."""
    return {"digest": digest, "answer": answer.to_json()}
