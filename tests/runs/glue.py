"""A Glue endpoint of a test's own (moto's has no failure and no stop): job runs that end when the test says so."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STARTED, STATE = "StartJobRun", "JobRunState"


@dataclass
class GlueEndpoint:
    """The calls that were made, in order, and the runs. ``states`` are those that a run goes through, a step at each
    look; the last one stays. ``lose_replies`` is how many StartJobRun calls are heard and not answered.
    """

    url: str = ""
    states: tuple[str, ...] = ("RUNNING", "SUCCEEDED")
    reason: str = ""
    lose_replies: int = 0
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    looks: dict[str, int] = field(default_factory=dict)

    def made(self, action: str) -> list[dict[str, Any]]:
        return [request for made, request in self.calls if made == action]

    def answer(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((action, request))
        match action:
            case "StartJobRun":
                run_id = f"jr_{len(self.runs) + 1}"
                self.runs[run_id] = {"Id": run_id, "JobName": request["JobName"], "Arguments": request["Arguments"]}
                return {"JobRunId": run_id}
            case "GetJobRun":
                run = self.runs[request["RunId"]]
                look = self.looks[run["Id"]] = self.looks.get(run["Id"], -1) + 1
                state = run.get(STATE) or self.states[min(look, len(self.states) - 1)]
                return {"JobRun": {**run, STATE: state, **({"ErrorMessage": self.reason} if self.reason else {})}}
            case "GetJobRuns":
                return {"JobRuns": [run for run in self.runs.values() if run["JobName"] == request["JobName"]]}
            case "BatchStopJobRun":
                for run_id in request["JobRunIds"]:
                    self.runs[run_id][STATE] = "STOPPED"
                return {"SuccessfulSubmissions": [{"JobRunId": run_id} for run_id in request["JobRunIds"]]}
        raise NotImplementedError(action)


@contextmanager
def glue_endpoint() -> Iterator[GlueEndpoint]:
    """The endpoint, at ``url`` while the block runs."""
    glue, lock = GlueEndpoint(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            action = self.headers["X-Amz-Target"].rpartition(".")[2]
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                body = json.dumps(glue.answer(action, request)).encode()
                lost = action == STARTED and glue.lose_replies > 0
                glue.lose_replies -= lost
            if lost:
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    glue.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield glue
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
