"""What type of value an expression gives, as far as the definition says."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.expressions import (
    ExecutionVariable,
    ExperimentReference,
    Index,
    Join,
    Key,
    Member,
    ParameterReference,
    PropertyReference,
)
from airflow_sm_pipelines.definition.loops import result_within
from airflow_sm_pipelines.definition.settings import output_parameters
from airflow_sm_pipelines.step_types import for_each

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.expressions import Expression, PropertyPath, Scalar
    from airflow_sm_pipelines.definition.model import ForEachBody, Parameter, Step
    from airflow_sm_pipelines.step_types.step_type import StepType
    from airflow_sm_pipelines.validation.api_model import ApiModel

STRING, INTEGER, FLOAT, BOOLEAN = "string", "integer", "float", "boolean"
CONTAINERS = ("structure", "list", "map")
_DECLARED = {"String": STRING, "Integer": INTEGER, "Float": FLOAT, "Boolean": BOOLEAN}
_OF_API = {"long": INTEGER, "double": FLOAT, "timestamp": STRING, "blob": STRING}


class ExpressionTypes:
    """The types of the expressions of one pipeline: string, integer, float, boolean, structure, list or map.

    None is a type that is known only when the expression is evaluated: what a file or an item holds.
    """

    def __init__(
        self,
        model: ApiModel,
        step_types: Mapping[str, StepType],
        parameters: Mapping[str, Parameter],
        steps: Mapping[str, Step],
        given: Mapping[str, Scalar] = MappingProxyType({}),
    ) -> None:
        self._model = model
        self._step_types = step_types
        self._parameters = parameters
        self._steps = steps
        self._given = given

    def default_of(self, expression: Expression) -> Scalar:
        """The value that a parameter has where a run gives none: ``given`` in Airflow, else its default."""
        if not isinstance(expression, ParameterReference) or expression.name not in self._parameters:
            return None
        return self._given.get(expression.name, self._parameters[expression.name].default)

    def type_of(self, expression: Expression) -> str | None:
        """The type of an expression's value."""
        match expression:
            case Join() | ExecutionVariable() | ExperimentReference():
                return STRING
            case ParameterReference(name):
                parameter = self._parameters.get(name)
                return None if parameter is None else _DECLARED[parameter.type.value]
            case PropertyReference(name, path) if name in self._steps and path:
                return self._property(self._steps[name], path)
        return None

    def _property(self, step: Step, path: PropertyPath) -> str | None:
        if step.for_each is not None:
            return self._of_loop(step.for_each, path)
        match path:
            case (Member("OutputParameters"), Key(name)):
                declared = output_parameters(step).get(name)
                return None if declared is None else _DECLARED[declared.value]
        named = self._step_types.get(step.type)
        known = None if named is None else named.used_with(step.arguments)
        if known is None or known.properties is None or getattr(path[0], "name", None) in known.extra_properties:
            return None
        shapes = self._model.services.get(known.properties.service, {})
        shape = self._model.response(known.properties)
        for token in path:
            value = None if shape is None else shapes.get(shape)
            match value and value.type, token:
                case "structure", Member(name) | Key(name):
                    shape = value.members.get(name) if value is not None else None
                case "map", Member() | Key():
                    shape = value.value if value is not None else None
                case "list", Index() | Key():
                    shape = value.member if value is not None else None
                case _:
                    return None
        last = None if shape is None else shapes.get(shape)
        return None if last is None or last.type == "document" else _OF_API.get(last.type, last.type)

    def _of_loop(self, loop: ForEachBody, path: PropertyPath) -> str | None:
        match path:
            case (Member(for_each.STATUS) | Key(for_each.STATUS),):
                return STRING
            case (Member(name) | Key(name),) if name in for_each.COUNTS:
                return INTEGER
        found = result_within(loop, path)
        return None if found is None or not path[found[1] :] else self._property(found[0], path[found[1] :])
