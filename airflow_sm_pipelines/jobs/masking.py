"""Which names Airflow's masker deems those of secrets."""

from __future__ import annotations

from functools import cache

from airflow.sdk.log import redact  # type: ignore[attr-defined] # the masker has no public look-up by name

PROBE = "a value that no one keeps secret"


@cache
def is_sensitive(name: str) -> bool:
    """Whether a value of this name is masked in Airflow's log and UI."""
    masked = redact({name: PROBE})
    return not isinstance(masked, dict) or masked.get(name) != PROBE
