"""What this package adds to Airflow itself: the endpoint at which workers answer Callback steps, the API
of pipelines, pages, and listeners.

Every process of Airflow loads it, so what it adds is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

from airflow_sm_pipelines.server import janitor, orphan_jobs, pool_listener, preloading, resume_priority
from airflow_sm_pipelines.settings import setting

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

URL_PREFIX = "/aws"
API_PREFIX = "/sagemaker-api"
PACE_PREFIX = "/sagemaker-pace"
PAGES_PREFIX = "/sagemaker-pipelines"


async def callback_api(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application of the endpoint."""
    from airflow_sm_pipelines.server.callback_door import app

    await app()(scope, receive, send)


async def pipelines_api(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application of SageMaker's API of pipelines."""
    from airflow_sm_pipelines.api.door import app

    await app()(scope, receive, send)


async def pace(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application that tells tasks when they may call AWS."""
    from airflow_sm_pipelines.server.pace_door import app

    await app()(scope, receive, send)


async def pages(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application of the pages on pipelines."""
    from airflow_sm_pipelines.server.pages.app import app

    await app()(scope, receive, send)


def _apps() -> list[dict[str, Any]]:
    apps: list[dict[str, Any]] = []
    if setting("callback_endpoint"):
        apps.append({"name": "sagemaker-callbacks", "app": callback_api, "url_prefix": URL_PREFIX})
    if setting("pipelines_api"):
        apps.append({"name": "sagemaker-pipelines-api", "app": pipelines_api, "url_prefix": API_PREFIX})
    if setting("pace"):
        apps.append({"name": "sagemaker-pace", "app": pace, "url_prefix": PACE_PREFIX})
    if setting("pages"):
        apps.append({"name": "sagemaker-pipeline-pages", "app": pages, "url_prefix": PAGES_PREFIX})
    return apps


class SageMakerPipelinesPlugin(AirflowPlugin):
    """The provider's plugin."""

    name = "sagemaker_pipelines"
    fastapi_apps = _apps()
    listeners = [pool_listener, resume_priority, janitor, orphan_jobs, preloading]
