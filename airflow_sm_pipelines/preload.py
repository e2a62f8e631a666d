"""Import what a task's process needs before it is forked: ``import airflow_sm_pipelines.preload``.

Airflow's workers fork a process for each task. What the process that they fork from has imported, none of them imports
again: that is a third of a second of the processor for each step, twice where it is deferred. The scheduler imports
this module by itself where LocalExecutor runs the tasks (:mod:`airflow_sm_pipelines.server.preloading`); a Celery
worker does where its configuration names it (docs/operations.md).
"""

from __future__ import annotations

from importlib import import_module

from airflow_sm_pipelines.operators.registry import operator_of
from airflow_sm_pipelines.step_types import STEP_TYPES

__all__: list[str] = []

for needed in (
    "airflow.sdk.execution_time.task_runner",
    "airflow_sm_pipelines.loader",
    "airflow_sm_pipelines.report.dag_docs",
    "boto3",
):
    import_module(needed)

# A step type that a user has registered may do anything as it is imported: that stays in the tasks' processes.
for step_type in STEP_TYPES.built_in:
    operator_of(step_type)
