"""The FastAPI app of the endpoint."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from airflow_sm_pipelines.server.callback_answers import take_answer
from airflow_sm_pipelines.wire.callbacks import WireError, read_request

log = logging.getLogger(__name__)

# 50 outputs of 256 + 1024 characters, each escaped to six at most.
LONGEST_BODY = 400_000
CONTENT_TYPE = "application/x-amz-json-1.1"

app = FastAPI(title="Answers to the Callback steps of SageMaker pipelines", openapi_url=None)


@app.post("/sagemaker")
@app.post("/sagemaker/")
async def call(request: Request) -> JSONResponse:
    """One call of SageMaker's wire protocol: the header X-Amz-Target names it, the body is its request."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            return _answer(413, "RequestEntityTooLargeException", f"The request has more than {LONGEST_BODY} bytes.")
    try:
        sent = read_request(request.headers.get("x-amz-target", ""), bytes(body))
        arn = await run_in_threadpool(take_answer, sent)
    except WireError as error:
        log.info("An answer to a callback was refused: %s", error.code)
        return _answer(error.status, error.code, str(error))
    except SQLAlchemyError:
        log.exception("An answer to a callback could not be stored")
        return _answer(500, "InternalFailure", "Airflow could not store the answer.")
    return _response(200, {"PipelineExecutionArn": arn})


def _answer(status: int, code: str, message: str) -> JSONResponse:
    return _response(status, {"__type": code, "message": message}, {"x-amzn-ErrorType": code})


def _response(status: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> JSONResponse:
    request_id = {"x-amzn-RequestId": str(uuid.uuid4())}
    return JSONResponse(content, status, {**request_id, **(headers or {})}, media_type=CONTENT_TYPE)
