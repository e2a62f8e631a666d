"""Taking back the message of a Callback step whose task has ended without telling its workers."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from airflow.models.task_state_store import TaskStateStoreModel as Stored
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from airflow.utils.sqlalchemy import with_row_locks
from sqlalchemy import select

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.callbacks.message import Letter, Mailbox
from airflow_sm_pipelines.callbacks.stopping import tell_stopping
from airflow_sm_pipelines.callbacks.store import SENDING_STORE_KEY, Sending

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_sm_pipelines.server.orphan_rows import Unowned

log = logging.getLogger(__name__)


def take_back(unowned: Unowned) -> None:
    """Tell the workers that the step is stopping, unless they have been told or have answered.

    The record is held meanwhile: another triggerer passes it over, and sends nothing.

    :raises UnsealError: where another key has sealed the message
    :raises ClientError, BotoCoreError: when the message cannot be sent; all is then as it was
    """
    with create_session(scoped=False) as session:
        mine = select(Stored).where(Stored.id == unowned.row, Stored.value == unowned.text)
        held = session.scalar(with_row_locks(mine, session, skip_locked=True, of=Stored))
        if held is None:
            return
        sending = _sending(session, unowned)
        if sending is not None:
            _tell_stopping(session, unowned, sending)
        held.value = unowned.closed_text


def _sending(session: Session, unowned: Unowned) -> Sending | None:
    text = session.scalar(
        select(Stored.value).where(
            Stored.dag_id == unowned.dag_id,
            Stored.run_id == unowned.run_id,
            Stored.task_id == unowned.task_id,
            Stored.map_index == unowned.map_index,
            Stored.key == SENDING_STORE_KEY,
        )
    )
    sending = None if text is None else Sending(**json.loads(text))
    return sending if sending is not None and sending.attempt == unowned.record.token else None


def _tell_stopping(session: Session, unowned: Unowned, sending: Sending) -> None:
    place = Mailbox(sending.digest, unowned.dag_id, unowned.run_id, unowned.task_id, unowned.map_index)
    mailbox = session.scalar(select(XComModel).filter_by(**place.address))
    letter = None if mailbox is None else Letter.found_in(mailbox.value)
    if letter is not None and letter.state != "waiting":
        return

    def leave(stopping: Letter) -> None:
        # Its worker, who may answer at once, then waits for this session to end.
        if mailbox is None:
            # A try that began, and came no further, has emptied it.
            XComModel.set(value=stopping.to_text(), serialize=False, session=session, **place.address)
        else:
            mailbox.value = stopping.to_text()
        session.flush()

    tell_stopping(sending.notice, AwsAccess(**unowned.record.stop_target["access"]), leave)
    log.warning("The workers of %s, which has ended, were told that it is stopping", unowned.task)
