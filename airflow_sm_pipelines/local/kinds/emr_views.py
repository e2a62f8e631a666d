"""EMR clusters and steps as its answers show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_sm_pipelines.local.errors import AwsError
from airflow_sm_pipelines.local.kinds.emr_life import WITH_ERRORS
from airflow_sm_pipelines.local.state import Job

PAGE = 50
STEP_TIMES = {
    "RUNNING": "StartDateTime",
    **dict.fromkeys(("COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"), "EndDateTime"),
}


def refused(message: str) -> AwsError:
    """EMR's answer to an id that it does not know."""
    return AwsError("InvalidRequestException", message)


def _times(job: Job, now: float, names: Mapping[str, str]) -> dict[str, float]:
    """The beginnings of the phases reached, under the names that AWS has for them."""
    return {names[phase.status]: phase.at for phase in job.timeline.reached(now) if phase.status in names}


def cluster_summary(job: Job, now: float) -> dict[str, Any]:
    """A cluster in a list; the beginning of DescribeCluster's answer."""
    current = job.timeline.current(now)
    reason: dict[str, str] = {}
    if current.detail:
        text = job.rule.failure_reason or "Terminated by user request"
        reason = {"Code": current.detail, "Message": text if current.detail in WITH_ERRORS else current.detail}
    ready = job.facts["plan"].ready
    timeline = {"CreationDateTime": job.created, **({"ReadyDateTime": ready} if ready <= now else {})}
    if current.status.startswith("TERMINATED"):
        timeline["EndDateTime"] = current.at
    status = {"State": current.status, "StateChangeReason": reason, "Timeline": timeline}
    return {"Id": job.name, "Name": job.request["Name"], "ClusterArn": job.arn, "Status": status}


def step_summary(step: Job, cluster: Job, now: float) -> dict[str, Any]:
    """A step in a list; the beginning of DescribeStep's answer."""
    current = step.timeline.current(now)
    jar = step.request["HadoopJarStep"]
    status: dict[str, Any] = {
        "State": current.status,
        "StateChangeReason": {},
        "Timeline": {"CreationDateTime": step.created, **_times(step, now, STEP_TIMES)},
    }
    if current.status == "FAILED":
        logs = cluster.request.get("LogUri", "s3://local-emr-logs").rstrip("/")
        status["FailureDetails"] = {
            "Reason": "Unknown Error.",
            "Message": step.rule.failure_reason or 'Exception in thread "main"',
            "LogFile": f"{logs}/{cluster.name}/steps/{step.name}/stderr.gz",
        }
    return {
        "Id": step.name,
        "Name": step.request["Name"],
        "Config": {
            "Jar": jar["Jar"],
            "Properties": {pair["Key"]: pair["Value"] for pair in jar.get("Properties", ())},
            **({"MainClass": jar["MainClass"]} if "MainClass" in jar else {}),
            "Args": jar.get("Args", []),
        },
        "ActionOnFailure": step.request.get("ActionOnFailure", "CONTINUE"),
        "Status": status,
    }


def page_of(key: str, items: list[dict[str, Any]], asked: Mapping[str, Any]) -> dict[str, Any]:
    """The page of ``items`` that a List call asks for."""
    try:
        start = int(asked.get("Marker", "0"))
    except ValueError:
        raise refused("Marker is not valid.") from None
    more = {"Marker": str(start + PAGE)} if start + PAGE < len(items) else {}
    return {key: items[start : start + PAGE], **more}
