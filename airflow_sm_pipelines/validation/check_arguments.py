"""Whether AWS knows the keys of a step's Arguments: each against the request that the Arguments are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.definition.findings import Finding
from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.paths import render_path, shorten
from airflow_sm_pipelines.validation.shape_texts import ANY, LIST, MAP
from airflow_sm_pipelines.validation.shapes import shape_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.findings import FindingCollector, Severity
    from airflow_sm_pipelines.definition.model import Pipeline, Step
    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.step_types.step_type import ApiShape, StepType
    from airflow_sm_pipelines.validation.shape_texts import Shape
    from airflow_sm_pipelines.validation.shapes import ShapeTable

PASSED_ON = "it is passed on as it is"
"""How the message ends that tells of such a key."""

_CONTAINERS = (FrozenDict, tuple)
"""A tuple, since ``FrozenDict | tuple`` would be built anew at every test of a hot loop."""


def check_arguments(
    pipeline: Pipeline, step_types: Mapping[str, StepType], severity: Severity, collector: FindingCollector
) -> None:
    """A finding for each key of Arguments that the step's Create request lacks; it is passed on all the same.

    Expressions and free-form maps are not looked into. Types without a request of their own are not checked.
    """
    table = shape_table()
    for step in pipeline.walk():
        known = step_types.get(step.type)
        request = None if known is None else known.used_with(step.arguments).arguments
        if request is None:
            continue
        shape = table.request(request)
        if shape is not None:
            _Walk(table, request, step, severity, collector).visit(step.arguments, shape, None)


class _Walk(Struct, frozen=True):
    """A walk through the Arguments of one step beside the shapes of its request."""

    table: ShapeTable
    api: ApiShape
    step: Step
    severity: Severity
    collector: FindingCollector

    def visit(self, value: Value, shape: Shape, path: JsonPath) -> None:
        kind = shape[0]
        if isinstance(value, FrozenDict):
            if kind == LIST:
                return
            if kind == MAP:
                self._visit_values(value, shape[1:], path)
                return
            members = self.table.known(self.api.service, shape)
            if not value.keys() <= members.keys():
                members = self._check_keys(value, shape, path)
            for key, member in value.items():
                # Single values and expressions have no keys of their own.
                if isinstance(member, _CONTAINERS) and members.get(key):
                    self.visit(member, members[key], (path, key))
        elif isinstance(value, tuple) and kind == LIST and shape[1:]:
            for index, element in enumerate(value):
                self.visit(element, shape[1:], (path, index))

    def _visit_values(self, value: Mapping[str, Value], shape: Shape, path: JsonPath) -> None:
        if shape:
            for key, member in value.items():
                self.visit(member, shape, (path, key))

    def _check_keys(self, value: Mapping[str, Value], shape: Shape, path: JsonPath) -> Mapping[str, Shape]:
        """Tell of the unknown keys, and return the members with those that only the installed botocore knows."""
        if shape == ANY:
            return {}
        every = self.table.members(self.api.service, shape)
        for key in value:
            if key not in every:
                self._tell(key, [name for name in every if name not in value], path)
        return every

    def _tell(self, key: str, unused: list[str], path: JsonPath) -> None:
        where = f"{render_path(path)[2:]} of " if path is not None else ""
        message = f"unknown key {shorten(key)!r}: {where}{self.api.operation} has no such member, {PASSED_ON}"
        place = f"{self.step.path}.Arguments{render_path((path, key))[1:]}"
        near = self.collector.guess(key, unused)
        self.collector.add(Finding(message, place, self.step.name, near, self.severity, on_key=True))
