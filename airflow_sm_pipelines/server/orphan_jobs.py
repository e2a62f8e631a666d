"""The triggerer looks, now and then, for jobs that run on though their task has ended, and stops them."""

from __future__ import annotations

from typing import Any

from airflow.listeners import hookimpl

from airflow_sm_pipelines.server.periodic import watch


@hookimpl
def on_starting(component: Any) -> None:
    watch(component, stop_orphans, option="orphan_jobs_interval")


def stop_orphans() -> None:
    from airflow_sm_pipelines.server.jobs_in_flight import report_jobs_in_flight
    from airflow_sm_pipelines.server.orphan_sweep import sweep

    sweep()
    report_jobs_in_flight()
