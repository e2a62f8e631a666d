"""The settings of a deployment: Airflow's config section ``[sagemaker_pipelines]``.

Each can be given as ``AIRFLOW__SAGEMAKER_PIPELINES__<OPTION>``; an argument of :class:`SageMakerPipelineDag` wins.
:mod:`airflow_sm_pipelines.options` describes them.
"""

from __future__ import annotations

import difflib
import json
import logging
import math
import os
import re
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from airflow_sm_pipelines.definition.secret_names import WORDS, SecretNames, listed
from airflow_sm_pipelines.options import OPTIONS, PREFIX, SECTION, of_environment
from airflow_sm_pipelines.pace.rates import read_rates
from airflow_sm_pipelines.validation.allow_list import AllowList

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.scope import UnsupportedKeys, UnsupportedSteps
    from airflow_sm_pipelines.naming import DagIds
    from airflow_sm_pipelines.options import Option

log = logging.getLogger(__name__)

NAMES = {*OPTIONS, *(option.old_name for option in OPTIONS.values() if option.old_name)}

HandledFailures = Literal["fail", "succeed"]


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


PACED_BY_DEFAULT = {"CreateProcessingJob", "CreateTrainingJob"}
FOLDER = re.compile(r"s3://[^/]+(/|$)")


class SettingError(ValueError):
    """An option whose value cannot be used, or that does not exist. The message names it."""


class Settings(Struct, frozen=True):
    """``poll_interval``, ``poll_interval_max``, ``max_runtime_grace``, ``throttle_patience`` and ``callback_timeout``
    are seconds; ``aws_max_attempts`` counts the calls of one request.
    """

    aws_conn_id: str | None
    region_name: str | None
    role_arn: str | None
    deferrable: bool
    poll_interval: float
    poll_interval_max: float
    poll_by_list: bool
    job_events_queue_url: str | None
    max_runtime_grace: float
    log_tail_lines: int
    aws_retry_mode: str
    aws_max_attempts: int
    throttle_patience: float
    pace: tuple[str, ...]
    max_lost_tries: int
    parallelism: int
    job_tags: bool
    extra_job_tags: Mapping[str, str]
    experiments: bool
    assets: Assets
    cache: bool
    cache_entries: int
    max_json_file_size: int
    max_xcom_text_length: int
    callback_reply_queue_url: str | None
    callback_timeout: float
    handled_failures: HandledFailures
    unsupported_steps: UnsupportedSteps
    unsupported_keys: UnsupportedKeys
    values: str
    not_secret: tuple[str, ...]
    cleanup_prefixes: tuple[str, ...]
    allowed_step_types: tuple[str, ...]
    allowed_regions: tuple[str, ...]
    allowed_role_arns: tuple[str, ...]
    allowed_lambda_arns: tuple[str, ...]
    allowed_queue_urls: tuple[str, ...]
    allowed_s3_prefixes: tuple[str, ...]
    dag_ids: DagIds
    sidecar_allows: tuple[str, ...]

    @property
    def allowed(self) -> AllowList:
        """What definitions may name."""
        return AllowList(
            step_types=self.allowed_step_types,
            regions=self.allowed_regions,
            role_arns=self.allowed_role_arns,
            lambda_arns=self.allowed_lambda_arns,
            queue_urls=self.allowed_queue_urls,
            s3_prefixes=self.allowed_s3_prefixes,
        )

    def __str__(self) -> str:
        # A mapped task's arguments stand in the serialized Dag as their text, which nobody reads back; the worker
        # reads the settings that are in force there.
        return f"[{SECTION}]"


def read_settings() -> Settings:
    """The settings now in force.

    :raises SettingError: for an option that does not exist, or whose value cannot be used
    """
    from airflow.sdk.configuration import conf

    # Airflow looks for each option in half a dozen places, which for a small Dag takes as long as its tasks.
    given = dict(conf.getsection(SECTION) or {})
    # Airflow 3.3.0 does not list what only the environment has.
    in_environment = (key.removeprefix(PREFIX).lower() for key in os.environ if key.startswith(PREFIX))
    given |= {name: conf.get(SECTION, name) for name in in_environment if name not in given}
    return _read(tuple(sorted((name, str(value)) for name, value in given.items())))


@lru_cache(maxsize=4)
def _read(given: tuple[tuple[str, str], ...]) -> Settings:
    """The settings while these options are given."""
    for name, _ in given:
        check_name(name)
    values = {name: setting(name) for name in Settings.__struct_fields__}
    return Settings(**{**values, "assets": Assets(values["assets"])})


