"""What a step type's Arguments demand of each other is checked when the definition is loaded."""

from __future__ import annotations

from typing import Any

import pytest

from tests.definition.build import planned

STEP = {"HadoopJarStep": {"Jar": "s3://b/j.jar"}}


def emr(**arguments: Any) -> dict[str, Any]:
    return {"Steps": [{"Name": "E", "Type": "EMR", "Arguments": {"StepConfig": STEP, **arguments}}]}


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"ClusterId": "j-1", "ClusterConfig": {"Instances": {"InstanceGroups": []}}},
        {"ClusterConfig": {"Name": "mine", "Instances": {"InstanceGroups": []}}},
    ],
    ids=["neither cluster", "both clusters", "a name that the service sets"],
)
def test_a_broken_rule_is_a_warning(arguments: dict[str, Any]) -> None:
    warnings = planned(emr(**arguments)).pipeline.warnings
    assert warnings
    assert all(warning.path.startswith("$.Steps[0].Arguments.Cluster") for warning in warnings)
    assert warnings[0].step == "E"


def test_rules_that_hold_are_no_finding() -> None:
    assert planned(emr(ClusterId={"Get": "Parameters.Id"}) | {"Parameters": [{"Name": "Id"}]}).pipeline.warnings == ()
