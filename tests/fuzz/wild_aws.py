"""An AWS whose every answer is the same bytes: what S3 holds, and what a Lambda function returns."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class WildAws:
    """A server at ``url``, for as long as this process lives; ``content`` is the body of every answer."""

    def __init__(self) -> None:
        self.content = b""
        aws = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self._answer()

            def _answer(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(aws.content)))
                self.send_header("ETag", '"e"')
                self.send_header("Last-Modified", "Sat, 01 Jan 2022 00:00:00 GMT")
                self.end_headers()
                self.wfile.write(aws.content)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