def setting(name: str) -> Any:
    """The value of one option, in its type, for who needs no other.

    :raises SettingError: when it cannot be used
    """
    from airflow.providers.common.compat.sdk import conf

    option = OPTIONS[name]
    text = conf.get(SECTION, name, fallback=None)
    if option.old_name is not None and text in (None, option.default):
        older = conf.get(SECTION, option.old_name, fallback=None)
        if older is not None:
            log.warning("[%s] %s is now called %s; a later version will not read it", SECTION, option.old_name, name)
            text = older
    text = None if text is None else str(text).strip()
    if option.type == "list":
        # An empty list is one: no name is spared, nothing is limited.
        values = listed((option.default or "") if text is None else text)
        if name == "cleanup_prefixes" and (wrong := [value for value in values if not FOLDER.match(value)]):
            raise SettingError(f"[{SECTION}] {name}: {wrong[0]!r} is no S3 URI such as s3://bucket/folder/")
        if name == "pace":
            _check_pace(values)
        if option.choices and (wrong := [value for value in values if value not in option.choices]):
            near = difflib.get_close_matches(wrong[0], option.choices, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise SettingError(f"[{SECTION}] {name}: {wrong[0]!r} is none of {', '.join(option.choices)}.{hint}")
        return values
    if not text:
        # An empty connection means botocore's own chain of credentials; an empty number or choice means the default.
        is_free = option.type in ("string", "json") and not option.choices
        text = option.default if text is None or not is_free else ""
    if not text:
        return MappingProxyType({}) if option.type == "json" else None
    return _typed(name, option, text)


def secret_names_of_environment(environment: Mapping[str, str]) -> SecretNames:
    """The secret names where Airflow itself is not asked: its list, and what these environment variables say."""
    words = listed(environment.get("AIRFLOW__CORE__SENSITIVE_VAR_CONN_NAMES", ""))
    return SecretNames(WORDS.union(words), listed(of_environment("not_secret", environment)))


def check_name(name: str) -> None:
    """Refuse an option that does not exist: what was meant would be ignored.

    :raises SettingError: with what was likely meant
    """
    # Airflow reads the value of any option from a secrets backend too.
    plain = name.lower()
    # Only where the whole name is none: not_secret is an option.
    plain = plain if plain in NAMES else plain.removesuffix("_secret").removesuffix("_cmd")
    if plain not in NAMES:
        near = difflib.get_close_matches(plain, NAMES, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise SettingError(f"[{SECTION}] {name} is no option of this version.{hint}")


def _typed(name: str, option: Option, text: str) -> Any:
    # Airflow itself takes a comment behind a number or boolean.
    match option.type:
        case "boolean":
            text = text.partition("#")[0].strip()
            if text.lower() in ("true", "t", "1"):
                return True
            if text.lower() in ("false", "f", "0"):
                return False
            raise _refused(name, text, "is neither True nor False")
        case "integer" | "float":
            return _number(name, option, text.partition("#")[0].strip())
        case "json":
            return _tags(name, text)
    if option.choices and text not in option.choices:
        raise _refused(name, text, f"is none of {', '.join(option.choices)}")
    return text


def _number(name: str, option: Option, text: str) -> float:
    try:
        number = int(text) if option.type == "integer" else float(text)
    except ValueError:
        raise _refused(name, text, f"is no {option.type}") from None
    if not math.isfinite(number) or (option.minimum is not None and number < option.minimum):
        raise _refused(name, text, f"is not a number of at least {option.minimum:g}")
    if option.least_but_zero is not None and 0 < number < option.least_but_zero:
        raise _refused(name, text, f"is neither 0 nor a number of at least {option.least_but_zero:g}")
    return number


def _tags(name: str, text: str) -> Mapping[str, str]:
    form = "is no JSON object with texts as values"
    try:
        value = json.loads(text)
    except ValueError:
        raise _refused(name, text, form) from None
    if not isinstance(value, dict) or not all(isinstance(member, str) for member in value.values()):
        raise _refused(name, text, form)
    return MappingProxyType(value)


def _refused(name: str, text: str, why: str) -> SettingError:
    return SettingError(f"[{SECTION}] {name} = {text!r} {why}.")


def _check_pace(entries: tuple[str, ...]) -> None:
    try:
        rates = read_rates(entries)
    except ValueError as error:
        raise SettingError(f"[{SECTION}] pace: {error}.") from None
    if rates.keys() <= PACED_BY_DEFAULT:
        return
    from airflow_sm_pipelines.step_types import STEP_TYPES

    # A step type of one's own may make any call; what is nearly one of ours was meant to be it.
    known = {step_type.kind.create for step_type in STEP_TYPES.values() if step_type.kind is not None}
    for api in rates.keys() - known:
        if near := difflib.get_close_matches(api, known, n=1, cutoff=0.9):
            raise SettingError(f"[{SECTION}] pace: {api} is no call of a step. Did you mean {near[0]}?")
