"""The values that templates give a run's parameters, as a step sees them: the same in every step, try and clear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.definition.secrets import texts
from airflow_sm_pipelines.expressions.scope import RESULT_KEY
from airflow_sm_pipelines.operators.masking import learn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_sm_pipelines.expressions.pipeline import PipelineContext
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.operators.masking import Masking
    from airflow_sm_pipelines.operators.real_results import RealResults


class RunParameters:
    """What templates give the parameters of one run that it was given no value for.

    Where one of the templates asks for what may change, the Dag has a first task that renders all of them, and they are
    read from there. Otherwise they follow from the run alone, and are rendered here.
    """

    def __init__(self, context: Context, pipeline: PipelineContext, masking: Masking, results: RealResults) -> None:
        self._context = context
        self._pipeline = pipeline
        self._masking = masking
        self._results = results
        self._known: dict[str, Json] | None = None

    def has(self, name: str, given: Json) -> bool:
        """Whether a template, or a task, gives a parameter its value in the run, which has been given ``given``."""
        return self._pipeline.has_no_value(name, given)

    def value_of(self, name: str) -> Json:
        """:raises StepFailure: where there is none"""
        if self._pipeline.renders_first:
            if self._known is None:
                self._known = self._read()
            template = self._pipeline.templates.get(name)
            if name not in self._known and template is not None and not template.is_kept:
                # It was added after that task: it comes to the same here.
                return self._rendered(name)
            if name not in self._known:
                raise StepFailure(
                    f"the parameter {name!r} has no value: the task {self._pipeline.parameters_task}, which finds"
                    " it, has left none in this run. Clear that task."
                )
            return self._known[name]
        return self._rendered(name)

    def _rendered(self, name: str) -> Json:
        from airflow_sm_pipelines.operators.rendering import Rendering

        rendering = Rendering(self._context, self._pipeline, self._masking.is_secret)
        return rendering.value_of(self._pipeline.templates[name], self._pipeline.parameters[name])

    def faults(self) -> list[str]:
        """What keeps a run from starting: each template that fails, where no task has rendered them before."""
        if self._pipeline.renders_first:
            return []
        faults, given = [], self._pipeline.params_in(self._context["params"])
        for name in self._pipeline.templates:
            if self.has(name, given.get(name)):
                try:
                    self.value_of(name)
                except StepFailure as failure:
                    faults.append(str(failure))
        return faults

    def _read(self) -> dict[str, Json]:
        task_id = self._pipeline.parameters_task
        shown: Any = self._context["ti"].xcom_pull(task_ids=task_id, key=RESULT_KEY)
        if not isinstance(shown, dict):
            return {}
        real = self._results.of(task_id, shown)
        known: Mapping[str, Json] = real if isinstance(real, dict) else {}
        # What had a secret in it is masked here too, as a whole: which part of it that was, is known no more.
        learn(texts([value for name, value in known.items() if value != shown.get(name)]))
        return dict(known)
