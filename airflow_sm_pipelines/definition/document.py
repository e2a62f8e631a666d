"""From a path, text, bytes or mapping to one JSON object that is a definition, and what a wrapper says of it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from airflow_sm_pipelines.definition.findings import Finding, nearest
from airflow_sm_pipelines.definition.paths import describe, render_path
from airflow_sm_pipelines.definition.plain import MAX_DEPTH, to_plain, within_depth
from airflow_sm_pipelines.definition.positions import place_in_wrapper
from airflow_sm_pipelines.definition.syntax import JsonSyntaxError, parse_json, walk_json

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.definition.positions import place_in_wrapper
from airflow_sm_pipelines.definition.syntax import Json

Source: TypeAlias = Path | str | bytes | Mapping[str, object]

WRAPPER_KEYS = (
    "PipelineDefinition",
    "PipelineName",
    "PipelineDisplayName",
    "PipelineDescription",
    "RoleArn",
    "ParallelismConfiguration",
)
"""What is read of a describe-pipeline response; the rest of it (times, ARNs) says nothing about the definition."""


class Document(Struct, frozen=True):
    """A definition as plain JSON, and the describe-pipeline response around it, where there was one."""

    definition: dict[str, Json]
    wrapper: dict[str, Json] | None
    digest: str


def load_document(source: Source, collector: FindingCollector) -> Document | None:
    """The document that ``source`` holds, or None after telling the collector why there is none."""
    value = _from_mapping(source, collector) if isinstance(source, Mapping) else _from_text(source, collector)
    if value is None:
        return None
    if "PipelineDefinition" not in value or "Steps" in value:
        return _finish(value, None, collector)
    inner = value["PipelineDefinition"]
    path: JsonPath = (None, "PipelineDefinition")
    if isinstance(inner, str):
        inner = _parse(inner, "the text in PipelineDefinition", path, collector)
    elif not isinstance(inner, dict):
        message = f"PipelineDefinition must be a JSON object or the text of one, found {describe(inner)}"
        collector.error(message, render_path(path))
    return _finish(inner, value, collector) if isinstance(inner, dict) else None


def _from_mapping(source: Mapping[str, object], collector: FindingCollector) -> dict[str, Json] | None:
    if "PipelineDefinition" in source and "Steps" not in source:
        # boto3's response holds datetimes and the like, which are none of our business.
        source = {key: source[key] for key in WRAPPER_KEYS if key in source}
    before = len(collector.errors)
    plain = to_plain(source, collector)
    return plain if isinstance(plain, dict) and len(collector.errors) == before else None


def _from_text(source: Path | str | bytes, collector: FindingCollector) -> dict[str, Json] | None:
    text = source if isinstance(source, str) else _decode(source, collector)
    collector.text = text
    return None if text is None else _parse(text, "the document", None, collector)


def _decode(source: Path | bytes, collector: FindingCollector) -> str | None:
    try:
        data = source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        collector.error(f"the file cannot be read: {error.strerror or error}", "$")
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        reason = "this looks like UTF-16" if utf16 else f"the byte 0x{data[error.start]:02x} does not fit"
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        finding = Finding(f"a definition is UTF-8 text, {reason}", line=line, column=column)
        collector.findings.append(finding)
        return None


def _parse(text: str, what: str, path: JsonPath, collector: FindingCollector) -> dict[str, Json] | None:
    try:
        parsed = parse_json(text)
    except JsonSyntaxError as error:
        message = f"{what} is not JSON: {error.message}"
        if path is None and "\n" not in text and text.strip().endswith(".json"):
            message += "; a text is read as JSON, give a file as a pathlib.Path"
        finding = Finding(message, render_path(path), line=error.line, column=error.column)
        if path is not None and collector.text is not None:
            finding = finding.at(*place_in_wrapper(collector.text, error.position))
        collector.findings.append(finding)
        return None
    for duplicate in parsed.duplicates:
        collector.findings.append(Finding("this key stands twice in its object", render_path(duplicate), on_key=True))
    if not isinstance(parsed.value, dict):
        collector.error(f"{what} must be a JSON object, found {describe(parsed.value)}", render_path(path))
        return None
    return parsed.value


def _finish(
    definition: dict[str, Json], wrapper: dict[str, Json] | None, collector: FindingCollector
) -> Document | None:
    if "Steps" not in definition:
        if "PipelineDefinitionS3Location" in definition:
            collector.error("the definition itself lies in S3 (PipelineDefinitionS3Location): give that object", "$")
            return None
        guesses = [nearest(key, ("Steps", "PipelineDefinition")) for key in definition]
        message = "the key 'Steps' is missing: neither a pipeline definition nor a describe-pipeline response"
        collector.error(message, "$", suggestion=next(filter(None, guesses), None))
        return None
    if not within_depth(definition):
        collector.error(f"the definition is nested deeper than {MAX_DEPTH} levels", "$")
        return None
    try:
        digest = _digest(definition)
    except ValueError as error:  # a UnicodeEncodeError is one
        before = len(collector.errors)
        for path, value in walk_json(definition):
            _check_writable(path, value, collector)
        if len(collector.errors) == before:
            collector.error(f"the definition cannot be written as JSON: {error}", "$")
        return None
    return Document(definition, wrapper, digest)


def _digest(definition: dict[str, Json]) -> str:
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _check_writable(path: JsonPath, value: Json, collector: FindingCollector) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        collector.error(f"{value} is out of range for a JSON number", render_path(path))
    texts = [value] if isinstance(value, str) else list(value) if isinstance(value, dict) else []
    if any(0xD800 <= ord(character) <= 0xDFFF for text in texts for character in text):
        collector.error("half a surrogate pair (\\ud800 to \\udfff) is no character", render_path(path))
