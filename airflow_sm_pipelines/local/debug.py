"""What the command line does with a job that has run here and failed."""

from __future__ import annotations

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.real_jobs import STEP_TAG
from airflow_sm_pipelines.local_runner.debugging import open_shell

__all__ = ["failed_job_of", "open_shell"]


def failed_job_of(endpoint: LocalEndpoint, step: str) -> str | None:
    """The name of the last job of a pipeline's step, if it has failed."""
    jobs = [
        job
        for job in endpoint.jobs()
        if any(tag == {"Key": STEP_TAG, "Value": step} for tag in job.request.get("Tags") or ())
    ]
    return jobs[-1].name if jobs and jobs[-1].status == "Failed" else None
