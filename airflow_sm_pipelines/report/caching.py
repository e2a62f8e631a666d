"""What a step's CacheConfig comes to, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import fields

from airflow_sm_pipelines.definition.durations import parse_duration
from airflow_sm_pipelines.report.model import Item, Status
from airflow_sm_pipelines.report.readable import readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_sm_pipelines.definition.model import CacheConfig, Step
    from airflow_sm_pipelines.step_types.step_type import StepType

ALL_ARGUMENTS = "all Arguments"


def duration_in_words(text: str) -> str:
    """``30 days``, or ``1 month, 12 hours``: so that P30M is not taken for minutes."""
    duration = parse_duration(text)
    amounts = [(getattr(duration, unit.name), unit.name) for unit in fields(duration)]
    parts = [f"{amount} {unit if amount != 1 else unit.removesuffix('s')}" for amount, unit in amounts if amount]
    return ", ".join(parts) or "no time at all"


def key_in_words(known: StepType) -> tuple[str, ...]:
    """The attributes that must be equal for a result to be reused."""
    return (*(known.cache_key.arguments or (ALL_ARGUMENTS,)), *known.cache_key.settings)


def cache_item(step: Step, cache: CacheConfig, known: StepType | None) -> Item:
    """What became of the key CacheConfig."""
    path = f"{step.path}.CacheConfig"
    if cache.enabled is False:
        return Item(path, Status.HANDLED, "off")
    if known is None or not known.cached:
        return Item(path, Status.IGNORED, f"results of {step.type} steps are not reused: the step always runs")
    if cache.expire_after is None:
        return Item(path, Status.IGNORED, "without ExpireAfter no result is young enough: the step always runs")
    return Item(path, Status.HANDLED, f"{_when(cache)}, where these are equal: {', '.join(key_in_words(known))}")


def describe_cache(step: Step, known: StepType | None) -> Iterator[str]:
    """The lines of the paragraph about a step."""
    cache = step.cache
    if cache is None or cache.enabled is False or cache.expire_after is None or known is None or not known.cached:
        yield "off"
        return
    yield _when(cache)
    yield f"equal must be {', '.join(key_in_words(known))}"


def _when(cache: CacheConfig) -> str:
    condition = "" if cache.enabled is True else f"if {readable(cache.enabled)}, "
    return f"{condition}a result up to {duration_in_words(cache.expire_after or '')} old is reused"
