"""Opening an asynchronous client without holding the event loop up."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_sm_pipelines.aws.hook import StepHook


async def opened_client(hook: StepHook, closing: AsyncExitStack) -> Any:
    """A new client of a hook's service, which ``closing`` closes.

    The hook reads the connection, and assumes its role, in a thread. What botocore then does to make a client (it reads
    the service's model, and finds credentials) is done by aiobotocore within the event loop. Here it is done in that of
    a thread, which ends with it: a client is bound to a loop only when it makes its first call.
    """
    opening = await hook.get_async_conn()
    client = await asyncio.to_thread(lambda: asyncio.run(opening.__aenter__()))
    closing.push_async_exit(opening)
    return client
