"""The local endpoint against the step types: it answers what they call, and makes nothing besides."""

from __future__ import annotations

from airflow_sm_pipelines.local.kinds.registry import not_implemented, services
from airflow_sm_pipelines.step_types import STEP_TYPES

# Services that the endpoint leaves to moto, or answers outside of its kinds.
ANSWERED_ELSEWHERE = {
    "lambda": "local/functions.py runs the functions of a scenario",
    "logs": "moto keeps the log lines that the kinds write",
    "s3": "moto keeps the files that the kinds write",
    "sqs": "moto has the queues of Callback steps",
}
# What no step type makes by a call of its own.
MADE_BESIDES = {
    "sagemaker:CreateExperiment": "a job of any type may join an experiment (jobs/experiments.py)",
    "sagemaker:CreateTrial": "a job of any type may join a trial (jobs/experiments.py)",
}
LOOKS_AND_CHANGES = ("List", "Describe", "Delete", "Update", "AddTags")
"""How the actions begin that tests and users ask the endpoint for, to see or to change what steps have made."""


def calls() -> set[str]:
    return {call for step_type in STEP_TYPES.built_in for call in step_type.every_call}


def actions() -> set[str]:
    return {
        f"{service}:{action}"
        for service, handlers in services().items()
        for action, handler in handlers.items()
        if handler is not not_implemented
    }


def test_every_call_of_a_step_type_is_answered() -> None:
    left = {call for call in calls() - actions() if call.partition(":")[0] not in ANSWERED_ELSEWHERE}
    assert left == set()


def test_whatever_the_endpoint_makes_is_made_by_a_step_type() -> None:
    makes = {action for action in actions() if not action.partition(":")[2].startswith(LOOKS_AND_CHANGES)}
    assert makes - calls() == MADE_BESIDES.keys()


def test_no_reason_is_given_for_what_needs_none() -> None:
    assert ANSWERED_ELSEWHERE.keys() == {call.partition(":")[0] for call in calls() - actions()}
    assert actions() >= MADE_BESIDES.keys()
    assert not MADE_BESIDES.keys() & calls()
