"""What a step says beside its request: RetryPolicies, CacheConfig and PropertyFiles."""

from __future__ import annotations

import sys
from types import MappingProxyType
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.durations import parse_duration
from airflow_sm_pipelines.definition.model import CacheConfig, PropertyFile, RetryPolicy
from airflow_sm_pipelines.definition.paths import shorten
from airflow_sm_pipelines.definition.values import is_expression, read_value

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.definition.scope import Scope
    from airflow_sm_pipelines.definition.syntax import Json

EXCEPTION_TYPES = (
    "Step.SERVICE_FAULT",
    "Step.THROTTLING",
    "SageMaker.JOB_INTERNAL_ERROR",
    "SageMaker.CAPACITY_ERROR",
    "SageMaker.JOB_CAPACITY_ERROR",
    "SageMaker.RESOURCE_LIMIT",
    "Emr.RESOURCE_LIMIT",
)
MAX_INTERVAL_SECONDS = 43_200
MAX_ATTEMPTS = 20
MAX_EXPIRE_MINUTES = 14_400

_POLICY_KEYS = frozenset({"ExceptionType", "IntervalSeconds", "BackoffRate", "MaxAttempts", "ExpireAfterMin"})
_CACHE_KEYS = frozenset({"Enabled", "ExpireAfter"})
_FILE_KEYS = frozenset({"PropertyFileName", "OutputName", "FilePath"})
_FILE_NAMES = MappingProxyType({"name": "PropertyFileName", "output": "OutputName", "path": "FilePath"})
_CACHE_NAMES = MappingProxyType({"enablecaching": "Enabled"})


def read_retry_policies(scope: Scope, value: Json, path: JsonPath) -> tuple[RetryPolicy, ...] | None:
    """A step's ``RetryPolicies``; None where there is no such key."""
    if value is None:
        return None
    policies = []
    for index, member in enumerate(scope.array(value, path, "an array of retry policies") or ()):
        if scope.object(member, (path, index), "a retry policy") is not None:
            assert isinstance(member, dict)
            policies.append(_read_policy(scope, member, (path, index)))
    return tuple(policies)


def _read_policy(scope: Scope, value: dict[str, Json], path: JsonPath) -> RetryPolicy:
    value = scope.respelled(value, _POLICY_KEYS, ("ExceptionType",), path, "a retry policy")
    scope.check_keys(value, _POLICY_KEYS, path, "a retry policy")
    return RetryPolicy(
        exception_types=_read_exception_types(scope, value, path),
        interval_seconds=_number(scope, value, "IntervalSeconds", path, MAX_INTERVAL_SECONDS),
        backoff_rate=_number(scope, value, "BackoffRate", path, None),
        max_attempts=_whole_number(scope, value, "MaxAttempts", path, MAX_ATTEMPTS),
        expire_after_minutes=_number(scope, value, "ExpireAfterMin", path, MAX_EXPIRE_MINUTES),
    )


def _read_exception_types(scope: Scope, value: dict[str, Json], path: JsonPath) -> tuple[str, ...]:
    if not scope.require(value, "ExceptionType", path, "a retry policy"):
        return ()
    place: JsonPath = (path, "ExceptionType")
    found = value["ExceptionType"]
    if isinstance(found, str):
        scope.choice(found, EXCEPTION_TYPES, place, "exception type")
        return (found,)
    members = scope.array(found, place, "an array of exception types")
    if members is not None and not members:
        scope.error("a retry policy names at least one exception type", place, code="retry-policy")
    names = []
    for index, member in enumerate(members or ()):
        if isinstance(member, str):
            scope.choice(member, EXCEPTION_TYPES, (place, index), "exception type")
            names.append(member)
        else:
            scope.wrong_type("the name of an exception type", member, (place, index))
    return tuple(names)


def _number(scope: Scope, value: dict[str, Json], key: str, path: JsonPath, maximum: int | None) -> int | float | None:
    found = value.get(key)
    if found is None:
        return None
    upper = f"from 0 to {maximum}" if maximum is not None else "of at least 0"
    fits = isinstance(found, int | float) and not isinstance(found, bool)
    most = sys.float_info.max if maximum is None else maximum
    if not fits or not isinstance(found, int | float) or not 0 <= found <= most:
        scope.wrong_type(f"a number {upper}", found, (path, key))
        return None
    return found


