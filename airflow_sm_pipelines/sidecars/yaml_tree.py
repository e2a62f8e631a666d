"""YAML as a tree of texts with their places: what a scalar means is for the setting to say that it is the value of.

YAML 1.1 makes booleans, numbers and dates of plain texts such as ``on``, ``1.10`` and ``2026-01-05``; here they stay
texts. Only the events of libyaml are read, so nothing is constructed. Aliases, tags and several documents are refused.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import yaml
from msgspec import Struct

from airflow_sm_pipelines.definition.findings import Finding
from airflow_sm_pipelines.definition.paths import JsonPath, render_path, shorten
from airflow_sm_pipelines.definition.text import unstorable

MAX_BYTES = 262_144
MAX_DEPTH = 30
"""How large a file with settings may be, and how deep."""

CODE = "sidecar"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Scalar(Struct, frozen=True):
    """A text; ``plain`` where it stands without quotes, so that it may be a number, boolean or null."""

    text: str
    plain: bool
    line: int
    column: int

    @property
    def is_null(self) -> bool:
        return self.plain and self.text in ("", "~", "null")


class Items(Struct, frozen=True):
    """A list."""

    items: tuple[Node, ...]
    line: int
    column: int


class Members(Struct, frozen=True):
    """A mapping, its keys in their order, each once."""

    members: tuple[tuple[Scalar, Node], ...]
    line: int
    column: int


Node: TypeAlias = Scalar | Items | Members


class YamlError(ValueError):
    """A file that cannot be read: its one finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


def read_yaml(data: bytes, name: str) -> Node | None:
    """The one document of a file, None for an empty one.

    :param name: what findings call the file
    :raises YamlError: for what is not YAML, or more of it than is read here
    """
    if len(data) > MAX_BYTES:
        raise YamlError(_finding(name, f"the file is larger than {MAX_BYTES} bytes, the most that is read"))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise YamlError(_finding(name, "the file is not UTF-8 text", line, column)) from None
    try:
        loader = _LOADER(text)
        try:
            return _Builder(loader, name).document()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
        said = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        context = getattr(error, "context", None)
        around = f" {context}" if context else ""
        raise YamlError(_finding(name, f"the file is not YAML: {said}{around}", *place)) from None


class _Builder:
    def __init__(self, loader: Any, name: str) -> None:
        self._loader = loader
        self._name = name
        self._depth = 0

    def document(self) -> Node | None:
        root: Node | None = None
        seen = 0
        while (event := self._loader.get_event()) is not None:
            if isinstance(event, yaml.DocumentStartEvent):
                seen += 1
                if seen > 1:
                    raise self._refused(event, "a second document begins here: a file has one")
                root = self._node(self._loader.get_event(), None)
        return root

    def _node(self, event: Any, path: JsonPath) -> Node:
        if isinstance(event, yaml.AliasEvent):
            raise self._refused(event, "an alias: each value is written where it counts", path)
        if event.anchor is not None:
            raise self._refused(event, "an anchor: each value is written where it counts", path)
        if event.tag is not None and event.tag != "!":
            raise self._refused(event, f"the tag {shorten(event.tag)!r}: the setting says what its value is", path)
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, yaml.ScalarEvent):
            if (found := unstorable(event.value)) is not None:
                raise self._refused(event, f"a text with {found}, which Airflow cannot store", path)
            return Scalar(event.value, event.style is None or event.style == "", line, column)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._refused(event, f"more than {MAX_DEPTH} levels", path)
        node = (
            self._items(line, column, path)
            if isinstance(event, yaml.SequenceStartEvent)
            else self._members(line, column, path)
        )
        self._depth -= 1
        return node

    def _items(self, line: int, column: int, path: JsonPath) -> Items:
        items: list[Node] = []
        while not isinstance(event := self._loader.get_event(), yaml.SequenceEndEvent):
            items.append(self._node(event, (path, len(items))))
        return Items(tuple(items), line, column)

    def _members(self, line: int, column: int, path: JsonPath) -> Members:
        members: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(event := self._loader.get_event(), yaml.MappingEndEvent):
            key = self._node(event, path)
            if not isinstance(key, Scalar):
                raise self._refused(event, "a key that is no text", path)
            place = (path, key.text)
            if key.text in members:
                raise self._refused(event, f"the key {shorten(key.text)!r}, which stands twice", place)
            members[key.text] = key, self._node(self._loader.get_event(), place)
        return Members(tuple(members.values()), line, column)

    def _refused(self, event: Any, what: str, path: JsonPath = None) -> YamlError:
        mark = event.start_mark
        message = f"the file cannot be read as settings: it has {what}"
        return YamlError(_finding(self._name, message, mark.line + 1, mark.column + 1, path))


def _finding(name: str, message: str, line: int = 1, column: int = 1, path: JsonPath = None) -> Finding:
    return Finding(message, render_path(path), line=line, column=column, code=CODE, file=name)
