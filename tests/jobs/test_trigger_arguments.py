"""What a trigger is stored with, from when on it may fire, and what it says of whose job it is."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.contextvars import get_contextvars

from airflow_sm_pipelines.jobs import deferral
from airflow_sm_pipelines.jobs.trigger import JobTrigger
from airflow_sm_pipelines.step_types.training import STEP_TYPE
from tests.jobs.doubles import FakeAws, Job
from tests.jobs.virtual_time import run

ACCESS = {"aws_conn_id": "aws_default", "region_name": None, "verify": None, "botocore_config": None}
LABELS = {"pipeline": "forecast", "step": "Train", "step_type": "Training", "attempt": 2}


def kind() -> dict[str, object]:
    assert STEP_TYPE.kind is not None
    return STEP_TYPE.kind.to_json()


def test_it_is_the_same_when_it_is_read_again() -> None:
    trigger = JobTrigger(kind(), "ours", ACCESS, 30.0, 300.0, None, labels=LABELS, not_before=100.0)
    path, stored = trigger.serialize()
    assert path == "airflow_sm_pipelines.jobs.trigger.JobTrigger"
    read = JobTrigger(**stored)
    assert read.serialize() == trigger.serialize()
    assert read.labels.fields() == {"pipeline": "forecast", "step": "Train", "job": "ours", "attempt": 2}


def test_one_of_the_version_before_says_whose_job_it_is_by_the_jobs_name_alone() -> None:
    read = JobTrigger(kind(), "ours", ACCESS, 30.0, 300.0, None, 60.0, None)
    assert read.labels.fields() == {"job": "ours"}
    assert read.labels.step_type == "unknown"
    assert read.not_before is None


EPOCH = 1_800_000_000.0


@pytest.fixture
def trigger_of_an_ended_job(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the trigger of a job that has ended, which it sees within a second; its clock is the event loop's."""
    clock = SimpleNamespace(time=lambda: EPOCH + asyncio.get_running_loop().time())
    monkeypatch.setattr(deferral, "time", clock)

    def make(not_before: float | None) -> JobTrigger:
        trigger = JobTrigger(kind(), "ours", ACCESS, 1.0, 10.0, None, labels=LABELS, not_before=not_before)
        aws: Any = FakeAws()
        aws.jobs["ours"] = Job("ours", status="Completed")
        trigger.access = aws
        return trigger

    return make


@pytest.mark.parametrize(
    ("not_before", "fires"),
    [
        (None, (0, 1)),
        (EPOCH - 3600, (0, 1)),
        (EPOCH + 12, (12, 13)),
        # The clock of the worker is ahead.
        (EPOCH + 3600, (20, 21)),
    ],
)
def test_a_job_that_ends_at_once_is_waited_for_until_the_deferral_is_settled(
    trigger_of_an_ended_job: Any, not_before: float | None, fires: tuple[int, int]
) -> None:
    async def scene() -> float:
        event = await anext(trigger_of_an_ended_job(not_before).run())
        assert event.payload["end"] == "ended"
        return asyncio.get_running_loop().time()

    soonest, latest = fires
    assert soonest <= run(scene()) <= latest


def test_its_log_lines_and_its_span_say_whose_job_it_is(trigger_of_an_ended_job: Any) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    async def scene() -> dict[str, Any]:
        # Airflow has a span for each trigger.
        with provider.get_tracer("airflow").start_as_current_span("trigger"):
            await anext(trigger_of_an_ended_job(None).run())
        return get_contextvars()

    said = {"pipeline": "forecast", "step": "Train", "job": "ours", "attempt": 2}
    assert run(scene()) == said
    (span,) = exporter.get_finished_spans()
    assert span.attributes == {f"sm_pipelines.{name}": value for name, value in said.items()}
