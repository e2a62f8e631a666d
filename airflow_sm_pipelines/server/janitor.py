"""The triggerer looks, now and then, for pools and cached results that nothing needs any more, and removes them."""

from __future__ import annotations

import logging
from typing import Any

from airflow.listeners import hookimpl

from airflow_sm_pipelines.server.periodic import watch

log = logging.getLogger(__name__)


@hookimpl
def on_starting(component: Any) -> None:
    watch(component, tidy, option="janitor_interval")


def tidy() -> None:
    """Remove the pools and the cached results that nothing needs."""
    from airflow.utils.session import create_session

    from airflow_sm_pipelines.cache.admin import forget_unlisted
    from airflow_sm_pipelines.server.unneeded_pools import remove_unneeded

    with create_session(scoped=False) as session:
        removed = remove_unneeded(session)
    if removed:
        log.info("Removed pools that nothing needs any more: %s", ", ".join(removed))
    with create_session(scoped=False) as session:
        forgotten = forget_unlisted(session)
    if forgotten:
        log.info("Forgot %d cached results that were in no step's index", forgotten)
