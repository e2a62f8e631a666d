"""What the members of a step's Arguments demand of each other."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.step_types import STEP_TYPES

GROUPS: dict[str, Any] = {"InstanceGroups": []}


@pytest.mark.parametrize(
    ("members", "broken"),
    [
        ({"ClusterId": "j"}, []),
        ({"ClusterId": "j", "ExecutionRoleArn": "r"}, []),
        ({"ClusterConfig": {"Instances": GROUPS}}, []),
        ({}, ["ClusterId"]),
        ({"ClusterId": None}, ["ClusterId"]),
        ({"ClusterId": "j", "ClusterConfig": {"Instances": GROUPS}}, ["ClusterId"]),
        ({"ClusterId": "j", "StepConfig": None}, ["StepConfig", "StepConfig.HadoopJarStep"]),
        ({"ClusterConfig": {"Instances": GROUPS}, "ExecutionRoleArn": "r"}, ["ExecutionRoleArn"]),
        ({"ClusterConfig": {"Instances": {}}}, ["ClusterConfig.Instances"]),
        ({"ClusterConfig": {"Instances": {**GROUPS, "InstanceFleets": []}}}, ["ClusterConfig.Instances"]),
        (
            {"ClusterConfig": {"Name": "n", "Instances": {**GROUPS, "TerminationProtected": False}}},
            ["ClusterConfig.Name", "ClusterConfig.Instances.TerminationProtected"],
        ),
    ],
)
def test_the_rules_of_emr(members: dict[str, Any], broken: list[str]) -> None:
    rules = STEP_TYPES["EMR"].rules
    assert rules is not None
    arguments = {"StepConfig": {"HadoopJarStep": {"Jar": "j"}}, **members}
    assert [path for path, _ in rules.broken(arguments)] == broken


def test_the_rules_of_emr_serverless() -> None:
    rules = STEP_TYPES["EMRServerless"].rules
    assert rules is not None
    job: dict[str, Any] = {"jobDriver": {}}
    assert list(rules.broken({"JobConfig": job, "ApplicationId": "a"})) == []
    assert list(rules.broken({"JobConfig": job, "ApplicationConfig": {}})) == []
    [(path, message)] = rules.broken({"JobConfig": job, "ApplicationConfig": {"clientToken": "mine"}, "X": 1})
    assert (path, message) == ("ApplicationConfig.clientToken", "cannot be given: the service sets it")
    assert [path for path, _ in rules.broken({"ApplicationId": "a", "ApplicationConfig": {}})] == [
        "JobConfig",
        "ApplicationId",
    ]
