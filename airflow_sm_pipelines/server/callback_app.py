"""The FastAPI app of the endpoint.

Anybody who reaches the API server can call it, so a call costs it little, whatever it holds: the body is bounded, a
look-up takes one of a few threads of the endpoint's own, and what is refused is answered and told in one line each, up
to a rate. An answer that a step waits for is taken at any rate.
"""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, Any

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect

from airflow_sm_pipelines.callbacks.requests import WireError, read_request
from airflow_sm_pipelines.server.refusal_rate import RefusalRate

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_sm_pipelines.callbacks.requests import Answering

log = logging.getLogger(__name__)

# 50 outputs of 256 + 1024 characters, each escaped to six at most.
LONGEST_BODY = 400_000
CONTENT_TYPE = "application/x-amz-json-1.1"
# The threads that Airflow's own routes run in are not for a flood of unknown tokens.
MOST_LOOK_UPS = 4


def make_app(take: Callable[[Answering], str], rate: RefusalRate) -> FastAPI:
    """The app: ``take`` leaves an answer for its step, and returns the execution's ARN or raises a WireError."""
    app = FastAPI(title="Answers to the Callback steps of SageMaker pipelines", openapi_url=None)
    look_ups = CapacityLimiter(MOST_LOOK_UPS)

    @app.post("/sagemaker")
    @app.post("/sagemaker/")
    async def call(request: Request) -> JSONResponse:
        """One call of SageMaker's wire protocol: the header X-Amz-Target names it, the body is its request."""
        try:
            sent = read_request(request.headers.get("x-amz-target", ""), await _body(request))
            arn = await to_thread.run_sync(take, sent, limiter=look_ups)
        except WireError as error:
            return _refused(error, rate)
        except SQLAlchemyError:
            log.exception("An answer to a callback could not be stored")
            return _answer(500, "InternalFailure", "Airflow could not store the answer.")
        return _response(200, {"PipelineExecutionArn": arn})

    return app


async def _body(request: Request) -> bytes:
    """The body, read no further than it may be long, whether or not it says its length."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > LONGEST_BODY:
                told = f"The request has more than {LONGEST_BODY} bytes."
                raise WireError("RequestEntityTooLargeException", told, status=413)
    except ClientDisconnect:
        raise WireError("SerializationException", "The request ended before its end.") from None
    return bytes(body)


def _refused(error: WireError, rate: RefusalRate) -> JSONResponse:
    if not rate.allows():
        return _answer(429, "ThrottlingException", "Rate exceeded")
    log.info("An answer to a callback was refused: %s", error.code)
    return _answer(error.status, error.code, str(error))


def _answer(status: int, code: str, message: str) -> JSONResponse:
    return _response(status, {"__type": code, "message": message}, {"x-amzn-ErrorType": code})


def _response(status: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> JSONResponse:
    request_id = {"x-amzn-RequestId": str(uuid.uuid4())}
    return JSONResponse(content, status, {**request_id, **(headers or {})}, media_type=CONTENT_TYPE)
