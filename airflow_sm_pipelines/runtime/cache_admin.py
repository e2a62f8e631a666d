"""The step caches of all Dags, for who has Airflow's database at hand: its command line, not a task."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from airflow.models.asset import AssetModel
from airflow.models.asset_state_store import AssetStateStoreModel
from airflow.state import AssetScope, get_state_backend
from sqlalchemy import select

from airflow_sm_pipelines.runtime.cache_store import NAME_PREFIX, URI_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Kept:
    """One cached result: of which step, of which run, since when, and by which key in the state of which asset."""

    dag_id: str
    step: str
    run_id: str | None
    since: datetime
    asset_id: int
    key: str


def list_kept(session: Session, dag_id: str | None = None, step: str | None = None) -> Iterator[Kept]:
    """The cached results of all Dags, of one, or of one step of it, by Dag, step and time."""
    name = AssetModel.name.startswith(NAME_PREFIX) if dag_id is None else AssetModel.name == _name(dag_id)
    query = (
        select(AssetModel.name, AssetStateStoreModel)
        .join(AssetStateStoreModel, AssetStateStoreModel.asset_id == AssetModel.id)
        .where(name, AssetModel.uri.startswith(URI_PREFIX))
        .order_by(AssetModel.name, AssetStateStoreModel.updated_at, AssetStateStoreModel.key)
    )
    rows = [
        Kept(
            unquote(asset.removeprefix(NAME_PREFIX)),
            row.key.partition("/")[0],
            _run_id(row),
            row.updated_at,
            row.asset_id,
            row.key,
        )
        for asset, row in session.execute(query)
        if "/" in row.key
    ]
    chosen = [kept for kept in rows if step is None or kept.step == step]
    yield from sorted(chosen, key=lambda kept: (kept.dag_id, kept.step))


def forget(session: Session, dag_id: str | None = None, step: str | None = None) -> int:
    """Forget cached results, of all Dags, of one, or of one step of it; returns how many there were."""
    backend, forgotten = get_state_backend(), list(list_kept(session, dag_id, step))
    for kept in forgotten:
        backend.delete(AssetScope(asset_id=kept.asset_id), kept.key, session=session)
    for asset_id, name in {(kept.asset_id, kept.step) for kept in forgotten}:
        # The step's index.
        backend.delete(AssetScope(asset_id=asset_id), name, session=session)
    return len(forgotten)


def _run_id(row: AssetStateStoreModel) -> str | None:
    stored = json.loads(row.value)
    # A state backend of the workers' own leaves no more than a reference here.
    return stored.get("run_id") if isinstance(stored, dict) else None


def _name(dag_id: str) -> str:
    return f"{NAME_PREFIX}{quote(dag_id)}"
