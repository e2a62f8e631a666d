"""The first task of a Dag whose parameters have templates that ask for what may change: it renders them, once in a run.

What may change (a variable, an XCom, a clock) may do so between two steps, and the first steps run side by side. So one
task writes, before any step runs, and all of them read. It keeps what it wrote: cleared, it leaves the same again.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, TriggerRule
from airflow.sdk.definitions._internal.mixins import ResolveMixin
from airflow.sdk.exceptions import AirflowFailException

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.expressions.end_note import END_KEY, EndNote
from airflow_sm_pipelines.expressions.given_values import NotTakenError, taken_by
from airflow_sm_pipelines.expressions.parameters import shown_as
from airflow_sm_pipelines.graph.tasks import PARAMETERS_TASK
from airflow_sm_pipelines.jobs.log_text import in_lines
from airflow_sm_pipelines.markdown import documentation
from airflow_sm_pipelines.operators.beside_steps import NEUTRAL, RETRY_DELAY, beside_the_steps
from airflow_sm_pipelines.operators.for_each_group import connect
from airflow_sm_pipelines.operators.masking import Masking, shown_text
from airflow_sm_pipelines.operators.real_results import SealedSecrets
from airflow_sm_pipelines.operators.rendering import Rendering
from airflow_sm_pipelines.operators.taken_values import take, written
from airflow_sm_pipelines.operators.task_ports import AirflowTaskStore, XComOutput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta

    from airflow.sdk import DAG, Context, TaskGroup
    from airflow.sdk.definitions._internal.node import DAGNode

    from airflow_sm_pipelines.expressions.pipeline import PipelineContext
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.settings import Settings

STORE_KEY = "parameters"
_ABOUT = (
    "No step of the pipeline: it gives the parameters that have a template in this Dag their values, once for the run,"
    " before any step. A run that gives such a parameter a value has that one. It makes no call to AWS."
)
_ABOUT_GROUP = (
    "No step of the pipeline: it gives the parameters that have a template, or the output of another task, their"
    " values, once for the run, before any step. It makes no call to AWS."
)
NOTHING: Mapping[str, ResolveMixin] = MappingProxyType({})


class Templates(ResolveMixin):
    """The templates, and the outputs of other tasks, as a field of the task: in the serialized Dag as they are written,
    in a run what they came to. The task waits for those others.
    """

    def __init__(self, texts: Mapping[str, Json], taken: Mapping[str, ResolveMixin] = NOTHING) -> None:
        self._texts = {**texts, **{name: written(value) for name, value in taken.items()}}
        self._taken = taken

    def iter_references(self) -> Iterable[tuple[Any, str]]:
        for value in self._taken.values():
            yield from value.iter_references()

    def resolve(self, context: Context) -> Json:
        task: Any = context["task"]
        return task.render(context) or self._texts

    def serialize(self) -> Json:
        return dict(self._texts)


class ParametersOperator(BaseOperator):
    """Leaves the rendered parameters for the steps of its run.

    :param pipeline: what it knows of the pipeline
    :param masking: what is masked where people look
    :param taken: what other tasks of the Dag give, by the names of the parameters. Unlike what templates came to, it is
        not kept: who clears those tasks, and with them this one, wants their new values
    """

    template_fields = ("parameters",)
    template_fields_renderers = {"parameters": "json"}

    _values: dict[str, Json] | None = None
    _failure: StepFailure | None = None

    def __init__(
        self,
        *,
        pipeline: PipelineContext,
        masking: Masking,
        taken: Mapping[str, ResolveMixin] = NOTHING,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pipeline = pipeline
        self.masking = masking
        self.taken = taken
        templates = pipeline.templates.values()
        self.parameters = Templates(
            {each.name: shown_as(each.name, each.text, masking.is_secret) for each in templates}, taken
        )

    def render(self, context: Context) -> Json:
        """What to show of the values, None where there are none: then :meth:`execute` says why."""
        try:
            values = {**self._kept_values(context), **self._taken_values(context)}
        except StepFailure as failure:
            self._failure = failure
            return None
        self._values = values
        self.masking.learn(values)
        return self.masking.rendered(self.masking.value(values))

    def _taken_values(self, context: Context) -> dict[str, Json]:
        values, faults = take(self.taken, self.pipeline.parameters, context, self.masking)
        if faults:
            raise StepFailure(f"The pipeline cannot begin: {' '.join(faults)}")
        return values

    def _kept_values(self, context: Context) -> dict[str, Json]:
        """What is kept of an earlier try or clear. What it has not, since the template was added meanwhile, and what
        its parameter takes no more, is rendered and kept too.
        """
        store, secrets = AirflowTaskStore(context), SealedSecrets(self.masking, XComOutput(context))
        kept = store.get(STORE_KEY)
        known: dict[str, Json] = {} if kept is None else secrets.from_store(kept) or {}
        given = self.pipeline.params_in(context["params"])
        asked = [name for name in self.pipeline.templates if self.pipeline.has_no_value(name, given.get(name))]
        values = {name: value for name in asked if (value := self._still_taken(name, known)) is not None}
        if new := self._rendered(context, [name for name in asked if name not in values]):
            store.set(STORE_KEY, secrets.to_store({**known, **values, **new}))
        return {name: {**values, **new}[name] for name in asked}

    def _still_taken(self, name: str, known: Mapping[str, Json]) -> Json:
        """A kept value in the type that the parameter has now, or None."""
        if known.get(name) is None:
            return None
        kept: Any = known[name]
        try:
            return taken_by(self.pipeline.parameters[name], kept, self.masking.is_secret)
        except NotTakenError as fault:
            self.log.warning("What was kept for the parameter %r is rendered anew: %s", name, shown_text(str(fault)))
            return None

    def _rendered(self, context: Context, names: Iterable[str]) -> dict[str, Json]:
        """:raises StepFailure: with all that fail"""
        rendering = Rendering(context, self.pipeline, self.masking.is_secret)
        values, faults = {}, []
        for name in names:
            try:
                values[name] = rendering.value_of(self.pipeline.templates[name], self.pipeline.parameters[name])
            except StepFailure as failure:
                faults.append(str(failure))
        if faults:
            raise StepFailure(f"The run cannot start: {' '.join(faults)}")
        return values

    def execute(self, context: Context) -> dict[str, Json]:
        """:raises AirflowFailException: with every template that failed"""
        output = XComOutput(context)
        if self._failure is not None or self._values is None:
            failure = self._failure or StepFailure("The fields of the task have not been rendered.")
            self.log.error("%s", in_lines(shown_text(failure.headline)))
            output.push(END_KEY, EndNote.of(failure, "").to_json())
            raise AirflowFailException(str(failure))
        shown: dict[str, Json] = SealedSecrets(self.masking, output).give(self._values)
        for name, value in shown.items():
            self.log.info("%s = %r", name, value)
        return shown


def add_parameters(
    dag: DAG,
    group: TaskGroup | None,
    pipeline: PipelineContext,
    settings: Settings,
    first: Iterable[DAGNode],
    *,
    taken: Mapping[str, ResolveMixin] = NOTHING,
    retry_delay: timedelta = RETRY_DELAY,
    neutral: Mapping[str, Any] = NEUTRAL,
) -> None:
    """Add the task to a Dag, or a task group of it, before the first of the steps.

    :param neutral: what is said of the task so that the default_args of a Dag of the user's do not
    """
    given: dict[str, Any] = {
        **beside_the_steps(dag, group, settings, retry_delay, neutral),
        "task_id": PARAMETERS_TASK,
        "task_display_name": "Parameters of the run" if group is None else "Parameters of the pipeline",
        "doc_md": documentation([_ABOUT if group is None else _ABOUT_GROUP]),
        "pipeline": pipeline,
        "masking": Masking(settings.not_secret),
        "taken": taken,
        **({} if group is None else {"trigger_rule": TriggerRule.ALL_SUCCESS}),
    }
    task = ParametersOperator(**given)
    for each in first:
        connect(task, each)
