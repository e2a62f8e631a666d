"""What two definitions do differently."""

from __future__ import annotations

from typing import Any

from airflow_sm_pipelines.definition.secret_names import AIRFLOWS_NAMES
from airflow_sm_pipelines.report.definition_diff import changes
from tests.definition.build import condition, document, equals, for_each, get, parameter, planned, step, training


def told(left: Any, right: Any) -> list[str]:
    return [str(change) for change in changes(planned(left), planned(right), AIRFLOWS_NAMES)]


PIPELINE = document(
    training("Train"),
    condition("Check", (equals(get("Parameters.Limit"), 1),), (training("Again"),), (step("No", "Fail"),)),
    for_each("Loop", (training("Body"),)),
    Parameters=[parameter("Limit", "Integer", DefaultValue=3), parameter("Items")],
)


def test_a_definition_equals_itself_in_another_spelling() -> None:
    spelled = document(*PIPELINE["Steps"], Parameters=list(reversed(PIPELINE["Parameters"])))
    assert told(PIPELINE, PIPELINE) == []
    assert told(PIPELINE, dict(reversed(spelled.items()))) == []


def test_a_describe_pipeline_response_equals_its_definition() -> None:
    assert told(PIPELINE, {"PipelineName": "x", "PipelineDefinition": PIPELINE}) == []
    role = "arn:aws:iam::123456789012:role/Other"
    assert told(PIPELINE, {"PipelineDefinition": PIPELINE, "RoleArn": role}) == [
        f'changed: pipeline $.RoleArn: nothing -> "{role}"'
    ]


def test_parameters_steps_and_edges() -> None:
    other = document(
        training("Train"),
        {**training("Next"), "DependsOn": ["Train"]},
        Parameters=[parameter("Limit", "Integer", DefaultValue=4), parameter("New")],
    )
    assert told(PIPELINE, other) == [
        "changed: parameter Limit $.DefaultValue: 3 -> 4",
        "removed: parameter Items",
        "added: parameter New",
        "removed: step Check",
        "removed: step Again",
        "removed: step No",
        "removed: step Loop",
        "removed: step Body",
        "added: step Next",
        "removed: edge Check -> Again",
        "removed: edge Check -> No",
        "added: edge Train -> Next",
    ]


def test_a_step_in_another_branch_and_with_another_condition() -> None:
    other = document(
        training("Train"),
        condition("Check", (equals(get("Parameters.Limit"), 2),), (step("No", "Fail"),), (training("Again"),)),
        for_each("Loop", (training("Body"),)),
        Parameters=PIPELINE["Parameters"],
    )
    assert told(PIPELINE, other) == [
        "changed: request Check $.Arguments.Conditions[0].RightValue: 1 -> 2",
        'changed: step Again $.branch: "Check: If" -> "Check: Else"',
        'changed: step No $.branch: "Check: Else" -> "Check: If"',
    ]


def test_the_body_of_a_loop_is_compared_as_steps() -> None:
    other = document(
        *PIPELINE["Steps"][:2],
        for_each("Loop", (training("Body", RoleArn="arn:aws:iam::123456789012:role/R"),)),
        Parameters=PIPELINE["Parameters"],
    )
    assert told(PIPELINE, other) == [
        'changed: request Body $.Arguments.RoleArn: nothing -> "arn:aws:iam::123456789012:role/R"'
    ]


def test_policies_with_their_defaults() -> None:
    def with_policies(*policies: object, **keys: object) -> Any:
        return document({**training("Train"), "RetryPolicies": list(policies), **keys})

    spelled = {"ExceptionType": "Step.THROTTLING", "IntervalSeconds": 1, "BackoffRate": 2.0, "MaxAttempts": 5}
    assert told(document(training("Train")), with_policies(spelled)) == []
    assert told(document(training("Train")), with_policies({**spelled, "MaxAttempts": 9})) == [
        "changed: policy Train $.RetryPolicies['Step.THROTTLING'].MaxAttempts: 5 -> 9"
    ]
    assert told(document(training("Train")), with_policies(CacheConfig={"Enabled": True, "ExpireAfter": "P1D"})) == [
        'changed: policy Train $.CacheConfig: nothing -> {"Enabled": true, "ExpireAfter": "P1D"}'
    ]


def test_a_trigger_changes_an_edge() -> None:
    first = document(training("Train"), {**training("Next"), "DependsOn": ["Train"]})
    second = document(training("Train"), {**training("Next"), "DependsOn": [{"Step": "Train", "Trigger": "Failed"}]})
    assert told(first, second) == ['changed: edge Train -> Next $.upon[0]: "Succeeded" -> "Failed"']


def test_a_secret_that_differs_is_told_without_its_text() -> None:
    def with_password(text: str) -> Any:
        return document(training("Train", Environment={"DB_PASSWORD": text}))

    lines = told(with_password("first-secret"), with_password("second-secret"))
    assert lines == ['changed: request Train $.Arguments.Environment.DB_PASSWORD: "***" -> "***"']
