"""EMR requests from Arguments, and what EMR says of a failure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_sm_pipelines.step_types.emr_requests import emr_request, find_step, reason_of_cluster, reason_of_step

STEP = {"HadoopJarStep": {"Jar": "j"}}


@pytest.mark.parametrize("given", [None, "CANCEL_AND_WAIT"])
def test_a_step_is_named_and_told_what_to_do_on_failure(given: str | None) -> None:
    config: dict[str, Any] = {**STEP, "Name": "prefix", **({"ActionOnFailure": given} if given else {})}
    foreign = emr_request({"StepConfig": config, "ClusterId": "j-1"}, "name")
    assert foreign == {"JobFlowId": "j-1", "Steps": [{**STEP, "Name": "name", "ActionOnFailure": given or "CONTINUE"}]}
    own = emr_request({"StepConfig": config, "ClusterConfig": {"Instances": {"InstanceGroups": []}}}, "name")
    assert own == {
        "Name": "name",
        "Instances": {"InstanceGroups": [], "KeepJobFlowAliveWhenNoSteps": False},
        "Steps": [{**STEP, "Name": "name", "ActionOnFailure": given or "TERMINATE_CLUSTER"}],
    }


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(TypeError, match="'x' is no object"):
        emr_request({"StepConfig": "x", "ClusterId": "j-1"}, "name")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"FailureDetails": {"Reason": "R", "Message": "M", "LogFile": "s3://l"}}, "R; M; see s3://l"),
        ({"FailureDetails": {"LogFile": "s3://l"}, "StateChangeReason": {"Message": "m"}}, "see s3://l"),
        ({"StateChangeReason": {"Code": "NONE", "Message": "Job terminated"}}, "Job terminated"),
        ({"StateChangeReason": {}}, ""),
    ],
)
def test_the_reason_of_a_step(status: dict[str, Any], reason: str) -> None:
    assert reason_of_step({"Status": status}) == reason


def test_the_reason_of_a_cluster() -> None:
    change = {"Code": "BOOTSTRAP_FAILURE", "Message": "no"}
    status = {"State": "TERMINATING", "StateChangeReason": change}
    assert reason_of_cluster({"Id": "j-1", "Status": status}) == (
        "the cluster j-1 is TERMINATING (BOOTSTRAP_FAILURE: no)"
    )
    assert reason_of_cluster({"Id": "j-1", "Status": {"State": "WAITING"}}) == "the cluster j-1 is WAITING"


class Pages:
    """A client whose ListSteps has pages of one step, each an hour older than the one before."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.read = 0

    def get_paginator(self, _name: str) -> Pages:
        return self

    def paginate(self, **_arguments: str) -> Any:
        for age in range(10):
            self.read += 1
            created = self.now - timedelta(hours=age)
            yield {
                "Steps": [{"Id": f"s-{age}", "Name": f"n{age}", "Status": {"Timeline": {"CreationDateTime": created}}}]
            }


def test_steps_from_before_the_task_are_not_read() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    pages = Pages(now)
    assert find_step(pages, "j-1", "n1", now.timestamp()) == "s-1"
    assert find_step(pages, "j-1", "n9", now.timestamp()) is None
    assert pages.read == 5
