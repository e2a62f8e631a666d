"""The FastAPI app at which tasks ask when they may call AWS.

Anybody who reaches the API server can call it, so a call costs it little: the body is bounded, a look-up takes one of a
few threads of the app's own, and what is refused gets one answer, whatever is wrong, up to a rate.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec
from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request
from fastapi.responses import Response
from sqlalchemy.exc import SQLAlchemyError

from airflow_sm_pipelines.pace.asking import PATH, Asking
from airflow_sm_pipelines.server.json_calls import read_body
from airflow_sm_pipelines.server.pace_answers import NoPaceError, NotTheTaskError
from airflow_sm_pipelines.server.pace_rows import ContendedError, TooManyRowsError
from airflow_sm_pipelines.wire.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_sm_pipelines.pace.queue import Answer
    from airflow_sm_pipelines.server.refusal_rate import RefusalRate

log = logging.getLogger(__name__)

# Four names of 250 characters, each escaped to six bytes at most, and the rest.
MAX_BODY_BYTES = 8_000
# The threads that Airflow's own routes run in are not for a flood of wrong callers.
MAX_LOOK_UPS = 4


def make_app(answer: Callable[[Asking], Answer], rate: RefusalRate) -> FastAPI:
    """The app: ``answer`` knows whether a task asks, and what to answer."""
    app = FastAPI(title="The pace of calls that create jobs", openapi_url=None)
    look_ups = CapacityLimiter(MAX_LOOK_UPS)

    @app.post(PATH)
    async def ask(request: Request) -> Response:
        """One message of a task about one call."""
        try:
            asking = Asking.from_bytes(await read_body(request, MAX_BODY_BYTES))
            reply = await to_thread.run_sync(answer, asking, limiter=look_ups)
        except ApiError as error:
            return _refused(rate, error.status, "its body cannot be read")
        except ValueError as error:
            return _refused(rate, 400, str(error))
        except NotTheTaskError:
            return _refused(rate, 403, "no running task has asked")
        except NoPaceError:
            return Response(status_code=404)
        except (SQLAlchemyError, ContendedError, TooManyRowsError):
            log.exception("The pace of a call could not be looked up")
            return Response(status_code=503)
        return Response(msgspec.json.encode(reply), media_type="application/json")

    return app


def _refused(rate: RefusalRate, status: int, why: str) -> Response:
    if not rate.allows():
        return Response(status_code=429)
    log.info("A request for the pace of a call was refused: %s", why)
    return Response(status_code=status)
