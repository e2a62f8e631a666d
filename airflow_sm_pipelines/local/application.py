"""The WSGI application: faults first, then the endpoint's own services, then moto; everything is logged."""

from __future__ import annotations

import dataclasses
import io
import logging
import socket
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import RequestEntityTooLarge

from airflow_sm_pipelines.local import admin
from airflow_sm_pipelines.local.access import Access
from airflow_sm_pipelines.local.backend import moto_request
from airflow_sm_pipelines.local.bucket_hosts import ask_by_path
from airflow_sm_pipelines.local.calls_out import CallOutRefusedError
from airflow_sm_pipelines.local.engine import Engine
from airflow_sm_pipelines.local.errors import AwsError, ErrorShape
from airflow_sm_pipelines.local.kinds.action import Action
from airflow_sm_pipelines.local.kinds.registry import services
from airflow_sm_pipelines.local.limits import MAX_BODY_BYTES, MAX_OBJECT_BYTES
from airflow_sm_pipelines.local.paused_calls import PausedCall, Side
from airflow_sm_pipelines.local.records import LoggedRequest
from airflow_sm_pipelines.local.validation import check_request, known_actions
from airflow_sm_pipelines.local.wire import (
    Call,
    HttpAnswer,
    error_answer,
    error_code,
    is_for_s3,
    json_answer,
    read_call,
    read_protocol,
)
from airflow_sm_pipelines.wire.errors import ApiError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    from werkzeug.wrappers import Request

LOG = logging.getLogger(__name__)
DROPPED = "ConnectionDropped"
NO_EXECUTIONS = (
    "This local AWS endpoint does not implement sagemaker {action}: it runs the jobs of a pipeline's steps, and Airflow"
    " runs the pipeline. Serve it with: airflow sm-pipelines local; or put the definition where load_dags reads it"
)
MOTO_PREFIX = "/moto-api"
"""moto's own interface: it writes files, replays requests elsewhere, turns its services' safeguards off."""


