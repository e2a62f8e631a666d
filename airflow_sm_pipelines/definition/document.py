"""From a path, text, bytes, mapping or part of a template to one JSON object that is a definition, and what stands
around it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import msgspec
from msgspec import Struct

from airflow_sm_pipelines.definition.cloudformation import Excerpt
from airflow_sm_pipelines.definition.findings import Finding
from airflow_sm_pipelines.definition.limits import AWS_CHARACTERS, MAX_BYTES
from airflow_sm_pipelines.definition.paths import describe, render_path
from airflow_sm_pipelines.definition.place import Place
from airflow_sm_pipelines.definition.plain import MAX_DEPTH, survey, to_plain
from airflow_sm_pipelines.definition.positions import place_in_text
from airflow_sm_pipelines.definition.replacing import Replaced, Replacement, replace_in
from airflow_sm_pipelines.definition.syntax import JsonSyntaxError, parse_json, walk_json
from airflow_sm_pipelines.definition.text import unstorable, unstorable_in
from airflow_sm_pipelines.definition.wrapping import BODY, DEFINITION, WRAPPER_KEYS, Wrapped, of_resource, unwrap

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.definition.syntax import Json

Source: TypeAlias = Path | str | bytes | Mapping[str, object] | Excerpt


class Document(Struct, frozen=True):
    """A definition as plain JSON, and what is read of that which stands around it, with its place."""

    definition: dict[str, Json]
    wrapper: dict[str, Json] | None
    digest: str
    wrapper_path: JsonPath = None
    logical_id: str | None = None
    replaced: tuple[Replaced, ...] = ()


def load_document(
    source: Source, collector: FindingCollector, replacements: Sequence[Replacement] = ()
) -> Document | None:
    """The document that ``source`` holds, or None after a finding that says why."""
    if isinstance(source, Mapping):
        value: Json = _from_mapping(source, collector)
    elif isinstance(source, Excerpt):
        collector.text = source.text
        collector.place = Place.of(source.path, None, None, source)
        value = _parse(source.text, "the resource", source.path, collector)
    else:
        value = _from_text(source, collector)
    if value is None:
        return None
    if isinstance(source, Excerpt):
        wrapped = of_resource(value, source.path, collector)
    elif isinstance(value, str):
        wrapped = Wrapped(value)
    elif isinstance(value, dict):
        wrapped = unwrap(value, collector)
    else:
        _is_object(value, "the document", None, collector)
        return None
    if wrapped is None:
        return None
    excerpt = source if isinstance(source, Excerpt) else None
    collector.place = Place.of(None if excerpt is None else excerpt.path, wrapped.wrapper_path, wrapped.path, excerpt)
    return _finish(wrapped, collector, replacements)


def _from_mapping(source: Mapping[str, object], collector: FindingCollector) -> dict[str, Json] | None:
    if DEFINITION in source and "Steps" not in source:
        # boto3's response holds datetimes and the like, which are none of our business.
        source = {key: source[key] for key in WRAPPER_KEYS if key in source}
    before = collector.errors
    plain = to_plain(source, collector)
    return plain if isinstance(plain, dict) and collector.errors == before else None


def _from_text(source: Path | str | bytes, collector: FindingCollector) -> Json:
    text = source if isinstance(source, str) else _decode(source, collector)
    collector.text = text
    return None if text is None else _parse(text, "the document", None, collector)


def _decode(source: Path | bytes, collector: FindingCollector) -> str | None:
    try:
        data = source if isinstance(source, bytes) else _read(source)
    except OSError as error:
        collector.error(f"the file cannot be read: {error.strerror or error}", "$", code="unreadable-file")
        return None
    if len(data) > MAX_BYTES:
        collector.error(f"the file is larger than {MAX_BYTES} bytes, the most that is read", "$", code="too-large")
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        reason = "this looks like UTF-16" if utf16 else f"the byte 0x{data[error.start]:02x} does not fit"
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        finding = Finding(f"a definition is UTF-8 text, {reason}", line=line, column=column, code="not-utf-8")
        collector.add(finding)
        return None


def _read(path: Path) -> bytes:
    """The file, or as much of it as shows that it is too large."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _parse(text: str, what: str, path: JsonPath, collector: FindingCollector, *, is_inner: bool = False) -> Json:
    """The value of a JSON text, or None after a finding that says what is wrong with it: null is no document either."""
    try:
        parsed = parse_json(text)
    except JsonSyntaxError as error:
        message = f"{what} is not JSON: {error.message}"
        if path is None and "\n" not in text and text.strip().endswith(".json"):
            message += "; a text is read as JSON, give a file as a pathlib.Path"
        finding = Finding(message, render_path(path), line=error.line, column=error.column, code="not-json")
        if is_inner and collector.text is not None:
            finding = finding.at(*place_in_text(collector.text, collector.place, error.position))
        collector.add(finding)
        return None
    for duplicate in parsed.duplicates:
        collector.add(
            Finding("this key stands twice in its object", render_path(duplicate), on_key=True, code="duplicate-key")
        )
    if parsed.value is None:
        _is_object(None, what, path, collector)
    return parsed.value


