"""The step caches of all Dags, for who has Airflow's database at hand: its command line and triggerer, not a task."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from airflow.models.asset import AssetModel
from airflow.models.asset_state_store import AssetStateStoreModel
from airflow.state import AssetScope, get_state_backend
from msgspec import Struct
from sqlalchemy import or_, select

from airflow_sm_pipelines.cache.store import NAME_PREFIX, URI_PREFIX, entry_key, read_index

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy.orm import Session

# A result is written first, and its step's index then.
TIME_TO_LIST = timedelta(hours=1)


class Kept(Struct, frozen=True):
    """One cached result: of which step, of which run, since when, and by which key in the state of which asset.

    ``dag_id`` is the Dag's, and behind it and a slash the task group's where that is the pipeline.
    """

    dag_id: str
    step: str
    run_id: str | None
    since: datetime
    asset_id: int
    key: str


def list_kept(session: Session, dag_id: str | None = None, step: str | None = None) -> Iterator[Kept]:
    """The cached results of all Dags, of one, or of one step of it, by Dag, step and time."""
    name = AssetModel.name.startswith(NAME_PREFIX)
    if dag_id is not None:
        # That of a Dag's task group is called by both.
        name = or_(AssetModel.name == _name(dag_id), AssetModel.name.startswith(f"{_name(dag_id)}/", autoescape=True))
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


def forget_unlisted(session: Session) -> int:
    """Forget results that their step's index does not list; returns how many there were.

    Where steps end at once, one may replace the index that another has just written: the result that was lost from it
    would be found for ever, and never be dropped.
    """
    rows = session.execute(
        select(AssetStateStoreModel.asset_id, AssetStateStoreModel.key)
        .join(AssetModel, AssetModel.id == AssetStateStoreModel.asset_id)
        .where(
            AssetModel.name.startswith(NAME_PREFIX),
            AssetModel.uri.startswith(URI_PREFIX),
            AssetStateStoreModel.key.contains("/"),
            AssetStateStoreModel.updated_at < datetime.now(UTC) - TIME_TO_LIST,
        )
    ).all()
    unlisted = []
    for step, keys in _by_step(rows).items():
        index = _index(session, *step)
        if index is not None:
            unlisted += [(step[0], entry_key(step[1], key)) for key in keys if key not in index]
    backend = get_state_backend()
    for asset_id, key in unlisted:
        backend.delete(AssetScope(asset_id=asset_id), key, session=session)
    return len(unlisted)


def _by_step(rows: Iterable[tuple[int, str]]) -> dict[tuple[int, str], list[str]]:
    found: dict[tuple[int, str], list[str]] = {}
    for asset_id, stored_key in rows:
        step, _, key = stored_key.partition("/")
        found.setdefault((asset_id, step), []).append(key)
    return found


def _index(session: Session, asset_id: int, step: str) -> dict[str, float] | None:
    """What a step's index lists; None where it cannot be read."""
    row = session.get(AssetStateStoreModel, (asset_id, step))
    if row is None:
        return {}
    stored = json.loads(row.value)
    # A state backend of the workers' own leaves no more than a reference here.
    index = read_index(stored)
    return index if isinstance(stored, dict) and len(index) == len(stored) else None


def _run_id(row: AssetStateStoreModel) -> str | None:
    stored = json.loads(row.value)
    # A state backend of the workers' own leaves no more than a reference here.
    return stored.get("run_id") if isinstance(stored, dict) else None


def _name(dag_id: str) -> str:
    return f"{NAME_PREFIX}{quote(dag_id)}"
