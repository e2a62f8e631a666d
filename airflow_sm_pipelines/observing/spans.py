"""Spans, where Airflow's tracing is on (``[traces] otel_on``): no-ops of OpenTelemetry's own otherwise.

Airflow has a span for each try in the worker, and one for each trigger. They get attributes that say which step and
job they are about, and spans of their own below them for what takes time.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

ATTRIBUTES = {
    "sm_pipelines.pipeline": "the pipeline's name",
    "sm_pipelines.step": "the step's name",
    "sm_pipelines.job": "the job's name, once there is one",
    "sm_pipelines.attempt": "which attempt of the step it is",
}
SPANS = {
    "sm_pipelines.resolve": "the request is resolved",
    "sm_pipelines.submit": "the job is created, adopted, or found in the step cache",
    "sm_pipelines.wait": "a worker waits for the job (`deferrable` off); else it is Airflow's own span of the trigger",
    "sm_pipelines.finish": "the job is described once more, and its result is taken",
}


def span(name: str) -> AbstractContextManager[Any]:
    """A span of this package's below the current one."""
    return opentelemetry_trace().get_tracer(__name__).start_as_current_span(name) if _has_airflow() else nullcontext()


def describe_span(**attributes: str | int) -> None:
    """Say of the current span what it is about, such as ``step="Train"``."""
    if _has_airflow():
        opentelemetry_trace().get_current_span().set_attributes(
            {f"sm_pipelines.{key}": value for key, value in attributes.items()}
        )


def _has_airflow() -> bool:
    return "airflow" in sys.modules


def opentelemetry_trace() -> Any:
    """OpenTelemetry's tracing as Airflow has set it up."""
    from opentelemetry import trace

    return trace
