"""The FastAPI app of the API: bytes in, bytes out.

A call is bounded in size and takes one of a number of threads of the API's own, so that its callers do not take all of
those of Airflow's own routes. A start that waits for the dag-processor holds none.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from airflow_sm_pipelines.api.caller import SignedRequest
from airflow_sm_pipelines.api.runs import NotParsedError
from airflow_sm_pipelines.server.json_calls import read_body, refusal, response
from airflow_sm_pipelines.wire.errors import ApiError

log = logging.getLogger(__name__)

PATH = "/v1"
# 1,048,576 characters of a definition, of which most are escaped once more.
MAX_BODY_BYTES = 8_388_608
# Each holds a connection to the database, of which Airflow has fifteen a process by default.
MAX_CALLS = 8
SECONDS_BETWEEN_LOOKS = 0.5

Answer = Callable[[], dict[str, Any]]


def make_app(
    receive: Callable[[SignedRequest], Answer], patience: float, clock: Callable[[], float] = time.monotonic
) -> FastAPI:
    """The app.

    :param receive: what answers a request, with the response's members. Both raise ApiError, and the answer
        NotParsedError where it is to be asked for again
    :param patience: how many seconds a call may wait for the dag-processor
    """
    app = FastAPI(title="SageMaker Pipelines API", openapi_url=None)
    threads = CapacityLimiter(MAX_CALLS)

    @app.post(PATH)
    @app.post(PATH + "/")
    async def call(request: Request) -> JSONResponse:
        """One call: the header X-Amz-Target names it, the body is its request."""
        deadline = clock() + patience
        try:
            answer = await to_thread.run_sync(receive, await _signed(request), limiter=threads)
            while True:
                try:
                    return response(await to_thread.run_sync(answer, limiter=threads))
                except NotParsedError as error:
                    if clock() >= deadline:
                        raise ApiError("ConflictException", str(error)) from None
                await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        except ApiError as error:
            return refusal(error.code, error.message, error.status)
        except Exception:
            log.exception("A call of the SageMaker Pipelines API failed")
            return refusal("InternalFailure", "Airflow could not answer; its log says why.", 500)

    return app


async def _signed(request: Request) -> SignedRequest:
    body = await read_body(request, MAX_BODY_BYTES)
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        if name == "authorization" and value.startswith("Bearer ") and len(request.headers.getlist(name)) > 1:
            # Airflow's simple_auth_manager_all_admins adds a token of its own to every request.
            continue
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope.get("query_string") or b""
    path = raw.partition(b"?")[0].decode("latin-1")
    return SignedRequest(request.method, path, query.decode("latin-1"), headers, body)
