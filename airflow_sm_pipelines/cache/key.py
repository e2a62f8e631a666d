"""By what an earlier result of a step is found again: digests of the attributes that decide it (semantics 8).

Values enter as they are resolved, S3 URIs by name. Only digests leave, so no secret does.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from airflow_sm_pipelines.step_types.member_paths import member_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.settings import Settings
    from airflow_sm_pipelines.step_types.step_type import StepType

DIGEST_LENGTH = 32


def may_cache(step_type: StepType | None, step: Step, settings: Settings) -> bool:
    """Whether results of a step may be reused: what its CacheConfig, its type and the deployment say of it."""
    config = step.cache
    if step_type is None or not step_type.cached or config is None or not settings.cache:
        return False
    return config.enabled is not False and config.expire_after is not None


def key_attributes(
    step_type: StepType, arguments: Mapping[str, Json], settings: Mapping[str, Json]
) -> Iterator[tuple[str, Json]]:
    """The attributes of the type's key that a step has, each with its path.

    ``arguments`` and ``settings`` are the resolved Arguments and keys beside them. What is absent, or null, is no
    attribute. Where the type lists no members of Arguments, each of them is one.
    """
    of_arguments = step_type.cache_key.arguments
    found = ((path, member_at(arguments, path)) for path in of_arguments) if of_arguments else arguments.items()
    yield from ((path, value) for path, value in found if value is not None)
    for name in step_type.cache_key.settings:
        if settings.get(name) is not None:
            yield name, settings[name]


def digest(value: Json) -> str:
    """A digest of a JSON value, the same whatever the order of an object's members."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def key_of(step_type: str, attributes: Mapping[str, str]) -> str:
    """The key under which a result is kept: a digest of the step's type and of its attributes' digests."""
    return digest([step_type, dict(attributes)])


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The paths of the attributes whose digests are not the same."""
    return sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))
