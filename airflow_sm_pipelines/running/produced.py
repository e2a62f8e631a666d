"""What a step has made, in a few words, by its result."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

_NAMED = ("ModelPackageArn", "ModelArn", "EndpointArn", "InferenceComponentArn", "CandidateName", "clusterId")


def produced(result: Any) -> str:
    """The branch of a Condition, the model of a training, the outputs of a processing job, or what AWS names it."""
    if not isinstance(result, Mapping):
        return ""
    if "Outcome" in result:
        return f"branch taken: {'if' if result['Outcome'] else 'else'}"
    artifacts = _member(result, "ModelArtifacts", "S3ModelArtifacts")
    if artifacts is not None:
        return str(artifacts)
    outputs = _member(result, "ProcessingOutputConfig", "Outputs") or ()
    uris = [uri for output in outputs if (uri := _member(output, "S3Output", "S3Uri")) is not None]
    if len(uris) > 1:
        return f"{len(uris)} outputs in {_common(uris)}"
    transformed = _member(result, "TransformOutput", "S3OutputPath")
    named = (result.get(name) for name in _NAMED)
    return str(next((value for value in (*uris, transformed, *named) if value), ""))


def _common(uris: list[Any]) -> str:
    try:
        return os.path.commonpath([str(uri) for uri in uris]).replace(":/", "://", 1)
    except ValueError:
        return "several places"


def _member(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
