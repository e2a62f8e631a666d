"""The old place of :mod:`airflow_sm_pipelines.jobs.trigger`."""

from airflow_sm_pipelines.jobs.trigger import JobTrigger

__all__ = ["JobTrigger"]
