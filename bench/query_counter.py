"""A plugin of Airflow that tells in each answer of the Pipelines API how many SQL statements it took.

It is copied into the plugins folder of the deployment that ``api_load.py`` measures. SQLAlchemy tells of each statement
before it is sent; BEGIN, COMMIT and the ping of a pooled connection are no statements to it. The count belongs to the
call, wherever it runs: its thread has a copy of the context.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin
from sqlalchemy import Engine, event
from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "x-bench-queries"
MEASURED = "/sagemaker-api/"

_statements: ContextVar[list[str] | None] = ContextVar("statements", default=None)


class QueryCounter:
    """The middleware of the API server: it is made there alone, so no other process counts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        if not event.contains(Engine, "before_cursor_execute", _note):
            event.listen(Engine, "before_cursor_execute", _note)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the count in a header."""
        if scope["type"] != "http" or not scope["path"].startswith(MEASURED):
            await self._app(scope, receive, send)
            return
        statements: list[str] = []
        _statements.set(statements)

        async def send_with_count(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = str(len(statements))
            await send(message)

        await self._app(scope, receive, send_with_count)


def _note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    if (statements := _statements.get()) is not None:
        statements.append(statement)


class QueryCounterPlugin(AirflowPlugin):
    """What Airflow finds in this file."""

    name = "bench_query_counter"
    fastapi_root_middlewares = [{"name": "query counter", "middleware": QueryCounter}]
