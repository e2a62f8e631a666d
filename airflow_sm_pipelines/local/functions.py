"""Lambda's Invoke, answered by a rule of the scenario or by a Python function (moto would need docker)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from airflow_sm_pipelines.local.backend import ACCOUNT
from airflow_sm_pipelines.local.errors import AwsError
from airflow_sm_pipelines.local.scenario import JobRule
from airflow_sm_pipelines.local.state import EndpointState
from airflow_sm_pipelines.local.wire import Call, HttpAnswer
from airflow_sm_pipelines.local_runner.functions import Answer

KIND = "lambda"
MAX_TAIL_BYTES = 4096
Function = Callable[[Any], Any]
"""Takes the event and returns what the function answers; what it raises is the function's error."""


class Functions:
    """The functions there are: those that a test has put in, and those that a rule of the scenario is about."""

    def __init__(self) -> None:
        self._callables: dict[str, Function] = {}

    def put(self, name: str, function: Function) -> None:
        """Let Python code be the function of that name."""
        self._callables[name] = function

    def clear(self) -> None:
        """Forget the Python code."""
        self._callables.clear()

    def invoke(self, call: Call, state: EndpointState) -> HttpAnswer:
        """Answer an Invoke call as Lambda does a RequestResponse one.

        A rule of the scenario comes before Python code of the same name, and this before a handler of the runner's.
        The rule's duration passes before the answer.
        """
        name = _name(call.parameters["FunctionName"])
        event = call.parameters.get("Payload", {})
        if isinstance(event, str):
            raise AwsError("InvalidRequestContentException", "Could not parse request body into json: not JSON")
        with state.lock:
            rule = state.rule(KIND, name)
        if rule is not None:
            return _by_rule(rule, state, with_log=call.parameters.get("LogType") == "Tail")
        function = self._callables.get(name)
        if function is None:
            found = state.real_jobs.call_function(name, event)
            if found is not None:
                return _by_process(found, with_log=call.parameters.get("LogType") == "Tail")
            arn = f"arn:aws:lambda:{call.region}:{ACCOUNT}:function:{name}"
            raise AwsError("ResourceNotFoundException", f"Function not found: {arn}", 404)
        return _by_code(function, event)


def _by_rule(rule: JobRule, state: EndpointState, *, with_log: bool) -> HttpAnswer:
    if rule.duration:
        state.clock.sleep(rule.duration)
    log = _log(rule.logs) if with_log else ()
    return _answer(rule.result, *log) if rule.error is None else _failed(rule.error, *log)


def _by_process(found: Answer, *, with_log: bool) -> HttpAnswer:
    log = _log(found.lines) if with_log else ()
    return _answer(found.result, *log) if found.error is None else _failed(found.error, *log)


def _log(lines: Sequence[str]) -> tuple[tuple[str, str], ...]:
    tail = "".join(f"{line}\n" for line in lines).encode()[-MAX_TAIL_BYTES:]
    return (("X-Amz-Log-Result", base64.b64encode(tail).decode()),)


def _by_code(function: Function, event: Any) -> HttpAnswer:
    try:
        return _answer(function(event))
    except Exception as error:  # noqa: BLE001 # whatever a function raises is its error, and Lambda answers with it
        return _failed({"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": []})


def _answer(result: Any, *headers: tuple[str, str]) -> HttpAnswer:
    versioned = (("Content-Type", "application/json"), ("X-Amz-Executed-Version", "$LATEST"), *headers)
    return HttpAnswer(200, versioned, json.dumps(result).encode())


def _failed(error: Mapping[str, Any], *headers: tuple[str, str]) -> HttpAnswer:
    return _answer(dict(error), ("X-Amz-Function-Error", "Unhandled"), *headers)


def _name(given: str) -> str:
    """A function's name of what calls it: a name, a partial or whole ARN, each with or without a qualifier."""
    parts = given.split(":")
    if "function" in parts:
        return parts[parts.index("function") + 1]
    return parts[1] if len(parts) > 1 and parts[0].isdigit() else parts[0]
