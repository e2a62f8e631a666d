"""The settings of a deployment: Airflow's config section ``[sagemaker_pipelines]``.

Each can be given as ``AIRFLOW__SAGEMAKER_PIPELINES__<OPTION>``; an argument of :class:`SageMakerPipelineDag` wins.
They are described for Airflow in :mod:`airflow_sm_pipelines.provider_info`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

SECTION = "sagemaker_pipelines"

UnsupportedSteps = Literal["error", "placeholder"]
UnsupportedKeys = Literal["error", "warn"]


class Assets(Enum):
    """Which outlets the tasks have."""

    NONE = "none"
    MODELS = "models"
    OUTPUTS = "outputs"
    ALL = "all"

    @property
    def models(self) -> bool:
        return self in (Assets.MODELS, Assets.ALL)

    @property
    def outputs(self) -> bool:
        return self in (Assets.OUTPUTS, Assets.ALL)


@dataclass(frozen=True, slots=True)
class Settings:
    """``poll_interval``, ``poll_interval_max``, ``stopping_slack`` and ``callback_timeout`` are seconds;
    ``aws_max_attempts`` counts the calls of one request.
    """

    aws_conn_id: str | None
    region_name: str | None
    role_arn: str | None
    deferrable: bool
    poll_interval: float
    poll_interval_max: float
    stopping_slack: float
    log_tail_lines: int
    aws_retry_mode: str
    aws_max_attempts: int
    worker_deaths: int
    parallelism: int
    job_tags: bool
    extra_job_tags: Mapping[str, str]
    experiments: bool
    assets: Assets
    cache: bool
    cache_entries: int
    callback_reply_queue_url: str | None
    callback_timeout: float
    unsupported_steps: UnsupportedSteps
    unsupported_keys: UnsupportedKeys

    def __str__(self) -> str:
        # A mapped task's arguments stand in the serialized Dag as their text.
        return f"[{SECTION}]"


def read_settings() -> Settings:
    """The settings now in force.

    :raises ValueError: for an option whose value is not one of its choices, naming the option
    """
    from airflow.sdk.configuration import conf

    # Airflow looks for each option in half a dozen places, which for a small Dag takes as long as its tasks.
    return _read(tuple(sorted((conf.getsection(SECTION) or {}).items())))


@lru_cache(maxsize=4)
def _read(_given: tuple[tuple[str, object], ...]) -> Settings:
    """The settings while these options are given."""
    from airflow.sdk.configuration import conf

    def text(option: str) -> str | None:
        value: str | None = conf.get(SECTION, option, fallback=None)
        return value or None

    def choice(option: str, choices: tuple[str, ...]) -> str:
        value = text(option) or choices[0]
        if value not in choices:
            raise ValueError(f"[{SECTION}] {option} = {value!r} is none of {', '.join(choices)}")
        return value

    def tags() -> Mapping[str, str]:
        given = conf.getjson(SECTION, "extra_job_tags", fallback=None) or {}
        if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
            raise ValueError(f"[{SECTION}] extra_job_tags = {given!r} is no JSON object with texts as values")
        return MappingProxyType(given)

    return Settings(
        aws_conn_id=conf.get(SECTION, "aws_conn_id", fallback="aws_default") or None,
        region_name=text("region_name"),
        role_arn=text("role_arn"),
        deferrable=conf.getboolean(SECTION, "deferrable", fallback=True),
        poll_interval=conf.getfloat(SECTION, "poll_interval", fallback=30.0),
        poll_interval_max=conf.getfloat(SECTION, "poll_interval_max", fallback=300.0),
        stopping_slack=conf.getfloat(SECTION, "stopping_slack", fallback=3600.0),
        log_tail_lines=conf.getint(SECTION, "log_tail_lines", fallback=30),
        aws_retry_mode=choice("aws_retry_mode", ("standard", "adaptive", "legacy")),
        aws_max_attempts=conf.getint(SECTION, "aws_max_attempts", fallback=5),
        worker_deaths=conf.getint(SECTION, "worker_deaths", fallback=3),
        parallelism=conf.getint(SECTION, "parallelism", fallback=0),
        job_tags=conf.getboolean(SECTION, "job_tags", fallback=True),
        extra_job_tags=tags(),
        experiments=conf.getboolean(SECTION, "experiments", fallback=True),
        cache=conf.getboolean(SECTION, "cache", fallback=True),
        cache_entries=conf.getint(SECTION, "cache_entries", fallback=50),
        assets=Assets(choice("assets", tuple(each.value for each in Assets))),
        callback_reply_queue_url=text("callback_reply_queue_url"),
        callback_timeout=conf.getfloat(SECTION, "callback_timeout", fallback=604800.0),
        unsupported_steps=cast("UnsupportedSteps", choice("unsupported_steps", ("error", "placeholder"))),
        unsupported_keys=cast("UnsupportedKeys", choice("unsupported_keys", ("warn", "error"))),
    )
