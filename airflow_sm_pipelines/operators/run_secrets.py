"""The secrets that a step knows of before it resolves anything: of its run's parameters, and of the definition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.expressions import to_json
from airflow_sm_pipelines.definition.secrets import literal_secrets, texts
from airflow_sm_pipelines.expressions.parameters import is_secret_parameter
from airflow_sm_pipelines.operators.masking import learn

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.operators.step import StepOperator


def learn_secrets(operator: StepOperator, context: Context) -> None:
    """Make them known to Airflow's masker, before anything of the step can be logged or shown."""
    is_secret = operator.masking.is_secret
    given = operator.pipeline.params_in(context["params"])
    for name, parameter in operator.pipeline.parameters.items():
        if is_secret_parameter(parameter, is_secret):
            learn(texts([parameter.default, given.get(name)]))
    for written in (operator.request_template(), operator.step.settings):
        learn(literal_secrets(to_json(written), is_secret))
