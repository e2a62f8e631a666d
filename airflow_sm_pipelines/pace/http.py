"""The address of the API server as a task's process knows it, and the HTTP call."""

from __future__ import annotations

import ssl
from typing import Any

from airflow_sm_pipelines.pace.client import ANSWER_SECONDS, CONNECT_SECONDS

PREFIX = "/sagemaker-pace"
EXECUTION = "/execution"


def door_url(execution_api_url: str | None, base_url: str | None, path: str) -> str:
    """The address of the door, by the two settings that tell workers where the API server is.

    :param execution_api_url: ``[core] execution_api_server_url``
    :param base_url: ``[api] base_url``
    """
    base = (execution_api_url or "").rstrip("/").removesuffix(EXECUTION) or base_url or "/"
    # As Airflow has it for its own API.
    base = f"http://localhost:8080{base}" if base.startswith("/") else base
    return f"{base.rstrip('/')}{PREFIX}{path}"


def configured_door_url(path: str) -> str:
    from airflow.sdk.configuration import conf

    return door_url(
        conf.get("core", "execution_api_server_url", fallback=None), conf.get("api", "base_url", fallback=None), path
    )


def post(url: str, body: bytes) -> tuple[int, bytes]:
    """Send JSON, and give the status and the body of the answer.

    :raises OSError: where there is none
    """
    import httpx

    limits = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    try:
        answer = httpx.post(
            url,
            content=body,
            headers={"Content-Type": "application/json"},
            timeout=limits,
            verify=_trusted() if url.startswith("https:") else True,
            # Nothing that redirects to a login is the door.
            follow_redirects=False,
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OSError(str(error) or type(error).__name__) from error
    return answer.status_code, answer.content


def _trusted() -> Any:
    """The certificates that Airflow's own calls to its API trust."""
    from airflow.sdk.configuration import conf

    context = ssl.create_default_context(cafile=conf.get("api", "ssl_ca_file", fallback=None) or None)
    if own := conf.get("api", "ssl_cert", fallback=None):
        context.load_verify_locations(own)
    return context
