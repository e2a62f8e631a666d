"""Calls of AWS's JSON protocol over HTTP: the body, read within a bound, and the response."""

from __future__ import annotations

import uuid
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from airflow_sm_pipelines.wire.errors import ApiError

CONTENT_TYPE = "application/x-amz-json-1.1"


async def read_body(request: Request, longest: int) -> bytes:
    """The body, read no further than ``longest`` bytes, whether or not it says its length.

    :raises ApiError: RequestEntityTooLargeException, or SerializationException where it ends before its end
    """
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > longest:
                message = f"The request has more than {longest} bytes."
                raise ApiError("RequestEntityTooLargeException", message, status=413)
    except ClientDisconnect:
        raise ApiError("SerializationException", "The request ended before its end.") from None
    return bytes(body)


def response(content: dict[str, Any]) -> JSONResponse:
    """The response of a call, with an id of its own."""
    return _response(200, content, {})


def refusal(code: str, message: str, status: int) -> JSONResponse:
    """An error as AWS answers it."""
    return _response(status, {"__type": code, "message": message}, {"x-amzn-ErrorType": code})


def _response(status: int, content: dict[str, Any], headers: dict[str, str]) -> JSONResponse:
    request_id = {"x-amzn-RequestId": str(uuid.uuid4())}
    return JSONResponse(content, status, {**request_id, **headers}, media_type=CONTENT_TYPE)
