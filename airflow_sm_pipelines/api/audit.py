"""Airflow's audit log of what the API has changed: who, with which access key, what."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from airflow.models.log import Log

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_sm_pipelines.api.caller import Caller

EVENT_PREFIX = "sagemaker."
MAX_EVENT_LENGTH = 60


def record_change(
    session: Session,
    caller: Caller,
    operation: str,
    *,
    dag_id: str | None = None,
    run_id: str | None = None,
    **more: str | list[str] | None,
) -> None:
    """Add an entry to the audit log, in the transaction of the change.

    The event is ``sagemaker.`` and the operation, the owner is the key's user, and the extra has the id of the key.

    :param more: what else is recorded, such as the names of parameters. Not their values: the log is shown
    """
    recorded = {name: value for name, value in more.items() if value is not None}
    extra = json.dumps({"access_key_id": caller.access_key_id, **recorded})
    event = f"{EVENT_PREFIX}{operation}"[:MAX_EVENT_LENGTH]
    session.add(
        Log(event, owner=caller.user, owner_display_name=caller.user, extra=extra, dag_id=dag_id, run_id=run_id)
    )
