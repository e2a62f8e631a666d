"""The values and templates that a Dag is given for the pipeline's parameters, in Python or by a sidecar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions._internal.templater import LiteralValue
from msgspec import Struct

from airflow_sm_pipelines.definition.findings import DefinitionError
from airflow_sm_pipelines.expressions.given_values import wrong_templates
from airflow_sm_pipelines.expressions.templates import split

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.model import Parameter


class GivenParameters(Struct, frozen=True):
    """``values`` take the place of defaults, ``templates`` are rendered in each run; no parameter is in both."""

    values: dict[str, Any]
    templates: dict[str, str]

    @property
    def known(self) -> dict[str, Any]:
        """The value of each parameter that has one given; None for that of a template, which only a run knows."""
        return {**self.values, **dict.fromkeys(self.templates)}

    def check(self, parameters: Mapping[str, Parameter], dag_arguments: Mapping[str, Any]) -> None:
        """:raises DefinitionError: with all that is wrong with the templates"""
        if not self.templates:
            return
        macros, filters = (dag_arguments.get(f"user_defined_{kind}") or {} for kind in ("macros", "filters"))
        if findings := [*wrong_templates(parameters, self.templates, macros=macros, filters=filters)]:
            raise DefinitionError("parameters", findings)


def given_parameters(parameters: Mapping[str, Any] | None) -> GivenParameters:
    """Separate values from templates. A text that Airflow's ``literal()`` wraps is a value, whatever stands in it."""
    values, templates = split(parameters or {})
    unwrapped = {name: value.value if isinstance(value, LiteralValue) else value for name, value in values.items()}
    return GivenParameters(unwrapped, templates)
