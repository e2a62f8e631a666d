"""Airflow's table of what tasks keep, by the names that its columns have in this version."""

from __future__ import annotations

from typing import Any

from airflow.models.task_state_store import TaskStateStoreModel as Stored

# Since Airflow 3.4 a task of a mapped group can have an index in each of several regions.
stored_map_index: Any = next(getattr(Stored, name) for name in ("map_index", "region_index") if hasattr(Stored, name))

__all__ = ["Stored", "stored_map_index"]
