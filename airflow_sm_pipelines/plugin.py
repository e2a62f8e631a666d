"""What this package adds to Airflow itself: the endpoint at which workers answer Callback steps, and listeners.

Every process of Airflow loads it, so what it adds is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

from airflow_sm_pipelines.server import janitor, orphan_jobs, pool_listener, resume_priority
from airflow_sm_pipelines.settings import setting

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

URL_PREFIX = "/aws"


async def callback_api(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application of the endpoint."""
    from airflow_sm_pipelines.server.callback_door import app

    await app()(scope, receive, send)


def _apps() -> list[dict[str, Any]]:
    if not setting("callback_endpoint"):
        return []
    return [{"name": "sagemaker-callbacks", "app": callback_api, "url_prefix": URL_PREFIX}]


class SageMakerPipelinesPlugin(AirflowPlugin):
    """The provider's plugin."""

    name = "sagemaker_pipelines"
    fastapi_apps = _apps()
    listeners = [pool_listener, resume_priority, janitor, orphan_jobs]
