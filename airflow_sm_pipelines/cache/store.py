"""Where the step cache is kept: in Airflow's ``asset_state_store``, of one asset for each Dag, or task group, that is a
pipeline.

It is in Airflow's database, all workers reach it through the API, it does not belong to a run, and a write is one row
that replaces another. XCom of earlier runs was the other choice: it is found by logical date, so that a backfill
or a run without one would miss the newest result, and it goes with its run. Variables are read through
every secrets backend and stand among the user's own.

The asset is an inlet of the tasks that cache: an inlet gives access, and makes no asset events as an outlet would.
Each result has a key of its own, ``<step>/<key>``, so none is lost where two steps end at once; the last of two under
one key stays. ``<step>`` itself holds the index by which old ones are found and dropped. Where two steps
write the index at once, one may be left out of it: it looks, and writes again. What is left out all the same is found
until the triggerer forgets it (:func:`airflow_sm_pipelines.cache.admin.forget_unlisted`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow_sm_pipelines.cache.entry import CacheEntry, kept

if TYPE_CHECKING:
    from airflow.sdk import Asset
    from airflow.sdk.execution_time.context import AssetStateStoreAccessor

    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.place import Place

NAME_PREFIX = "SageMaker step cache of "
URI_PREFIX = "x-sagemaker-step-cache://"
GROUP = "sagemaker-step-cache"
# How often an index is written where others write it at the same time.
MAX_WRITES = 3


def cache_name(dag_id: str, group_id: str | None = None) -> str:
    """What a cache is called by: no id has a slash."""
    return quote(dag_id) if group_id is None else f"{quote(dag_id)}/{quote(group_id)}"


def cache_asset(place: Place) -> Asset:
    """The asset whose state is the cache of a pipeline."""
    from airflow.sdk import Asset

    name = cache_name(place.dag_id, place.group_id)
    return Asset(name=f"{NAME_PREFIX}{name}", uri=f"{URI_PREFIX}{name}/", group=GROUP)


def entry_key(step: str, key: str) -> str:
    return f"{step}/{key}"


def read_index(stored: Json) -> dict[str, float]:
    """The times of a step's results by their keys."""
    if not isinstance(stored, dict):
        return {}
    return {key: float(time) for key, time in stored.items() if isinstance(time, int | float)}


class StepCache:
    """The cached results of one step."""

    def __init__(self, store: AssetStateStoreAccessor, step: str) -> None:
        self._store = store
        self._step = step

    def get(self, key: str) -> CacheEntry | None:
        """The result that came about last under a key."""
        return CacheEntry.from_json(self._store.get(entry_key(self._step, key)))

    def newest(self) -> CacheEntry | None:
        """The result that came about last under any key."""
        index = self._index()
        return self.get(max(index, key=lambda key: index[key])) if index else None

    def put(self, key: str, entry: CacheEntry, *, oldest: float, limit: int) -> None:
        """Keep a result, and forget those older than ``oldest`` (epoch seconds) and all but the newest ``limit``."""
        self._store.set(entry_key(self._step, key), entry.to_json())
        for _ in range(MAX_WRITES):
            index = {**self._index(), key: entry.succeeded_at}
            remaining = kept(index, oldest, limit)
            self._store.set(self._step, dict(remaining))
            for forgotten in index.keys() - remaining.keys():
                self._store.delete(entry_key(self._step, forgotten))
            if key not in remaining or key in self._index():
                return

    def _index(self) -> dict[str, float]:
        return read_index(self._store.get(self._step))
