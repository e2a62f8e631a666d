"""Checks requests against botocore's model of their service and answers in AWS's words.

botocore's own validator knows neither patterns nor enumerations, and a request that was not sent by botocore has
seen none at all.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_sm_pipelines.wire.errors import ApiError
from airflow_sm_pipelines.wire.patterns import satisfies

MAX_SHOWN = 50
MAX_LEVELS_SHOWN = 20
NUMBERS = {"integer": "Integer", "long": "Long", "float": "Float", "double": "Double"}
# Services whose names, ARNs and URIs may have any form: those in the examples of Bedrock steps have not got AWS's.
WITHOUT_PATTERNS = frozenset({"bedrock"})


@functools.cache
def _model(service: str) -> Any:
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    model = Loader().load_service_model(service, "service-2")
    if service in WITHOUT_PATTERNS:
        for shape in model["shapes"].values():
            shape.pop("pattern", None)
    return ServiceModel(model, service)


@functools.cache
def known_actions(service: str = "sagemaker") -> frozenset[str]:
    """All actions of a service, by default SageMaker's control plane."""
    return frozenset(_model(service).operation_names)


def output_shape(action: str, service: str = "sagemaker") -> Any:
    """botocore's shape of the response to a known action; None where it is empty."""
    return _model(service).operation_model(action).output_shape


def check_request(action: str, parameters: Mapping[str, Any], service: str = "sagemaker") -> None:
    """Raise :class:`ApiError` when the parameters of a known action break its model.

    A wrong JSON type is a SerializationException, everything else one ValidationException for all findings.
    """
    shape = _model(service).operation_model(action).input_shape
    if shape is None:
        return
    findings = list(_structure(shape, parameters, ""))
    if findings:
        noun = "error" if len(findings) == 1 else "errors"
        shown = "; ".join(findings[:MAX_SHOWN])
        raise ApiError("ValidationException", f"{len(findings)} validation {noun} detected: {shown}")


def _value(shape: Any, value: Any, path: str) -> Iterator[str]:
    _check_type(shape, value)
    if shape.type_name == "structure":
        yield from _structure(shape, value, path)
    elif shape.type_name == "list":
        yield from (f"Value '{_java(value)}' at '{path}' {_failed(text)}" for text in _size(shape, len(value)))
        yield from _elements(shape, value, path)
    elif shape.type_name == "map":
        yield from (f"Value '{_java(value)}' at '{path}' {_failed(text)}" for text in _size(shape, len(value)))
        yield from _entries(shape, value, path)
    else:
        yield from (f"Value '{_java(value)}' at '{path}' {_failed(text)}" for text in _broken(shape, value))


def _structure(shape: Any, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"Value null at '{_member(path, name)}' {_failed('Member must not be null')}"
    for name, inner in value.items():
        if name not in shape.members:
            yield f"Value '{_java(inner)}' at '{_member(path, name)}' {_failed('Member is not known')}"
        elif inner is not None:
            yield from _value(shape.members[name], inner, _member(path, name))


def _elements(shape: Any, value: list[Any], path: str) -> Iterator[str]:
    for index, inner in enumerate(value, start=1):
        if shape.member.type_name in ("structure", "list", "map"):
            yield from _value(shape.member, inner, f"{path}.{index}.member")
        else:
            yield from _inside(shape.member, inner, value, path, "Member")


def _entries(shape: Any, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for key, inner in value.items():
        yield from _inside(shape.key, key, value, path, "Map keys")
        if shape.value.type_name in ("structure", "list", "map"):
            yield from _value(shape.value, inner, f"{path}.{key}.member")
        else:
            yield from _inside(shape.value, inner, value, path, "Map value")


def _inside(shape: Any, inner: Any, whole: Any, path: str, role: str) -> Iterator[str]:
    """A scalar in a list or map: AWS quotes the whole collection."""
    _check_type(shape, inner)
    if broken := ", ".join(_broken(shape, inner)):
        yield f"Value '{_java(whole)}' at '{path}' {_failed(f'{role} must satisfy constraint: [{broken}]')}"


def _broken(shape: Any, value: Any) -> Iterator[str]:
    """What a scalar's shape demands of it and it is not."""
    if shape.type_name == "string":
        yield from _size(shape, len(value))
        pattern = shape.metadata.get("pattern")
        if pattern and not satisfies(pattern, value):
            yield f"Member must satisfy regular expression pattern: {pattern}"
        if shape.enum and value not in shape.enum:
            yield f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
    elif shape.type_name in NUMBERS:
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if low is not None and value < low:
            yield f"Member must have value greater than or equal to {low}"
        if high is not None and value > high:
            yield f"Member must have value less than or equal to {high}"


def _size(shape: Any, length: int) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and length < low:
        yield f"Member must have length greater than or equal to {low}"
    if high is not None and length > high:
        yield f"Member must have length less than or equal to {high}"


def _check_type(shape: Any, value: Any) -> None:
    kind = shape.type_name
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind in ("structure", "map"):
        right, wanted = isinstance(value, Mapping), "a structure or map"
    elif kind == "list":
        right, wanted = isinstance(value, list), "a List"
    elif kind == "string":
        right, wanted = isinstance(value, str), "a String"
    elif kind == "boolean":
        right, wanted = isinstance(value, bool), "a Boolean"
    elif kind in NUMBERS:
        whole = kind in ("float", "double") or isinstance(value, int) or (number and value.is_integer())
        right, wanted = number and whole, f"an {NUMBERS[kind]}" if kind == "integer" else f"a {NUMBERS[kind]}"
    elif kind == "timestamp":  # in seconds, as a text, or parsed by whoever has read the request
        right, wanted = not isinstance(value, bool | list | Mapping), "a Timestamp"
    else:  # a blob
        return
    if not right:
        raise ApiError("SerializationException", f"{_token(value)} can not be converted to {wanted}")


def _token(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    tokens = {str: "STRING_VALUE", int: "NUMBER_VALUE", float: "DECIMAL_VALUE", list: "START_ARRAY"}
    return "START_OBJECT" if isinstance(value, Mapping) else tokens.get(type(value), "NULL_VALUE")


def _failed(constraint: str) -> str:
    return f"failed to satisfy constraint: {constraint}"


def _member(path: str, name: str) -> str:
    lowered = name[:1].lower() + name[1:]
    return f"{path}.{lowered}" if path else lowered


def _java(value: Any, levels: int = MAX_LEVELS_SHOWN) -> str:
    """A value as Java prints it, which is what AWS quotes; what lies deeper than ``levels`` is left out."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping | list) and levels == 0:
        return "..."
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}={_java(inner, levels - 1)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_java(inner, levels - 1) for inner in value) + "]"
    return str(value)
