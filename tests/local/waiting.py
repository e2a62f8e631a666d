"""Waiting for what a test means."""

from __future__ import annotations

import time

from airflow_sm_pipelines.local.control import EndpointControl
from airflow_sm_pipelines.local.paused_calls import PausedCall


def wait_until_paused(endpoint: EndpointControl) -> tuple[PausedCall, ...]:
    """What the endpoint pauses, as soon as it pauses something."""
    deadline = time.monotonic() + 60
    while not (paused := endpoint.paused()):
        assert time.monotonic() < deadline, "nothing is paused"
        time.sleep(0.01)
    return paused
