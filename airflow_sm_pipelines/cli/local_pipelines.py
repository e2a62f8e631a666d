"""Pipelines that run, for the local endpoint of the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from airflow_sm_pipelines.cli.run import LOCAL_POLL_SECONDS, given_settings, plugins_folder

if TYPE_CHECKING:
    from airflow_sm_pipelines.local_pipelines.service import LocalPipelines


def make_pipelines(endpoint: str, read_object: Callable[[str, str], bytes | None]) -> LocalPipelines:
    """The API of pipelines for an endpoint, with the settings of the deployment whose command line this is."""
    from airflow_sm_pipelines.local_pipelines.service import LocalPipelines

    settings = {**given_settings(), "poll_interval": LOCAL_POLL_SECONDS}
    return LocalPipelines(endpoint, read_object, {"settings": settings, "plugins": plugins_folder()})
