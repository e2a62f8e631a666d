"""The settings of a deployment: Airflow's config section ``[sagemaker_pipelines]``.

Each can be given as ``AIRFLOW__SAGEMAKER_PIPELINES__<OPTION>``; an argument of :class:`SageMakerPipelineDag` wins.
They are described for Airflow in :mod:`airflow_sm_pipelines.provider_info`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

SECTION = "sagemaker_pipelines"

UnsupportedSteps = Literal["error", "placeholder"]
UnsupportedKeys = Literal["error", "warn"]


@dataclass(frozen=True, slots=True)
class Settings:
    """``poll_interval``, ``poll_interval_max`` and ``callback_timeout`` are seconds; ``aws_max_attempts`` counts the
    calls of one request.
    """

    aws_conn_id: str | None
    region_name: str | None
    role_arn: str | None
    deferrable: bool
    poll_interval: float
    poll_interval_max: float
    aws_retry_mode: str
    aws_max_attempts: int
    worker_deaths: int
    callback_reply_queue_url: str | None
    callback_timeout: float
    unsupported_steps: UnsupportedSteps
    unsupported_keys: UnsupportedKeys


def read_settings() -> Settings:
    """The settings now in force.

    :raises ValueError: for an option whose value is not one of its choices, naming the option
    """
    from airflow.sdk.configuration import conf

    def text(option: str) -> str | None:
        value: str | None = conf.get(SECTION, option, fallback=None)
        return value or None

    def choice(option: str, choices: tuple[str, ...]) -> str:
        value = text(option) or choices[0]
        if value not in choices:
            raise ValueError(f"[{SECTION}] {option} = {value!r} is none of {', '.join(choices)}")
        return value

    return Settings(
        aws_conn_id=conf.get(SECTION, "aws_conn_id", fallback="aws_default") or None,
        region_name=text("region_name"),
        role_arn=text("role_arn"),
        deferrable=conf.getboolean(SECTION, "deferrable", fallback=True),
        poll_interval=conf.getfloat(SECTION, "poll_interval", fallback=30.0),
        poll_interval_max=conf.getfloat(SECTION, "poll_interval_max", fallback=300.0),
        aws_retry_mode=choice("aws_retry_mode", ("standard", "adaptive", "legacy")),
        aws_max_attempts=conf.getint(SECTION, "aws_max_attempts", fallback=5),
        worker_deaths=conf.getint(SECTION, "worker_deaths", fallback=3),
        callback_reply_queue_url=text("callback_reply_queue_url"),
        callback_timeout=conf.getfloat(SECTION, "callback_timeout", fallback=604800.0),
        unsupported_steps=cast("UnsupportedSteps", choice("unsupported_steps", ("error", "placeholder"))),
        unsupported_keys=cast("UnsupportedKeys", choice("unsupported_keys", ("warn", "error"))),
    )
