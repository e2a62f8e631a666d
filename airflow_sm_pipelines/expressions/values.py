"""Resolving the values of a definition: the one place where an expression becomes a JSON value.

What the expressions speak of (parameters, results of other steps, files in S3) comes from a :class:`Scope`, so
that the meaning of the language stands apart from where Airflow keeps these things.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError
from airflow_sm_pipelines.definition.expressions import (
    CurrentItem,
    ExecutionVariable,
    ExperimentReference,
    IterationOutput,
    Join,
    JsonGet,
    ParameterReference,
    PropertyFileReference,
    PropertyReference,
    format_expression,
)
from airflow_sm_pipelines.expressions.json_get import JsonPathError, json_get, name_in
from airflow_sm_pipelines.expressions.json_text import shown, unusable
from airflow_sm_pipelines.expressions.stringify import to_text

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.expressions import Expression, Object, Value
    from airflow_sm_pipelines.expressions.stringify import Json


class Scope(Protocol):
    """What the expressions of one step can refer to. Each raises :class:`UnresolvedError` for what is not there."""

    def parameter(self, name: str) -> Json:
        """The value of a pipeline parameter, in its declared type."""

    def execution_variable(self, name: str) -> Json:
        """The value of ``Execution.<name>``."""

    def experiment(self, name: str) -> Json:
        """``ExperimentName`` or ``TrialName`` of the pipeline's experiment."""

    def step_property(self, reference: PropertyReference) -> Json:
        """A property of another step's result."""

    def property_file_uri(self, reference: PropertyFileReference) -> str:
        """The S3 URI of a property file that another step wrote."""

    def read_json(self, uri: str) -> Json:
        """The content of a JSON file in S3."""

    def learn(self, name: str | None, value: Json) -> None:
        """Called with a value that was read, and the name by which it went: it may be a secret."""

    def current_item(self, reference: CurrentItem) -> Json:
        """The item that the body of a ForEach step runs for, or a field of it."""


def resolve(value: Value, scope: Scope, *, keep_null: bool = False) -> Json:
    """A value with every expression in it evaluated; literals keep their JSON types.

    A member of an object whose value is the literal ``null`` is left out, but of a payload (semantics 14.2).

    :raises UnresolvedError: for an expression that gives nothing
    """
    if isinstance(value, str | int | float | bool | None):
        return value
    if isinstance(value, Mapping):
        return resolve_object(value, scope, keep_null=keep_null)
    if isinstance(value, tuple):
        return [resolve(element, scope, keep_null=keep_null) for element in value]
    try:
        resolved = _evaluate(value, scope)
    except RecursionError:
        raise UnresolvedError(type(value).__name__, "is nested too deeply to be resolved.") from None
    if resolved is None:
        raise UnresolvedError(format_expression(value), "is undefined: it resolves to nothing.")
    if (reason := unusable(resolved)) is not None:
        raise UnresolvedError(format_expression(value), f"{reason}.")
    return resolved


def resolve_object(members: Object, scope: Scope, *, keep_null: bool = False) -> dict[str, Json]:
    """The ``members`` of an object, such as a step's Arguments, with every expression evaluated in ``scope``.

    A member that is null is left out, unless ``keep_null`` says otherwise, as for the payloads of functions.
    """
    return {
        name: resolve(member, scope, keep_null=keep_null)
        for name, member in members.items()
        if keep_null or member is not None
    }


def _evaluate(expression: Expression, scope: Scope) -> Json:
    match expression:
        case ParameterReference(name):
            return scope.parameter(name)
        case ExecutionVariable(name):
            return scope.execution_variable(name)
        case ExperimentReference(name):
            return scope.experiment(name)
        case PropertyReference():
            return scope.step_property(expression)
        case Join(separator, values):
            return separator.join(to_text(resolve(part, scope)) for part in values)
        case JsonGet():
            return _evaluate_json_get(expression, scope)
        case PropertyFileReference():
            raise UnresolvedError(format_expression(expression), "names a file: only Std:JsonGet can read it.")
        case CurrentItem():
            return scope.current_item(expression)
        case IterationOutput():
            raise UnresolvedError(format_expression(expression), "has a meaning only in a Selector of a ForEach step.")


def _evaluate_json_get(expression: JsonGet, scope: Scope) -> Json:
    source = expression.source
    uri = scope.property_file_uri(source) if isinstance(source, PropertyFileReference) else resolve(source, scope)
    if not isinstance(uri, str):
        raise UnresolvedError(format_expression(expression), f"needs an S3 URI, not {shown(uri)}.")
    try:
        document = scope.read_json(uri)
    except UnresolvedError as error:
        raise UnresolvedError(format_expression(expression), f"cannot be read: {error}") from None
    try:
        value = json_get(document, expression.path)
    except JsonPathError as error:
        raise UnresolvedError(format_expression(expression), f"cannot be read from {uri}: {error}") from None
    scope.learn(name_in(expression.path), value)
    return value
