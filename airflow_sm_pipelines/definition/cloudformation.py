"""CloudFormation's forms of a pipeline: a template, the resource in it, and functions in the place of values.

Sources: the resource type AWS::SageMaker::Pipeline and the intrinsic functions of CloudFormation's reference
(semantics 1.6). A template is split into the texts of its pipelines, so that each is read, and fails, by itself.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.definition.syntax import walk_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.definition.syntax import Json

RESOURCES = "Resources"
PROPERTIES = "Properties"
PIPELINE_TYPE = "AWS::SageMaker::Pipeline"
MARKER = PIPELINE_TYPE.encode()
"""What a template with a pipeline has somewhere in its text."""

_NO_VALUE = {"Ref": "AWS::NoValue"}
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class Excerpt(Struct, frozen=True):
    """One pipeline of a template: its logical id, the text of its resource, and where in the template that begins."""

    logical_id: str
    text: str
    line: int
    column: int

    @property
    def path(self) -> JsonPath:
        return (None, RESOURCES), self.logical_id


def excerpts_of(text: str) -> tuple[Excerpt, ...]:
    """The pipelines of a template in its order; none where the text is no template, or no JSON.

    Resources that a loop (``Fn::ForEach``) makes are one, by the name of the loop: only CloudFormation knows them.
    """
    text = text.removeprefix("\ufeff")
    if PIPELINE_TYPE not in text:
        return ()
    try:
        top = {key: (start, value) for key, start, _, value in _members(text, _SPACE.match(text).end())}  # type: ignore[union-attr]
        start, resources = top.get(RESOURCES, (0, None))
        if not isinstance(resources, dict) or "Steps" in top:
            return ()
        # A key that stands twice counts where it stands last, as for the reader.
        found = {key: (begin, end) for key, begin, end, value in _members(text, start) if is_pipeline(key, value)}
    except (ValueError, RecursionError):
        return ()
    return tuple([_excerpt(key, text, begin, end) for key, (begin, end) in found.items()])


def pipelines_in(document: dict[str, Json]) -> dict[str, Json]:
    """The resources of a template that are pipelines, by their logical ids."""
    resources = document.get(RESOURCES)
    if not isinstance(resources, dict):
        return {}
    return {key: value for key, value in resources.items() if is_pipeline(key, value)}


def is_pipeline(key: str, resource: Json) -> bool:
    """Whether a resource is a pipeline, or a loop over resources of which one is."""
    if key.startswith("Fn::"):
        return any(isinstance(node, dict) and node.get("Type") == PIPELINE_TYPE for _, node in walk_json(resource))
    return is_resource(resource)


def is_resource(value: Json) -> bool:
    """Whether a value is the resource of a pipeline."""
    return isinstance(value, dict) and value.get("Type") == PIPELINE_TYPE


def function_of(value: Json) -> str | None:
    """The function that stands in the place of a value, or None where it is a plain value."""
    if not isinstance(value, dict):
        return None
    if len(value) == 1 and isinstance(value.get("Ref"), str):
        return "Ref"
    return next((key for key in value if key.startswith("Fn::")), None)


def functions_in(value: Json, path: JsonPath) -> Iterator[tuple[JsonPath, str]]:
    """The place and name of every function in a value; what stands inside of one is part of it."""
    stack: list[tuple[JsonPath, Json]] = [(path, value)]
    while stack:
        place, node = stack.pop()
        if (function := function_of(node)) is not None:
            yield place, function
        elif isinstance(node, dict):
            stack.extend(((place, key), member) for key, member in reversed(node.items()))
        elif isinstance(node, list):
            stack.extend(((place, index), node[index]) for index in range(len(node) - 1, -1, -1))


def without_no_values(value: Json) -> Json:
    """A value without the members that ``{"Ref": "AWS::NoValue"}`` takes out of it."""
    if isinstance(value, dict):
        return {key: without_no_values(member) for key, member in value.items() if member != _NO_VALUE}
    if isinstance(value, list):
        return [without_no_values(member) for member in value if member != _NO_VALUE]
    return value


def _members(text: str, start: int) -> Iterator[tuple[str, int, int, Json]]:
    """Each member of the object that begins at ``start``: its key, where its value begins and ends, and the value.

    :raises ValueError: for what is not JSON
    """
    if text[start : start + 1] != "{":
        return
    at = _after_space(text, start + 1)
    while text[at : at + 1] != "}":
        key, at = _DECODER.raw_decode(text, at)
        at = _after_space(text, at)
        if not isinstance(key, str) or text[at : at + 1] != ":":
            raise ValueError("no member of an object")
        begin = _after_space(text, at + 1)
        value, end = _DECODER.raw_decode(text, begin)
        yield key, begin, end, value
        at = _after_space(text, end)
        if text[at : at + 1] == ",":
            at = _after_space(text, at + 1)
        elif text[at : at + 1] != "}":
            raise ValueError("no end of an object")


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()


def _excerpt(key: str, text: str, begin: int, end: int) -> Excerpt:
    line = text.count("\n", 0, begin) + 1
    return Excerpt(key, text[begin:end], line, begin - text.rfind("\n", 0, begin))
