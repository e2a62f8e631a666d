"""The ids of the tasks that run a step. A step's name has no dot, so that none of these can be another's."""

from __future__ import annotations

PARAMETERS_TASK = "pipeline.run.parameters"
"""The task that finds the values of a run's parameters, where templates or other tasks give them. It runs no step."""

OUTCOME = "pipeline.run.outcome"
"""The task that reports how a pipeline has ended, where there is one. It runs no step."""

BESIDE_STEPS = frozenset({PARAMETERS_TASK, OUTCOME})
"""The tasks of a pipeline that run no step."""

ITEMS, RESULT = "ForEach.items", "ForEach.result"


def items_task(loop: str) -> str:
    """The task that finds the items of a ForEach step."""
    return f"{loop}.{ITEMS}"


def result_task(loop: str) -> str:
    """The task that has the result of a ForEach step: what it comes to when all its children have ended."""
    return f"{loop}.{RESULT}"


def body_task(loop: str, step: str) -> str:
    """The task of a step in the body of a ForEach step; Airflow maps it over the items."""
    return f"{loop}.{step}"
