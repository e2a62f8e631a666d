"""The WSGI application: faults first, then the endpoint's own services, then moto; everything is logged."""

from __future__ import annotations

import dataclasses
import io
import socket
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_sm_pipelines.local import admin
from airflow_sm_pipelines.local.engine import Engine
from airflow_sm_pipelines.local.errors import AwsError, ErrorShape
from airflow_sm_pipelines.local.kinds.base import Action
from airflow_sm_pipelines.local.kinds.registry import services
from airflow_sm_pipelines.local.paused_calls import PausedCall, Side
from airflow_sm_pipelines.local.records import LoggedRequest
from airflow_sm_pipelines.local.validation import check_request, known_actions
from airflow_sm_pipelines.local.wire import (
    Call,
    HttpAnswer,
    HttpRequest,
    error_answer,
    error_code,
    json_answer,
    read_call,
)

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

DROPPED = "ConnectionDropped"


class Application:
    """Serves one engine. An answer is complete before it is sent, so a fault can withhold it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._services = services()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = _read_request(environ)
        if request.path.startswith(admin.PREFIX):
            answer = admin.answer(self._engine, request)
        else:
            try:
                answer = self._answer(read_call(request), environ)
            except ConnectionAbortedError:
                # Only now, when the call is in the log: a client that sees the connection closed may look.
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
                raise
        headers = [(key, value) for key, value in answer.headers if key.lower() != "content-length"]
        length = next((v for k, v in answer.headers if k.lower() == "content-length"), str(len(answer.body)))
        start_response(f"{answer.status} -", [*headers, ("Content-Length", length)])
        return [answer.body]

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
        try:
            if call.service in self._services:
                own = self._own(call)
                if own is not None:
                    return json_answer(own)
            else:
                self._engine.state.settle(self._engine.clock.now())
            if (call.service, call.action) == ("lambda", "Invoke"):
                return self._engine.functions.invoke(call, self._engine.state)
            return self._pass_on(environ)
        except AwsError as error:
            return error_answer(error.shape, call.protocol)
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
            return None if handler is None else handler(Action(state, call.region, now, call.parameters))

    def _pass_on(self, environ: WSGIEnvironment) -> HttpAnswer:
        status, headers, body = self._engine.moto.call(environ)
        return HttpAnswer(status, tuple(headers), body, error_code(status, headers, body))


def _not_implemented(call: Call) -> ErrorShape:
    message = f"The local AWS endpoint does not implement {call.service} {call.action}"
    return ErrorShape("NotImplemented", message, 501)


def _read_request(environ: WSGIEnvironment) -> HttpRequest:
    """The request with its body, which is put back for whoever reads it next."""
    if environ.get("wsgi.input_terminated"):
        body = environ["wsgi.input"].read()
    else:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    headers = {
        key.removeprefix("HTTP_").replace("_", "-").lower(): value
        for key, value in environ.items()
        if key.startswith("HTTP_") or key == "CONTENT_TYPE"
    }
    path = quote(environ.get("PATH_INFO", "").encode("latin-1"), safe="/")
    return HttpRequest(environ["REQUEST_METHOD"], path, environ.get("QUERY_STRING", ""), headers, body)