def _is_object(value: Json, what: str, path: JsonPath, collector: FindingCollector) -> bool:
    if isinstance(value, dict):
        return True
    collector.error(f"{what} must be a JSON object, found {describe(value)}", render_path(path), code="wrong-type")
    return False


def _finish(wrapped: Wrapped, collector: FindingCollector, replacements: Sequence[Replacement]) -> Document | None:
    definition, wrapper = wrapped.definition, wrapped.wrapper
    if isinstance(definition, str):
        what = "the document" if wrapped.path is None else f"the text in {wrapped.path[1]}"
        if wrapped.path is not None or definition.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
            definition = _parse(definition, what, wrapped.path, collector, is_inner=True)
            if definition is None:
                return None
        if not _is_object(definition, what, wrapped.path, collector):
            return None
    assert isinstance(definition, dict)
    if "Steps" not in definition:
        guesses = (collector.guess(key, ("Steps", DEFINITION, BODY)) for key in definition)
        message = "the key 'Steps' is missing: neither a pipeline definition nor a describe-pipeline response"
        collector.error(message, "$", suggestion=next(filter(None, guesses), None), code="not-a-definition")
        return None
    found = survey(definition)
    if not found.is_within_depth:
        collector.error(f"the definition is nested deeper than {MAX_DEPTH} levels", "$", code="too-deep")
        return None
    replaced: tuple[Replaced, ...] = ()
    if replacements:
        definition, replaced = replace_in(definition, replacements)
        assert isinstance(definition, dict)
    data, is_faulty = _written(definition, has_floats=found.has_floats)
    if is_faulty or unstorable_in(wrapper or {}) is not None:
        for start, value in ((wrapped.wrapper_path, wrapper or {}), (None, definition)):
            for path, node in walk_json(value, start):
                _judge(path, node, collector)
    # No text has more characters than bytes.
    if len(data) > AWS_CHARACTERS and (length := len(data.decode(errors="surrogatepass"))) > AWS_CHARACTERS:
        message = f"the definition has {length} characters without white space; SageMaker takes {AWS_CHARACTERS}"
        collector.warning(message, "$", code="large-document")
    digest = hashlib.sha256(data).hexdigest()
    return Document(definition, wrapper, digest, wrapped.wrapper_path, wrapped.logical_id, replaced)


def _written(definition: dict[str, Json], *, has_floats: bool) -> tuple[bytes, bool]:
    """The definition's JSON in its one form, that of Python's ``json``, and whether to look for what cannot be stored.

    The digest is that of this form. msgspec writes the same ten times as fast, but for some floats (``1e16``).
    """
    write = partial(json.dumps, definition, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        data = write(allow_nan=False).encode() if has_floats else msgspec.json.encode(definition, order="sorted")
    except ValueError:  # a UnicodeEncodeError is one
        return write().encode("utf-8", "surrogatepass"), True
    # To search the text costs next to nothing. What it finds may be a backslash that is escaped itself.
    return data, b"\\u0000" in data


def _judge(path: JsonPath, value: Json, collector: FindingCollector) -> None:
    """A finding for a number that no JSON has, and for a text that neither an AWS API nor Airflow's database takes."""
    if isinstance(value, float) and not math.isfinite(value):
        collector.error(f"{value} is out of range for a JSON number", render_path(path), code="number-out-of-range")
    elif isinstance(value, str):
        if (found := unstorable(value)) is not None:
            collector.error(f"the text has {found}, which {_why(found)}", render_path(path), code="unstorable-text")
    elif isinstance(value, dict):
        for key in value:
            if (found := unstorable(key)) is not None:
                message = f"the key has {found}, which {_why(found)}"
                collector.add(Finding(message, render_path((path, key)), on_key=True, code="unstorable-text"))


def _why(found: str) -> str:
    if found.startswith("U+0000"):
        return "no AWS API takes and Airflow cannot store"
    return "is half a surrogate pair and no character"
