"""A try that Airflow resumes though no trigger has fired.

Airflow takes a try for dead whose heartbeats were late, and that try defers all the same: then the next one starts
where a deferred task comes back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from airflow.triggers.base import TriggerEvent

from airflow_sm_pipelines.jobs.trigger import JobTrigger
from tests.runs.harness import Airflow, pipeline, training


def test_it_goes_on_with_the_job(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    run_trigger, started = JobTrigger.run, []

    async def fire_without_an_event_once(trigger: JobTrigger) -> AsyncIterator[TriggerEvent]:
        started.append(trigger.job_name)
        if len(started) == 1:
            yield TriggerEvent(None)
            return
        async for event in run_trigger(trigger):
            yield event

    monkeypatch.setattr(JobTrigger, "run", fire_without_an_event_once)
    airflow.endpoint.reset({"defaults": {"duration": 1.0}})
    run = airflow.run(pipeline(training("Train")), deferrable=True)

    assert run.state == "success"
    (job,) = airflow.endpoint.jobs("training")
    assert set(started) == {job.name}
    result: dict[str, Any] = run.xcom("Train")
    assert result["TrainingJobName"] == job.name
