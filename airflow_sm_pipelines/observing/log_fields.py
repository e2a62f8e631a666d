"""Fields of log lines that say which step and job they are about, beside Airflow's own (``dag_id``, ``task_id``, …)."""

from __future__ import annotations

from structlog.contextvars import bind_contextvars, unbind_contextvars

FIELDS = {
    "pipeline": "the pipeline's name",
    "step": "the step's name",
    "job": "the job's name, once there is one",
    "attempt": "which attempt of the step it is: a lost try is none",
}


def bind_fields(**fields: str | int) -> None:
    """Give each log line from now on these fields, in this task or trigger alone."""
    unbind_contextvars(*FIELDS)
    bind_contextvars(**fields)
