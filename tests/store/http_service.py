"""A SageMaker over HTTP that answers what a test says: for calls that neither the local endpoint nor moto has."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[dict[str, Any]], Mapping[str, Any]]


class RefusedError(Exception):
    """An error that the service answers with."""

    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


def unknown(request: dict[str, Any]) -> Mapping[str, Any]:
    raise RefusedError("UnknownOperationException")


class HttpService:
    """``answers`` has a function for each action, which is given the request; ``asked`` has what came, in order.

    Any path is that of S3: its objects are in ``objects``.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.objects: dict[str, bytes] = {}
        self.url = ""
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The boto3 client of a service, the same at each call, which makes each call once."""
        if service not in self._clients:
            self._clients[service] = self._new_client(service)
        return self._clients[service]

    def _new_client(self, service: str) -> Any:
        import boto3
        from botocore.config import Config

        retries = {"mode": "standard", "total_max_attempts": 1}
        config = Config(retries=retries, s3={"addressing_style": "path"})
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        session = boto3.Session(region_name="us-east-1", **keys)
        return session.client(service, endpoint_url=self.url, config=config)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


@contextmanager
def serving() -> Iterator[HttpService]:
    """A service on a port of its own."""
    service = HttpService()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            action = self.headers["X-Amz-Target"].partition(".")[2]
            service.asked.append((action, body))
            try:
                status, answer = 200, service.answers.get(action, unknown)(body)
            except RefusedError as refusal:
                status, answer = refusal.status, {"__type": refusal.code, "message": str(refusal)}
            self._send(status, json.dumps(answer).encode(), "application/x-amz-json-1.1")

        def do_GET(self) -> None:
            found = service.objects.get(self.path)
            if found is None:
                error = b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"
                self._send(404, error, "application/xml")
            else:
                self._send(200, found, "application/json")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{hash(body):x}"')
            self.send_header("Last-Modified", "Sat, 28 Nov 2026 12:00:00 GMT")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        service.close()