class Application:
    """Serves one engine. An answer is complete before it is sent, so a fault can withhold it."""

    def __init__(self, engine: Engine, access: Access) -> None:
        self._engine = engine
        self._access = access
        self._services = services()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            answer = self._respond(environ)
        except ConnectionAbortedError:
            # Only now, when the call is in the log: a client that sees the connection closed may look.
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise
        headers = [(key, value) for key, value in answer.headers if key.lower() != "content-length"]
        length = next((v for k, v in answer.headers if k.lower() == "content-length"), str(len(answer.body)))
        start_response(f"{answer.status} -", [*headers, ("Content-Length", length)])
        return [answer.body]

    def _respond(self, environ: WSGIEnvironment) -> HttpAnswer:
        request = moto_request(environ)
        if reason := self._access.refusal(request.method, dict(request.headers)):
            return _refuse(request, ErrorShape("AccessDeniedException", f"Refused: {reason}", 403))
        s3 = is_for_s3(request) and not request.path.startswith(admin.PREFIX)
        limit = MAX_OBJECT_BYTES if s3 else MAX_BODY_BYTES
        body = _read_body(request, limit)
        if body is None:
            message = f"Refused: the body has more than {limit} bytes"
            return _refuse(request, ErrorShape("EntityTooLarge" if s3 else "RequestEntityTooLarge", message, 413))
        environ["wsgi.input"] = io.BytesIO(body)
        if request.path.startswith(admin.PREFIX):
            return admin.answer(self._engine, request, body)
        if request.path.startswith(MOTO_PREFIX):
            return admin.refusal(f"{MOTO_PREFIX} is not served here; see {admin.PREFIX}", 404)
        if s3:
            ask_by_path(environ, *(self._access.split(request.headers["Host"]) or ("", "")))
            request = moto_request(environ)
        return self._answer(read_call(request, body), environ)

    def _answer(self, call: Call, environ: WSGIEnvironment) -> HttpAnswer:
        """Answer a call and log it, also when it is dropped or moto breaks over it."""
        (index, page), now = self._engine.log.arrive(), self._engine.clock.now()
        status, code = 500, "InternalFailure"
        try:
            answer = self._with_faults(call, environ)
            status, code = answer.status, answer.error_code or ""
        except ConnectionAbortedError:
            status, code = 0, DROPPED
            raise
        finally:
            page.append(LoggedRequest(index, now, call.service, call.action, call.parameters, status, code or None))
        if any(name.lower() == "x-amzn-requestid" for name, _ in answer.headers):
            return answer
        request_id = ("x-amzn-RequestId", str(uuid.UUID(int=index)))
        return dataclasses.replace(answer, headers=(*answer.headers, request_id))

    def _with_faults(self, call: Call, environ: WSGIEnvironment) -> HttpAnswer:
        throttled = self._engine.rates.meet(call.service, call.action, call.region, self._engine.clock.now())
        if throttled is not None:
            return error_answer(throttled, call.protocol)
        fault = self._engine.faults.meet(call.service, call.action, call.parameters)
        if fault is None:
            return self._dispatch(call, environ)
        if fault.delay:
            self._engine.clock.sleep(fault.delay)
        if fault.pause == "before":
            self._pause(call, fault.pause)
        if fault.error:
            return error_answer(fault.error, call.protocol)
        if fault.drop == "before":
            raise ConnectionAbortedError(DROPPED)
        answer = self._dispatch(call, environ)
        if fault.pause == "after":
            self._pause(call, fault.pause)
        if fault.drop == "after":
            raise ConnectionAbortedError(DROPPED)
        return answer

    def _pause(self, call: Call, side: Side) -> None:
        self._engine.paused_calls.pause(PausedCall(call.service, call.action, call.parameters, side))

    def _dispatch(self, call: Call, environ: WSGIEnvironment) -> HttpAnswer:
        if call.malformed:
            shape = ErrorShape("SerializationException", f"The body cannot be read: {call.malformed}")
            return error_answer(shape, call.protocol)
        try:
            pipelines = self._engine.pipelines
            if pipelines is not None and call.service == "sagemaker" and pipelines.serves(call.action, call.parameters):
                # Without the lock of the state: the runs that it starts and stops call this endpoint.
                return json_answer(pipelines.answer(call.action, call.parameters))
            if call.service in self._services:
                own = self._own(call)
                if own is not None:
                    return json_answer(own)
            else:
                self._engine.state.settle(self._engine.clock.now())
            if (call.service, call.action) == ("lambda", "Invoke"):
                return self._engine.functions.invoke(call, self._engine.state)
            return self._pass_on(call, environ)
        except AwsError as error:
            return error_answer(error.shape, call.protocol)
        except ApiError as error:
            return error_answer(ErrorShape(error.code, error.message, error.status), call.protocol)
        except NotImplementedError:
            return error_answer(_not_implemented(call), call.protocol)

    def _own(self, call: Call) -> dict[str, Any] | None:
        """The response to a call of a service that the endpoint has itself; ``None`` if moto is to answer it."""
        if call.action not in known_actions(call.service):
            raise AwsError("UnknownOperationException", f"{call.service} has no action {call.action!r}")
        check_request(call.action, call.parameters, call.service)
        state = self._engine.state
        with state.lock:
            now = self._engine.clock.now()
            state.settle(now)
            handler = self._services[call.service].get(call.action)
            if handler is None and is_of_execution(call.action):
                raise AwsError("NotImplemented", NO_EXECUTIONS.format(action=call.action), 501)
            return None if handler is None else handler(Action(state, call.region, now, call.parameters))

    def _pass_on(self, call: Call, environ: WSGIEnvironment) -> HttpAnswer:
        try:
            status, headers, body = self._engine.moto.call(environ)
        except CallOutRefusedError as error:
            raise AwsError("NotImplemented", f"{call.service} {call.action}: {error}", 501) from None
        if (call.service, call.action, status) == ("sqs", "SendMessage", 200):
            self._engine.callbacks.sent(call)
        return HttpAnswer(status, tuple(headers), body, error_code(status, headers, body))


def is_of_execution(action: str) -> bool:
    """Whether a call starts, shows or ends the execution of a pipeline. moto says of each that it has succeeded."""
    return "PipelineExecution" in action or action.endswith("ForExecution")


def _read_body(request: Request, limit: int) -> bytes | None:
    """The body, ``None`` if it is longer than ``limit`` bytes: then no more than that has been read."""
    # werkzeug cuts a chunked body off at its limit, and says nothing.
    request.max_content_length = limit + 1
    try:
        body = request.get_data()
    except RequestEntityTooLarge:
        return None
    return None if len(body) > limit else body


def _refuse(request: Request, error: ErrorShape) -> HttpAnswer:
    """The answer to a request that is not taken, in the form that its sender reads; one line in the log."""
    LOG.warning("%s %s from %s: %s", request.method, request.path[:200], request.remote_addr, error.message)
    if request.path.startswith(admin.PREFIX):
        return admin.refusal(error.message, error.status)
    return error_answer(error, read_protocol(request))


def _not_implemented(call: Call) -> ErrorShape:
    message = f"The local AWS endpoint does not implement {call.service} {call.action}"
    return ErrorShape("NotImplemented", message, 501)
