"""The S3 URIs that a step's job reads and writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from airflow_sm_pipelines.step_types.member_paths import members_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.step_types.datasets import DatasetPaths

S3 = "s3://"


class Datasets(Struct, frozen=True):
    """S3 URIs, each once, in the order of the request."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def datasets_of(paths: DatasetPaths, request: Mapping[str, Any], result: Mapping[str, Any] | None) -> Datasets:
    """What a job reads and writes, by its Create request and, where it has succeeded, its step's result."""
    written = _uris(result or {}, paths.results)
    return Datasets(_uris(request, paths.inputs), written or _uris(request, paths.outputs))


def _uris(value: Mapping[str, Any], paths: tuple[str, ...]) -> tuple[str, ...]:
    found = (uri for path in paths for uri in members_at(value, path))
    return tuple(dict.fromkeys(uri for uri in found if isinstance(uri, str) and uri.startswith(S3)))