def _whole_number(scope: Scope, value: dict[str, Json], key: str, path: JsonPath, maximum: int) -> int | None:
    found = _number(scope, value, key, path, maximum)
    if found is None or found == int(found):
        return None if found is None else int(found)
    scope.wrong_type("a whole number", found, (path, key))
    return None


def read_cache(scope: Scope, value: Json, path: JsonPath) -> CacheConfig | None:
    """A step's ``CacheConfig``; None where there is no such key."""
    if value is None or scope.object(value, path, "an object with Enabled and ExpireAfter") is None:
        return None
    assert isinstance(value, dict)
    value = scope.respelled(value, _CACHE_KEYS, ("Enabled",), path, "CacheConfig", _CACHE_NAMES)
    scope.check_keys(value, _CACHE_KEYS, path, "CacheConfig")
    if not scope.require(value, "Enabled", path, "CacheConfig"):
        return None
    enabled = value["Enabled"]
    if not isinstance(enabled, bool) and not is_expression(enabled):
        scope.wrong_type("true, false or an expression", enabled, (path, "Enabled"))
    expire_after = scope.text(value, "ExpireAfter", path)
    if enabled is True and value.get("ExpireAfter") is None:
        # The SDK writes such documents; the service's documentation asks for both.
        scope.warning(
            "Enabled without ExpireAfter: nothing says how old a result may be, so none is reused",
            path,
            code="cache-config",
        )
    if expire_after is not None and enabled is not False:
        try:
            parse_duration(expire_after)
        except ValueError as error:
            message = f"{shorten(expire_after)!r} is no duration like P30D, 12H or T30M: {error}"
            scope.error(message, (path, "ExpireAfter"), code="cache-config")
    return CacheConfig(read_value(scope, enabled, (path, "Enabled")), expire_after)


def read_property_files(scope: Scope, step: dict[str, Json], path: JsonPath) -> tuple[PropertyFile, ...]:
    """A Processing step's ``PropertyFiles``, each checked against the outputs that the step declares."""
    value = step.get("PropertyFiles")
    if value is None:
        return ()
    place: JsonPath = (path, "PropertyFiles")
    if scope.step_type != "Processing" and value != []:
        scope.error("only a Processing step has PropertyFiles", place, code="property-files")
    literal = literal_outputs(step.get("Arguments"))
    outputs = None if literal is None else dict.fromkeys(literal)
    files: dict[str, PropertyFile] = {}
    for index, member in enumerate(scope.array(value, place, "an array of property files") or ()):
        file = _read_property_file(scope, member, outputs, (place, index))
        if file is None:
            continue
        if file.name in files:
            scope.error(
                f"the property file {file.name!r} stands twice in this step",
                ((place, index), "PropertyFileName"),
                code="property-files",
            )
        files.setdefault(file.name, file)
    return tuple(files.values())


def _read_property_file(
    scope: Scope, value: Json, outputs: Collection[str] | None, path: JsonPath
) -> PropertyFile | None:
    if scope.object(value, path, "a property file") is None:
        return None
    assert isinstance(value, dict)
    value = scope.respelled(value, _FILE_KEYS, _FILE_KEYS, path, "a property file", _FILE_NAMES)
    scope.check_keys(value, _FILE_KEYS, path, "a property file")
    name = scope.required_text(value, "PropertyFileName", path, "a property file")
    output = scope.required_text(value, "OutputName", path, "a property file")
    file_path = scope.required_text(value, "FilePath", path, "a property file")
    if output is not None and outputs is not None and output not in outputs:
        place: JsonPath = (path, "OutputName")
        if outputs:
            scope.choice(output, outputs, place, "output of this step")
        else:
            scope.warning(f"the step declares no outputs, so none called {output!r}", place, code="property-files")
    return PropertyFile(name, output or "", file_path or "") if name else None


def literal_outputs(arguments: Json) -> tuple[str, ...] | None:
    """The names of a Processing request's outputs, or None where they are not all literal."""
    config = arguments.get("ProcessingOutputConfig", {}) if isinstance(arguments, dict) else None
    outputs = config.get("Outputs", []) if isinstance(config, dict) and not is_expression(config) else None
    if not isinstance(outputs, list):
        return None
    names = [output.get("OutputName") if isinstance(output, dict) else None for output in outputs]
    literal = tuple(name for name in names if isinstance(name, str))
    return literal if len(literal) == len(names) else None
