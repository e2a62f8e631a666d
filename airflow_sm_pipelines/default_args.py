"""The default_args that count for a step's task in a way of their own: what they say, and which values they take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from airflow_sm_pipelines.definition.limits import MAX_LOST_TRIES
from airflow_sm_pipelines.jobs import retry_decision

if TYPE_CHECKING:
    from airflow_sm_pipelines.settings import Settings

# Far more than anybody waits, and far less than what no date can have added.
MAX_PAUSE = timedelta(days=365)


def default_args_of(given: object, *, deferrable: bool | None) -> dict[str, Any]:
    """The default_args that hold: an explicit ``deferrable`` of the Dag wins over theirs.

    What is no mapping has none; ``check_default_args`` reports it.
    """
    found = dict(given) if isinstance(given, Mapping) else {}
    if deferrable is not None:
        found.pop("deferrable", None)
    return found


def settings_with(settings: Settings, default_args: Mapping[str, Any]) -> Settings:
    """The deployment's settings with those that default_args give in Airflow's words."""
    lost, region = default_args.get("retries"), default_args.get("region_name")
    return replace(
        settings,
        aws_conn_id=default_args.get("aws_conn_id", settings.aws_conn_id),
        region_name=region or settings.region_name,
        max_lost_tries=settings.max_lost_tries if lost is None else lost,
    )


def lost_try_delay(default_args: Mapping[str, Any]) -> timedelta:
    """The pause after a lost try."""
    given = default_args.get("retry_delay")
    if isinstance(given, timedelta):
        return given
    return timedelta(seconds=retry_decision.LOST_TRY_DELAY_SECONDS if given is None else given)


def _no_count(value: object) -> str | None:
    # None is Airflow's word for its own default.
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_LOST_TRIES):
        return None
    return f"and not a whole number from 0 to {MAX_LOST_TRIES}: how many tries may be lost to workers that died"


def _no_pause(value: object) -> str | None:
    if value is None or (isinstance(value, timedelta) and timedelta(0) <= value <= MAX_PAUSE):
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and 0 <= value <= MAX_PAUSE.total_seconds():  # type: ignore[operator] # it is one
        return None
    return (
        f"and neither a timedelta nor a number of seconds, of {MAX_PAUSE.days} days at most: the pause after a try"
        " whose worker died"
    )


def _no_name(value: object) -> str | None:
    return None if value is None or (isinstance(value, str) and value) else "and no name"


def _anything(value: object) -> str | None:  # noqa: ARG001 # of the table's form
    return None


VALUE_CHECKS: Mapping[str, Callable[[object], str | None]] = MappingProxyType(
    {
        "retries": _no_count,
        "retry_delay": _no_pause,
        "region_name": _no_name,
        # An empty one is botocore's own chain of credentials, as in the settings.
        "aws_conn_id": lambda value: None if value is None or isinstance(value, str) else "and no name",
        "botocore_config": lambda value: None if value is None or isinstance(value, Mapping) else "and no mapping",
        # What limits a pipeline stands there in the Dag that Airflow keeps (pools.py).
        "max_parallel_execution_steps": _anything,
    }
)
"""What is wrong with the values of the default_args that count in a way of their own, None for nothing."""
