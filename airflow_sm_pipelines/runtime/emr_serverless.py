"""The old trigger of a job run in an EMR Serverless application of its own."""

from __future__ import annotations

from typing import Any

from airflow_sm_pipelines.jobs.trigger import JobTrigger


class OwnApplicationTrigger(JobTrigger):
    """A :class:`JobTrigger` whose ``kind`` names the application that goes with the job run."""

    def __init__(self, kind: dict[str, Any], **arguments: Any) -> None:
        super().__init__(kind=kind, application=kind["asked_with"]["applicationId"], **arguments)
