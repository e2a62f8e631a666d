"""The old place of :mod:`airflow_sm_pipelines.callbacks.trigger`."""

from airflow_sm_pipelines.callbacks.trigger import CallbackTrigger

__all__ = ["CallbackTrigger"]
