"""EMR Serverless applications and job runs as its answers show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_sm_pipelines.local.kinds.listing import cut
from airflow_sm_pipelines.local.state import Job

USER = "arn:aws:iam::123456789012:user/local"


def application_summary(job: Job, now: float) -> dict[str, Any]:
    """What lists and GetApplication say of an application."""
    current = job.timeline.current(now)
    return {
        "applicationId": job.name,
        "arn": job.arn,
        **{key: job.request[key] for key in ("name", "releaseLabel", "type") if key in job.request},
        "state": current.status,
        "createdAt": job.created,
        "updatedAt": current.at,
    }


def run_summary(run: Job, now: float) -> dict[str, Any]:
    """What lists and GetJobRun say of a job run."""
    current = run.timeline.current(now)
    application: Job = run.facts["application"]
    return {
        "applicationId": application.name,
        "jobRunId": run.name,
        "arn": run.arn,
        **({"name": run.request["name"]} if "name" in run.request else {}),
        "createdBy": USER,
        "createdAt": run.created,
        "updatedAt": current.at,
        "executionRole": run.request["executionRoleArn"],
        "state": current.status,
        "stateDetails": current.detail,
        "releaseLabel": application.request["releaseLabel"],
    }


def page_of(key: str, items: list[dict[str, Any]], asked: Mapping[str, Any]) -> dict[str, Any]:
    """The page of ``items`` that a List call asks for."""
    names = {"nextToken": "NextToken", "maxResults": "MaxResults"}
    page, token = cut(items, {names[name]: value for name, value in asked.items() if name in names})
    return {key: page, **({"nextToken": token["NextToken"]} if token else {})}
