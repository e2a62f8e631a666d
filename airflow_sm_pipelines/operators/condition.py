"""Condition: a branch (semantics 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseBranchOperator
from typing_extensions import override

from airflow_sm_pipelines.definition.model import Compare, In, Not, Or
from airflow_sm_pipelines.expressions.conditions import evaluate_all
from airflow_sm_pipelines.expressions.values import resolve_object
from airflow_sm_pipelines.operators.for_each_group import items_task_ids
from airflow_sm_pipelines.operators.step import StepOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.expressions import Object, Value
    from airflow_sm_pipelines.definition.model import Branches, Condition, Step
    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.graph import Graph


class ConditionStepOperator(StepOperator, BaseBranchOperator):
    """A Condition step. Its result is ``{"Outcome": true}`` or ``{"Outcome": false}``.

    It skips exactly the steps of the branch that is not taken, those of nested branches included; what needs one
    of them is skipped by its trigger rule. Airflow's own ``skip_all_except`` would skip a step that only waits for
    the condition, and would run an else-step that needs an if-step.

    :param untaken: the ids of the steps to skip for each outcome
    """

    @override
    @classmethod
    def arguments_of(cls, step: Step, graph: Graph) -> dict[str, Any]:
        return {"untaken": {outcome: _untaken(step, graph, outcome) for outcome in (True, False)}}

    def __init__(self, *, untaken: dict[bool, Sequence[str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.untaken = untaken
        self._outcome: bool | None = None

    @property
    def branches(self) -> Branches:
        if self.step.branches is None:
            raise TypeError(f"{self.step.name} is no Condition step")
        return self.step.branches

    @override
    def request_template(self) -> Object:
        return {"Conditions": tuple(_as_value(condition) for condition in self.branches.conditions)}

    @override
    def resolve(self, context: Context, scope: TaskScope) -> Json:
        self._outcome = evaluate_all(self.branches.conditions, scope)
        return {**resolve_object(self.request_template(), scope), "Outcome": self._outcome}

    @override
    def choose_branch(self, context: Context) -> list[str]:
        """The ids of the tasks that follow the condition directly and are not skipped."""
        if self._outcome is None:
            raise RuntimeError(f"the step {self.task_id} has not been evaluated")
        skipped = set(self.untaken[self._outcome])
        return [task_id for task_id in self.downstream_task_ids if task_id not in skipped]

    @override
    def run_step(self, context: Context) -> Any:
        self.check_lost_tries()
        self.check_resolved(context)
        if self._outcome is None:
            raise RuntimeError(f"the step {self.task_id} has not been evaluated")
        self.log.info("The conditions are %s: the %s branch is taken", self._outcome, "if" if self._outcome else "else")
        # Pushed here and not returned: skipping ends the task with an exception, and Airflow then pushes nothing.
        context["ti"].xcom_push(key="return_value", value={"Outcome": self._outcome})
        self.deliver(context)
        dag = self.get_dag()
        if dag is None:
            raise RuntimeError(f"the step {self.task_id} is in no Dag")
        self.skip(context["ti"], [dag.get_task(task_id) for task_id in self.untaken[self._outcome]])


def _untaken(step: Step, graph: Graph, outcome: bool) -> tuple[str, ...]:
    """The tasks to skip for an outcome: the steps of the other branch, and what comes first of a ForEach step."""
    assert step.branches is not None
    other = step.branches.else_steps if outcome else step.branches.if_steps
    return (*graph.untaken(step.name, outcome), *items_task_ids(other))


def _as_value(condition: Condition) -> Value:
    match condition:
        case Compare(comparison, left, right):
            return {"Type": comparison.value, "LeftValue": left, "RightValue": right}
        case In(query, values):
            return {"Type": "In", "QueryValue": query, "Values": values}
        case Not(inner):
            return {"Type": "Not", "Condition": _as_value(inner)}
        case Or(inner_conditions):
            return {"Type": "Or", "Conditions": tuple(_as_value(inner) for inner in inner_conditions)}
