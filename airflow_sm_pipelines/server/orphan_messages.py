"""Taking back the message of a Callback step whose task has ended without telling its workers."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from airflow.utils.sqlalchemy import with_row_locks
from sqlalchemy import select

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.callbacks.message import AnswerSlot, AnswerState
from airflow_sm_pipelines.callbacks.stopping import send_stopping
from airflow_sm_pipelines.callbacks.store import MESSAGE_STORE_KEY, SentMessage
from airflow_sm_pipelines.server.stored_state import Stored, stored_map_index
from airflow_sm_pipelines.server.stored_xcom import write_slot

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_sm_pipelines.server.orphan_rows import Orphan

log = logging.getLogger(__name__)


def take_back(orphan: Orphan) -> None:
    """Tell the workers that the step is stopping, unless they know it or have answered.

    The record is held meanwhile: another triggerer passes it over, and sends nothing.

    :raises UnsealError: where another key has sealed the message
    :raises ClientError, BotoCoreError: when the message cannot be sent; all is then as it was
    """
    with create_session(scoped=False) as session:
        mine = select(Stored).where(Stored.id == orphan.row, Stored.value == orphan.text)
        held = session.scalar(with_row_locks(mine, session, skip_locked=True, of=Stored))
        if held is None:
            return
        sent = _sent(session, orphan)
        if sent is not None:
            _send_stopping(session, orphan, sent)
        held.value = orphan.closed_text


def _sent(session: Session, orphan: Orphan) -> SentMessage | None:
    text = session.scalar(
        select(Stored.value).where(
            Stored.dag_id == orphan.dag_id,
            Stored.run_id == orphan.run_id,
            Stored.task_id == orphan.task_id,
            stored_map_index == orphan.map_index,
            Stored.key == MESSAGE_STORE_KEY,
        )
    )
    sent = None if text is None else SentMessage.from_json(json.loads(text))
    return sent if sent is not None and sent.attempt == orphan.record.token else None


def _send_stopping(session: Session, orphan: Orphan, sent: SentMessage) -> None:
    place = AnswerSlot(sent.digest, orphan.dag_id, orphan.run_id, orphan.task_id, orphan.map_index)
    slot = session.scalar(select(XComModel).filter_by(**place.address))
    held = None if slot is None else AnswerState.found_in(slot.value)
    if held is not None and held.state != "waiting":
        return

    def leave(stopping: AnswerState) -> None:
        # Its worker, who may answer at once, then waits for this session to end.
        if slot is None:
            # A try that began, and came no further, has emptied it.
            XComModel.set(value=stopping.to_text(), serialize=False, session=session, **place.address)
        else:
            write_slot(slot, stopping.to_text(), session)
        session.flush()

    send_stopping(sent.message, AwsAccess(**orphan.record.stop_target["access"]), leave)
    log.warning("The workers of %s, which has ended, were told that it is stopping", orphan.task)
