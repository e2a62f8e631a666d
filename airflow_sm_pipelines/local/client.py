"""Watch and steer an endpoint that runs in another process."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from collections.abc import Mapping
from typing import Any

from airflow_sm_pipelines.local.control import EndpointControl
from airflow_sm_pipelines.local.paused_calls import PausedCall
from airflow_sm_pipelines.local.reader import ScenarioError
from airflow_sm_pipelines.local.records import JobRecord, LoggedRequest


class EndpointClient(EndpointControl):
    """The same calls as :class:`LocalEndpoint`, over HTTP.

    ``url`` is the endpoint's ("http://127.0.0.1:5000"), ``timeout`` in seconds. Methods raise
    ``ScenarioError`` for what the endpoint cannot use, ``OSError`` when it cannot be reached.
    """

    def __init__(self, url: str, timeout: float = 10.0) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme != "http" or not parts.netloc:
            raise ValueError(f"not a local endpoint's URL: {url!r}")
        self.url = url.rstrip("/")
        self._address = parts.netloc
        self.timeout = timeout

    def health(self) -> dict[str, Any]:
        """``{"status": "ok", "time": <endpoint's clock>, "time_scale": <float>}``."""
        answer: dict[str, Any] = self._call("health")
        return answer

    def requests(self, service: str | None = None, action: str | None = None) -> tuple[LoggedRequest, ...]:
        found = self._call("requests", {"service": service, "action": action})
        return tuple(LoggedRequest.from_json(value) for value in found["requests"])

    def jobs(self, kind: str | None = None) -> tuple[JobRecord, ...]:
        return tuple(JobRecord.from_json(value) for value in self._call("jobs", {"kind": kind})["jobs"])

    def advance(self, seconds: float) -> None:
        self._call("advance", body={"seconds": seconds})

    def paused(self) -> tuple[PausedCall, ...]:
        return tuple(PausedCall.from_json(value) for value in self._call("paused")["paused"])

    def resume(self, action: str = "*") -> None:
        self._call("resume", body={"action": action})

    def _add_fault(self, fault: Mapping[str, Any]) -> None:
        self._call("faults", body=fault)

    def _load_scenario(self, scenario: Mapping[str, Any]) -> None:
        self._call("scenario", body=scenario)

    def _reset(self, scenario: Mapping[str, Any] | None) -> None:
        self._call("reset", body={"scenario": scenario})

    def _call(self, path: str, query: Mapping[str, str | None] | None = None, body: Any = None) -> Any:
        given = {key: value for key, value in (query or {}).items() if value is not None}
        connection = http.client.HTTPConnection(self._address, timeout=self.timeout)
        try:
            connection.request(
                "GET" if body is None else "POST",
                f"/_local/{path}?{urllib.parse.urlencode(given)}",
                body=None if body is None else json.dumps(body),
                headers={"Content-Type": "application/json"},
            )
            response = connection.getresponse()
            answer = json.load(response)
        finally:
            connection.close()
        if response.status >= http.HTTPStatus.BAD_REQUEST:
            raise ScenarioError(answer["error"])
        return answer
