"""The FastAPI app of the endpoint.

Anybody who reaches the API server can call it, so a call costs it little, whatever it holds: the body is bounded, a
look-up takes one of a few threads of the endpoint's own, and what is refused is answered and logged in one line each,
up to a rate. An answer that a step waits for is taken at any rate.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from airflow_sm_pipelines.callbacks.requests import read_request
from airflow_sm_pipelines.server.json_calls import read_body, refusal, response
from airflow_sm_pipelines.server.refusal_rate import RefusalRate
from airflow_sm_pipelines.wire.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_sm_pipelines.callbacks.requests import Answering

log = logging.getLogger(__name__)

# 50 outputs of 256 + 1024 characters, each escaped to six at most.
MAX_BODY_BYTES = 400_000
# The threads that Airflow's own routes run in are not for a flood of unknown tokens.
MAX_LOOK_UPS = 4


def make_app(take: Callable[[Answering], str], rate: RefusalRate) -> FastAPI:
    """The app: ``take`` leaves an answer for its step, and returns the execution's ARN or raises an ApiError."""
    app = FastAPI(title="Answers to the Callback steps of SageMaker pipelines", openapi_url=None)
    look_ups = CapacityLimiter(MAX_LOOK_UPS)

    @app.post("/sagemaker")
    @app.post("/sagemaker/")
    async def call(request: Request) -> JSONResponse:
        """One call of SageMaker's wire protocol: the header X-Amz-Target names it, the body is its request."""
        try:
            sent = read_request(request.headers.get("x-amz-target", ""), await read_body(request, MAX_BODY_BYTES))
            arn = await to_thread.run_sync(take, sent, limiter=look_ups)
        except ApiError as error:
            return _refused(error, rate)
        except SQLAlchemyError:
            log.exception("An answer to a callback could not be stored")
            return refusal("InternalFailure", "Airflow could not store the answer.", 500)
        return response({"PipelineExecutionArn": arn})

    return app


def _refused(error: ApiError, rate: RefusalRate) -> JSONResponse:
    if not rate.allows():
        return refusal("ThrottlingException", "Rate exceeded", 429)
    log.info("An answer to a callback was refused: %s", error.code)
    return refusal(error.code, error.message, error.status)
