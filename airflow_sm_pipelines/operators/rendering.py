"""A template of a parameter becomes the parameter's value, with what a run knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.expressions.given_values import NotTakenError, taken_by
from airflow_sm_pipelines.expressions.json_text import quoted
from airflow_sm_pipelines.expressions.long_texts import CUT, has_cut
from airflow_sm_pipelines.expressions.parameters import shown_as
from airflow_sm_pipelines.expressions.templates import OF_DATES, names_in
from airflow_sm_pipelines.operators.masking import shown_text
from airflow_sm_pipelines.operators.template_names import TemplateNames

if TYPE_CHECKING:
    from airflow.sdk import DAG, Context

    from airflow_sm_pipelines.definition.model import Parameter
    from airflow_sm_pipelines.definition.secret_names import IsSecret
    from airflow_sm_pipelines.expressions.pipeline import PipelineContext
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.expressions.templates import ParameterTemplate


class Rendering:
    """Renders the templates of one run's parameters.

    :param context: of any task of the run
    :param pipeline: what is known of the pipeline
    """

    def __init__(self, context: Context, pipeline: PipelineContext, is_secret: IsSecret) -> None:
        self._dag: DAG = context["dag"]
        self._names = TemplateNames(context, pipeline, is_secret)
        self._is_secret = is_secret

    def value_of(self, template: ParameterTemplate, parameter: Parameter) -> Json:
        """:raises StepFailure: where the template cannot be rendered, or the parameter does not take what it gives"""
        # Jinja is imported where a template is rendered: most pipelines have none.
        from airflow.sdk.definitions._internal.templater import FILTERS

        from airflow_sm_pipelines.expressions.sandbox import render

        filters: dict[str, Any] = {**FILTERS, **(self._dag.user_defined_filters or {})}
        try:
            text = render(template.text, self._names.of(names_in(template.text)), filters)
        except Exception as error:
            raise self._failure(template, f"{_in_words(error)}{self._hint(template)}") from error
        if has_cut(text):
            raise self._failure(template, CUT)
        try:
            return taken_by(parameter, text, self._is_secret)
        except NotTakenError as fault:
            raise self._failure(template, str(fault)) from None

    def _failure(self, template: ParameterTemplate, why: str) -> StepFailure:
        shown = shown_as(template.name, template.text, self._is_secret)
        message = f"the parameter {template.name!r} has no value, since its template {quoted(shown)} failed: {why}"
        return StepFailure(shown_text(f"{message.rstrip('.')}."))

    def _hint(self, template: ParameterTemplate) -> str:
        missing = sorted(name for name in names_in(template.text) & OF_DATES if not self._names.has(name))
        if not missing:
            return ""
        return (
            f". The run has no logical date, and so no {missing[0]}: start it with one, give the parameter a value, or"
            " let the template use dag_run.run_after"
        )


def _in_words(error: Exception) -> str:
    """What went wrong; Airflow names what it does not give in an object."""
    details = getattr(getattr(error, "error", None), "detail", None)
    if isinstance(details, dict) and isinstance(message := details.get("message"), str):
        return message
    said = str(error)
    own = type(error).__module__.startswith(("jinja2", "airflow_sm_pipelines"))
    return said if said and own else f"{type(error).__name__}: {said}"
