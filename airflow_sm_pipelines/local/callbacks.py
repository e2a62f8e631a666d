"""Answers to Callback steps, by a rule's handler: what SQS got is given to it, and its answer goes to a reply queue."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any

from airflow_sm_pipelines.local.backend import Moto
from airflow_sm_pipelines.local.handler_calls import HandlerCall
from airflow_sm_pipelines.local.json_text import read_json
from airflow_sm_pipelines.local.real_jobs import RealJobs
from airflow_sm_pipelines.local.wire import Call
from airflow_sm_pipelines.local_runner.functions import Answer, CancelledError
from airflow_sm_pipelines.local_runner.rules import RunnerSettings

LOG = logging.getLogger(__name__)
REPLY_QUEUE = "sm-pipelines-callback-replies"


def queues_of(settings: RunnerSettings) -> list[str]:
    """The queues that have to be there: for answers, and those that a rule names without a wildcard."""
    named = [handler.name for handler in settings.callbacks if not set(handler.name) & set("*?[")]
    return [REPLY_QUEUE, *named] if settings.callbacks else []


class CallbackAnswers:
    """Looks at the messages that go to SQS; those with a token are a Callback step's."""

    def __init__(self, moto: Moto, real_jobs: RealJobs) -> None:
        self._moto, self._real_jobs = moto, real_jobs

    def sent(self, call: Call) -> None:
        """A message has been sent. Its handler is asked in a thread: the sender does not wait for the answer."""
        queue = str(call.parameters.get("QueueUrl", "")).rpartition("/")[2]
        token, message = _read(call.parameters.get("MessageBody"))
        if token and queue != REPLY_QUEUE and message.get("status") == "Executing":
            going_on = self._real_jobs.calls.begin()
            about = (queue, token, message, call.region, going_on)
            thread = threading.Thread(target=self._answer, args=about, daemon=True)
            thread.start()

    def _answer(self, queue: str, token: str, message: dict[str, Any], region: str, going_on: HandlerCall) -> None:
        try:
            found = self._asked(queue, message, going_on)
            if found is not None and not going_on.cancelled.is_set():
                self._moto.send_message(REPLY_QUEUE, json.dumps({"token": token, **_reply(found)}), region)
        finally:
            self._real_jobs.calls.end(going_on)

    def _asked(self, queue: str, message: dict[str, Any], going_on: HandlerCall) -> Answer | None:
        try:
            found = self._real_jobs.call_callback(queue, message, going_on)
        except CancelledError:
            return None
        except Exception as error:  # the step waits for an answer, whatever happens here
            LOG.exception("callback %s", queue)
            return Answer(error={"errorType": type(error).__name__, "errorMessage": f"the local runner: {error}"})
        for line in found.lines if found is not None else ():
            LOG.info("callback %s: %s", queue, line)
        return found


def _read(body: Any) -> tuple[str, dict[str, Any]]:
    try:
        message = read_json(body)
        return str(message["token"]), message
    except (ValueError, TypeError, KeyError):
        return "", {}


def _reply(found: Answer) -> dict[str, Any]:
    """A handler gives an object of outputs, or nothing; what it raises is the reason of a failure."""
    if found.error is not None:
        reason = f"{found.error.get('errorType')}: {found.error.get('errorMessage')}"
        return {"status": "Failure", "FailureReason": reason[:1024]}
    if found.result is not None and not isinstance(found.result, dict):
        return {"status": "Failure", "FailureReason": "the handler gave no object of outputs"}
    outputs = [{"Name": name, "Value": _text(value)} for name, value in (found.result or {}).items()]
    return {"status": "Success", "OutputParameters": outputs}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
