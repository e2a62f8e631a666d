"""EMR steps and clusters: the requests that a step's Arguments become, and how both are found again by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_sm_pipelines.step_types.member_paths import member_at

ON_OWN_CLUSTER = "TERMINATE_CLUSTER"
ON_FOREIGN_CLUSTER = "CONTINUE"
# How much later than this machine's clock a thing's own time may be, when it is looked for.
CLOCK_MARGIN = timedelta(hours=1)
LIMIT_MESSAGE = re.compile(
    r"Maximum number of active steps|LimitExceeded|exceeds? .*(quota|limit)|reached .*(quota|limit)", re.IGNORECASE
)


def emr_request(arguments: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The AddJobFlowSteps or RunJobFlow request of a step's resolved Arguments, which keep to the type's rules.

    ``name`` is the EMR step's, and the cluster's where one is made. That cluster gets its one step with its creation
    and is not kept alive without: it ends when the step has, whatever becomes of the task that made it.

    :raises TypeError: for a member that is no object where the API has one
    """
    config = arguments.get("ClusterConfig")
    step = dict(_object(arguments["StepConfig"]))
    step["Name"] = name
    step.setdefault("ActionOnFailure", ON_FOREIGN_CLUSTER if config is None else ON_OWN_CLUSTER)
    if config is None:
        request: dict[str, Any] = {"JobFlowId": arguments["ClusterId"], "Steps": [step]}
        if "ExecutionRoleArn" in arguments:
            request["ExecutionRoleArn"] = arguments["ExecutionRoleArn"]
        return request
    cluster = dict(_object(config))
    instances = {**_object(cluster.get("Instances", {})), "KeepJobFlowAliveWhenNoSteps": False}
    return {**cluster, "Name": name, "Instances": instances, "Steps": [step]}


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is no object")
    return value


def find_cluster(client: Any, name: str, began_at: float) -> str | None:
    """The id of the newest cluster of that name that was made since ``began_at`` (epoch seconds), in any state."""
    after = datetime.fromtimestamp(began_at, UTC) - CLOCK_MARGIN
    for page in client.get_paginator("list_clusters").paginate(CreatedAfter=after):
        for cluster in page["Clusters"]:
            if cluster["Name"] == name:
                return str(cluster["Id"])
    return None


def find_step(client: Any, cluster: str, name: str, began_at: float) -> str | None:
    """The id of a cluster's step of that name that was added since ``began_at``; EMR lists the newest first."""
    after = datetime.fromtimestamp(began_at, UTC) - CLOCK_MARGIN
    for page in client.get_paginator("list_steps").paginate(ClusterId=cluster):
        for step in page["Steps"]:
            if step["Name"] == name:
                return str(step["Id"])
            if member_at(step, "Status.Timeline.CreationDateTime") < after:
                return None
    return None


def reason_of_step(step: Mapping[str, Any]) -> str:
    """Why a step failed: EMR's FailureDetails (the reason, the message and the log file), else its state's reason."""
    details = member_at(step, "Status.FailureDetails") or {}
    parts = [str(details[key]).strip() for key in ("Reason", "Message") if details.get(key)]
    if details.get("LogFile"):
        parts.append(f"see {details['LogFile']}")
    change = member_at(step, "Status.StateChangeReason.Message")
    return "; ".join(parts or ([str(change)] if change else []))


def reason_of_cluster(cluster: Mapping[str, Any]) -> str:
    """The state of a cluster, and why it is in it."""
    reason = member_at(cluster, "Status.StateChangeReason") or {}
    text = ": ".join(str(reason[key]) for key in ("Code", "Message") if reason.get(key))
    state = member_at(cluster, "Status.State")
    return f"the cluster {cluster['Id']} is {state}{f' ({text})' if text else ''}"
