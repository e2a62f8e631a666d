"""The S3 URIs that a step's job reads and writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from airflow_sm_pipelines.step_types.datasets import DATASETS, DatasetPaths

S3 = "s3://"
EACH = "[]"


class Datasets(Struct, frozen=True):
    """S3 URIs, each once, in the order of the request."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def datasets_of(step_type: str, request: Mapping[str, Any], result: Mapping[str, Any] | None) -> Datasets:
    """What a job reads and writes, by its Create request and, where it has succeeded, its step's result."""
    paths = DATASETS.get(step_type, DatasetPaths())
    written = _uris(result or {}, paths.results)
    return Datasets(_uris(request, paths.inputs), written or _uris(request, paths.outputs))


def _uris(value: Mapping[str, Any], paths: tuple[str, ...]) -> tuple[str, ...]:
    found = (uri for path in paths for uri in _at(value, path.split(".")))
    return tuple(dict.fromkeys(uri for uri in found if isinstance(uri, str) and uri.startswith(S3)))


def _at(value: Any, names: list[str]) -> Iterator[Any]:
    if not names:
        yield value
        return
    name, rest = names[0], names[1:]
    member = value.get(name.removesuffix(EACH)) if isinstance(value, Mapping) else None
    if not name.endswith(EACH):
        yield from _at(member, rest)
    elif isinstance(member, list):
        for element in member:
            yield from _at(element, rest)
