"""What is on record of a Callback step, in Airflow's task state store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import asdict

from airflow_sm_pipelines.callbacks.message import ANSWER_STORE_KEY, Answer

if TYPE_CHECKING:
    from airflow_sm_pipelines.jobs.step_run import TaskStore

SENDING_STORE_KEY = "sagemaker_callback"


class Sending(Struct, frozen=True):
    """An attempt's message, on record before it is sent: ``sent_at`` (epoch seconds) is set after.

    ``attempt`` is the random token of the attempt's record, ``digest`` that of the callback token, ``notice`` the
    sealed message.
    """

    attempt: str
    digest: str
    notice: str
    sent_at: float | None = None


class CallbackStore:
    """The records of one task."""

    def __init__(self, store: TaskStore) -> None:
        self._store = store

    def sending(self, attempt: str) -> Sending | None:
        """The message of an attempt, if an earlier try of it has come that far."""
        stored = self._store.get(SENDING_STORE_KEY)
        sending = None if stored is None else Sending(**stored)
        return sending if sending is not None and sending.attempt == attempt else None

    def put_sending(self, sending: Sending) -> None:
        self._store.set(SENDING_STORE_KEY, asdict(sending))

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
