"""A threaded HTTP server for the application."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from typing_extensions import override
from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIApplication


class QuietHandler(WSGIRequestHandler):
    """Writes no access log, and answers at once.

    A response goes out in two writes; with Nagle's algorithm the second waits 40 ms for the first one's ACK.
    """

    disable_nagle_algorithm = True
    now: Callable[[], float] = staticmethod(time.time)
    """The clock that dates its answers: the endpoint's own, as the times in them are."""

    @override
    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(int(self.now() if timestamp is None else timestamp))

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def request_handler(now: Callable[[], float]) -> type[WSGIRequestHandler]:
    """moto's request handler (it keeps S3 metadata headers with underscores), made quiet."""
    from moto.moto_server.werkzeug_app import MotoRequestHandler

    made: Any = type("QuietMotoHandler", (QuietHandler, MotoRequestHandler), {"now": staticmethod(now)})
    handler: type[WSGIRequestHandler] = made
    return handler


class Server:
    """Listens from the moment it is made; serves between :meth:`start` and :meth:`stop`.

    ``host`` is an address, not a name. Raises ``OSError`` when it cannot be had. ``port`` 0 takes any free one. ``now``
    dates the answers.
    """

    def __init__(self, application: WSGIApplication, host: str, port: int, now: Callable[[], float]) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family) as listener:
            self.port = int(listener.getsockname()[1])
            # werkzeug exits the process when an address is taken; a socket of our own raises.
            self._server = make_server(
                host,
                self.port,
                application,
                threaded=True,
                request_handler=request_handler(now),
                fd=listener.fileno(),
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="local-aws-endpoint", daemon=True
        )

    def start(self) -> None:
        """Serve, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening. Requests under way are finished by their own threads."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
