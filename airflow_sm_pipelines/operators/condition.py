"""Condition: a branch (semantics 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseBranchOperator
from typing_extensions import override

from airflow_sm_pipelines.definition.writer import condition_to_object
from airflow_sm_pipelines.expressions.condition_words import conditions_in_words
from airflow_sm_pipelines.expressions.conditions import evaluate_all
from airflow_sm_pipelines.expressions.values import resolve_object
from airflow_sm_pipelines.graph.tasks import items_task
from airflow_sm_pipelines.jobs.log_text import in_lines
from airflow_sm_pipelines.operators.masking import shown_text
from airflow_sm_pipelines.operators.step import StepOperator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.expressions import Object
    from airflow_sm_pipelines.definition.model import Branches, Step
    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.graph import Graph


class ConditionStepOperator(StepOperator, BaseBranchOperator):
    """A Condition step. Its result is ``{"Outcome": true}`` or ``{"Outcome": false}``.

    It skips exactly the steps of the branch that is not taken, those of nested branches included; what needs one
    of them is skipped by its trigger rule. Airflow's own ``skip_all_except`` would skip a step that only waits for
    the condition, and would run an else-step that needs an if-step.

    :param untaken: the ids in the pipeline of the tasks to skip for each outcome
    """

    @override
    @classmethod
    def arguments_of(cls, step: Step, graph: Graph) -> dict[str, Any]:
        return {"untaken": {outcome: tuple(_untaken(step, graph, outcome)) for outcome in (True, False)}}

    def __init__(self, *, untaken: dict[bool, Sequence[str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.untaken = untaken
        self._outcome: bool | None = None
        self._words = ""

    @property
    def branches(self) -> Branches:
        if self.step.branches is None:
            raise TypeError(f"{self.step.name} is no Condition step")
        return self.step.branches

    @override
    def request_template(self) -> Object:
        return {"Conditions": tuple(condition_to_object(condition) for condition in self.branches.conditions)}

    @override
    def resolve(self, context: Context, scope: TaskScope) -> Json:
        self._outcome = evaluate_all(self.branches.conditions, scope)
        resolved = resolve_object(self.request_template(), scope)
        self._words = conditions_in_words(resolved["Conditions"])
        return {**resolved, "Outcome": self._outcome}

    @override
    def choose_branch(self, context: Context) -> list[str]:
        """The ids of the tasks that follow the condition directly and are not skipped."""
        if self._outcome is None:
            raise RuntimeError(f"the step {self.task_id} has not been evaluated")
        skipped = set(self._skipped)
        return [task_id for task_id in self.downstream_task_ids if task_id not in skipped]

    @override
    def run_step(self, context: Context) -> Any:
        self.check_lost_tries()
        self.check_resolved(context)
        if self._outcome is None:
            raise RuntimeError(f"the step {self.task_id} has not been evaluated")
        words = self._words or "No conditions"
        message = f"{words}, the if branch" if self._outcome else f"{words} does not hold, the else branch"
        self.log.info("%s", in_lines(shown_text(message)))
        # Pushed here and not returned: skipping ends the task with an exception, and Airflow then pushes nothing.
        context["ti"].xcom_push(key="return_value", value={"Outcome": self._outcome})
        self.deliver(context)
        dag = self.get_dag()
        if dag is None:
            raise RuntimeError(f"the step {self.task_id} is in no Dag")
        self.skip(context["ti"], [dag.get_task(task_id) for task_id in self._skipped])

    @property
    def _skipped(self) -> list[str]:
        return [] if self._outcome is None else [self.pipeline.place.task(own) for own in self.untaken[self._outcome]]


def _untaken(step: Step, graph: Graph, outcome: bool) -> Iterator[str]:
    """The tasks to skip for an outcome: those of the steps of the other branch, and what comes first of a ForEach."""
    for name in graph.untaken(step.name, outcome):
        yield graph.task_of(name)
        if name in graph.bodies:
            yield items_task(name)
