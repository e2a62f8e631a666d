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

OF_A_TRY = (
    "airflow.sdk.execution_time.task_runner",
    "airflow_sm_pipelines.aws.access",
    "airflow_sm_pipelines.cache.reuse",
    "airflow_sm_pipelines.cache.store",
    "airflow_sm_pipelines.expressions.scope",
    "airflow_sm_pipelines.jobs.job_run",
    "airflow_sm_pipelines.jobs.lifecycle",
    "airflow_sm_pipelines.jobs.trigger",
    "airflow_sm_pipelines.operators.cache_link",
    "airflow_sm_pipelines.operators.concurrency_limit",
    "airflow_sm_pipelines.operators.job_signals",
    "airflow_sm_pipelines.operators.life",
    "airflow_sm_pipelines.operators.openlineage",
    "airflow_sm_pipelines.operators.resolving",
    "airflow_sm_pipelines.operators.run_parameters",
    "airflow_sm_pipelines.operators.stop_note",
    "airflow_sm_pipelines.operators.task_ports",
    "boto3",
)
"""What an operator imports when its task begins, with what that imports."""

for needed in ("airflow_sm_pipelines.loader", "airflow_sm_pipelines.report.dag_docs", *OF_A_TRY):
    import_module(needed)

# A step type that a user has registered may do anything as it is imported: that stays in the tasks' processes.
for step_type in STEP_TYPES.built_in:
    operator_of(step_type)
