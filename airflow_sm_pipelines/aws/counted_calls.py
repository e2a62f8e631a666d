"""The calls of AWS as metrics: each attempt counts, also those that botocore repeats by itself."""

from __future__ import annotations

from typing import Any

from airflow_sm_pipelines.aws.failures import THROTTLING_CODES
from airflow_sm_pipelines.observing.metrics import AWS_CALLS, THROTTLES
from airflow_sm_pipelines.observing.stats import stats

EVENT = "response-received"
REFUSED = 300


def count_calls(events: Any) -> None:
    """Count the calls of the clients that come of a session, by its events; nothing where metrics are off."""
    if stats() is not None:
        events.register(EVENT, count_call, unique_id=__name__)


def count_call(event_name: str, parsed_response: Any = None, exception: Any = None, **_event: Any) -> None:
    """Count one attempt of a call. The event's name is ``response-received.sagemaker.DescribeTrainingJob``."""
    _, service, operation = event_name.split(".", 2)
    outcome = _outcome(parsed_response, exception)
    AWS_CALLS.add(service=service, operation=operation, outcome=outcome)
    if outcome == "throttled":
        THROTTLES.add(service=service, operation=operation)


def _outcome(parsed: Any, exception: Any) -> str:
    if exception is not None or parsed is None:
        return "lost"
    # A response may have a member of its own that is called Error.
    if parsed.get("ResponseMetadata", {}).get("HTTPStatusCode", 200) < REFUSED:
        return "ok"
    return "throttled" if (parsed.get("Error") or {}).get("Code") in THROTTLING_CODES else "error"
