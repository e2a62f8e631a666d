"""Waiting for what a test means."""

from __future__ import annotations

from airflow_sm_pipelines.local.control import EndpointControl
from airflow_sm_pipelines.local.paused_calls import PausedCall
from tests.waiting import until


def wait_until_paused(endpoint: EndpointControl) -> tuple[PausedCall, ...]:
    """What the endpoint pauses, as soon as it pauses something."""
    return until(endpoint.paused, "nothing is paused")
