"""The value language of a definition: literals and the tagged expressions that stand among them.

A definition writes an expression as an object with one key, ``{"Get": ...}``, ``{"Std:Join": ...}`` or
``{"Std:JsonGet": ...}``. Reading turns each into one of the classes below, so that nothing right of this
room ever meets the raw form. Objects become read-only mappings and arrays tuples.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from msgspec import Struct

from airflow_sm_pipelines.definition.paths import JsonPath, render_path

_BACKSLASH = re.compile(r"\\(?=['\"\\]|\Z)")

Scalar: TypeAlias = str | int | float | bool | None

SCALARS: Final = (str, int, float, type(None))
OBJECTS: Final = (dict, Mapping)
"""For ``isinstance``: nearly all objects are dicts, and to ask for any Mapping takes several times as long."""


class Member(Struct, frozen=True):
    """``.name`` of a property path."""

    name: str


class Index(Struct, frozen=True):
    """``[0]`` of a property path."""

    position: int


class Key(Struct, frozen=True):
    """``['name']`` of a property path: a map key, or the naming field of a list's element."""

    name: str


PathToken: TypeAlias = Member | Index | Key
PropertyPath: TypeAlias = tuple[PathToken, ...]


class ParameterReference(Struct, frozen=True):
    """``{"Get": "Parameters.<name>"}``"""

    name: str


class ExecutionVariable(Struct, frozen=True):
    """``{"Get": "Execution.<name>"}``"""

    name: str


class ExperimentReference(Struct, frozen=True):
    """``{"Get": "PipelineExperimentConfig.<name>"}``: ExperimentName or TrialName."""

    name: str


class PropertyReference(Struct, frozen=True):
    """``{"Get": "Steps.<step>.<path>"}``: a property of a step's result. An empty path is the whole result."""

    step: str
    path: PropertyPath


class PropertyFileReference(Struct, frozen=True):
    """``{"Get": "Steps.<step>.PropertyFiles.<name>"}``, which stands only in a ``Std:JsonGet``."""

    step: str
    property_file: str


class CurrentItem(Struct, frozen=True):
    """``{"Get": "ForEach.CurrentItem<path>"}``, in the body of a ForEach."""

    path: PropertyPath


class IterationOutput(Struct, frozen=True):
    """``{"Get": "IterationOutput.<body step>.<path>"}``, in the Selector of a ForEach."""

    step: str
    path: PropertyPath


class Join(Struct, frozen=True):
    """``{"Std:Join": {"On": ..., "Values": [...]}}``"""

    separator: str
    values: tuple[Value, ...]


class JsonGet(Struct, frozen=True):
    """``{"Std:JsonGet": {"PropertyFile": {"Get": ...} | "S3Uri": ..., "Path": ...}}``

    ``source`` is the property file, or the value that gives the S3 URI.
    """

    source: PropertyFileReference | Value
    path: str


Expression: TypeAlias = (
    ParameterReference
    | ExecutionVariable
    | ExperimentReference
    | PropertyReference
    | PropertyFileReference
    | CurrentItem
    | IterationOutput
    | Join
    | JsonGet
)
Value: TypeAlias = "Scalar | Expression | tuple[Value, ...] | Mapping[str, Value]"
Object: TypeAlias = Mapping[str, Value]


class LocatedExpression(Struct, frozen=True):
    """An expression and where it stands: ``path`` is the JSON path of the object that writes it."""

    expression: Expression
    location: JsonPath

    @property
    def path(self) -> str:
        return render_path(self.location)


def iter_expressions(value: Value) -> Iterator[Expression]:
    """Every expression of a value, outermost first, those nested in a Join or JsonGet included."""
    if isinstance(value, SCALARS):
        return
    if isinstance(value, OBJECTS):
        for member in value.values():
            yield from iter_expressions(member)
    elif isinstance(value, tuple):
        for member in value:
            yield from iter_expressions(member)
    elif isinstance(value, Join):
        yield value
        for member in value.values:
            yield from iter_expressions(member)
    elif isinstance(value, JsonGet):
        yield value
        yield from iter_expressions(value.source)
    else:
        yield value


def format_path(path: PropertyPath) -> str:
    """A property path as a definition writes it: ``.A[0]['k']``."""
    parts = []
    for token in path:
        match token:
            case Member(name):
                parts.append(f".{name}")
            case Index(position):
                parts.append(f"[{position}]")
            case Key(name):
                parts.append(f"['{_escape(name)}']")
    return "".join(parts)


def _escape(key: str) -> str:
    # A backslash is doubled only where the reader would take it for an escape, so that most keys stay as they are.
    return _BACKSLASH.sub(r"\\\\", key).replace("'", "\\'")


def format_expression(expression: Expression) -> str:
    """An expression in one line, for messages: ``Steps.Train.ModelArtifacts.S3ModelArtifacts``."""
    match expression:
        case ParameterReference(name):
            return f"Parameters.{name}"
        case ExecutionVariable(name):
            return f"Execution.{name}"
        case ExperimentReference(name):
            return f"PipelineExperimentConfig.{name}"
        case PropertyReference(step, path):
            return f"Steps.{step}{format_path(path)}"
        case PropertyFileReference(step, property_file):
            return f"Steps.{step}.PropertyFiles.{property_file}"
        case CurrentItem(path):
            return f"ForEach.CurrentItem{format_path(path)}"
        case IterationOutput(step, path):
            return f"IterationOutput.{step}{format_path(path)}"
        case Join(separator, values):
            return f"Std:Join({separator!r}, {', '.join(_format_value(value) for value in values)})"
        case JsonGet(source, json_path):
            return f"Std:JsonGet({_format_value(source)}, {json_path!r})"


def _format_value(value: Value) -> str:
    if isinstance(value, Mapping):
        return "{...}"
    if isinstance(value, tuple):
        return "[...]"
    if isinstance(value, str | int | float | bool | None):
        return repr(value)
    return format_expression(value)


def to_json(value: Value) -> object:
    """A value in the form in which a definition writes it, expressions as objects: the inverse of reading."""
    if isinstance(value, SCALARS):
        return value
    if isinstance(value, OBJECTS):
        return {name: to_json(member) for name, member in value.items()}
    if isinstance(value, tuple):
        return [to_json(member) for member in value]
    if isinstance(value, Join):
        return {"Std:Join": {"On": value.separator, "Values": [to_json(member) for member in value.values]}}
    if isinstance(value, JsonGet):
        key = "PropertyFile" if isinstance(value.source, PropertyFileReference) else "S3Uri"
        return {"Std:JsonGet": {key: to_json(value.source), "Path": value.path}}
    return {"Get": format_expression(value)}
