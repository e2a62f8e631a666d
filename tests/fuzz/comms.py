"""A trigger's line to Airflow: what it asks passes as msgpack, and is done in the database."""

from __future__ import annotations

import json
from typing import Any

from airflow.models.xcom import XComModel
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import GetXCom, OKResponse, SetXCom, XComResult, _RequestFrame
from airflow.utils.session import create_session
from msgspec import msgpack
from sqlalchemy import select


class DatabaseComms:
    """As much of the supervisor as a trigger uses: it reads and writes XCom."""

    def send(self, message: Any) -> Any:
        asked = packed(message)
        where = {name: asked[name] for name in ("dag_id", "run_id", "task_id")}
        index = -1 if asked.get("map_index") is None else asked["map_index"]
        with create_session() as session:
            if isinstance(message, SetXCom):
                # It comes to the API server as JSON.
                value = json.loads(json.dumps(asked["value"], allow_nan=False))
                XComModel.set(asked["key"], value, **where, map_index=index, serialize=False, session=session)
                return OKResponse(ok=True)
            assert isinstance(message, GetXCom)
            query = select(XComModel).filter_by(key=asked["key"], map_index=index, **where)
            row = session.scalar(query)
            found = XComResult(key=asked["key"], value=None if row is None else row.value)
        packed(found)
        return found


def packed(message: Any) -> Any:
    """A message as the process on the other side gets it."""
    frame = _RequestFrame(id=0, body=message.model_dump()).as_bytes()
    return msgpack.decode(memoryview(frame)[4:], type=_RequestFrame).body


def connect() -> None:
    """Let BaseXCom and the like speak to the database from now on."""
    task_runner.SUPERVISOR_COMMS = DatabaseComms()  # type: ignore[assignment]
