from __future__ import annotations

import pytest

from airflow_sm_pipelines.graph import plan
from tests.definition.build import condition, document, step, training

LAMBDA = step("L", "Lambda", FunctionArn="arn:aws:lambda:us-east-1:123456789012:function:f", OutputParameters=[])
UPON = {"Step": "U", "Trigger": "Stopped"}


@pytest.mark.parametrize(("upstream", "kind"), [(LAMBDA, "Lambda"), (condition("U"), "Condition"), (training("U"), "")])
def test_what_cannot_be_stopped_is_told(upstream: dict[str, object], kind: str) -> None:
    upstream = {**upstream, "Name": "U"}
    for trigger, told in (("Stopped", bool(kind)), ("Failed", False), ("Any", False)):
        entry = {"Step": "U", "Trigger": trigger}
        found = plan(document(upstream, {**LAMBDA, "Name": "H", "DependsOn": [entry]}), values=None).pipeline.warnings
        assert [(finding.path, finding.code, finding.suggestion) for finding in found] == (
            [("$.Steps[1].DependsOn[0].Trigger", "never-runs", "Failed")] if told else []
        )
        assert all(f"'U' is a {kind} step" in finding.message for finding in found)
