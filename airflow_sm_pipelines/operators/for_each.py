"""ForEach: one step for each item of a list (semantics 2.17). Experimental.

Three tasks run it: one that finds the items, the body's own task mapped over them, and the one in here, which bears the
step's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk.exceptions import AirflowSkipException
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.expressions.for_each import (
    Child,
    ChildState,
    ForEachError,
    Selector,
    result_of,
    told_failures,
)
from airflow_sm_pipelines.expressions.iteration import FAILURE_KEY, Iteration
from airflow_sm_pipelines.expressions.scope import RESULT_KEY
from airflow_sm_pipelines.operators.real_results import RealResults
from airflow_sm_pipelines.operators.step import StepOperator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.expressions import Object
    from airflow_sm_pipelines.definition.model import ForEachBody, Step
    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json

STATES = {"success": ChildState.SUCCEEDED, "failed": ChildState.FAILED, "upstream_failed": ChildState.FAILED}


class ForEachStepOperator(StepOperator):
    """What a ForEach step comes to when all its children have ended. Its result has ``ChildOutputs`` in the order of
    the items, ``Selected`` where there is a Selector, ``Status`` and the counts; it is pushed on failure too.

    It runs whatever became of the children: a child that failed fails the step when the others have ended. Where the
    items were skipped, so is the step.

    :param items_task_id: the task that found the items
    """

    def __init__(self, *, items_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.items_task_id = items_task_id

    @property
    def loop(self) -> ForEachBody:
        if self.step.for_each is None:
            raise TypeError(f"{self.step.name} is no ForEach step")
        return self.step.for_each

    @property
    def body(self) -> Step:
        return self.loop.body[0]

    @override
    def request_template(self) -> Object:
        return {"ForEachBody": (self.body.name,), "Selector": self.loop.selector}

    @override
    def resolve(self, context: Context, scope: TaskScope) -> Json:
        return self.shown_template()

    @override
    def run_step(self, context: Context) -> Any:
        self.check_lost_tries()
        self.check_resolved(context)
        children = self._children(context)
        if any(child.state is not ChildState.SUCCEEDED for child in children):
            self._give_up(context, children, told_failures(children, self.body.name))
        selector = Selector.of(self.loop.selector)
        try:
            selected = None if selector is None else selector.pick(children)
        except ForEachError as error:
            self._give_up(context, children, f"its Selector cannot pick a child: {error}.")
        self.log.info("All %d children succeeded", len(children))
        self.deliver(context)
        return self.give(context, result_of(children, selected))

    def _give_up(self, context: Context, children: list[Child], reason: str) -> NoReturn:
        context["ti"].xcom_push(key=RESULT_KEY, value=self.give(context, result_of(children, None)))
        self.fail_attempt(context, StepFailure(f"Step {self.step.name!r} failed: {reason}"))

    def _children(self, context: Context) -> list[Child]:
        ti = context["ti"]
        listed = ti.get_task_states(
            dag_id=ti.dag_id, task_ids=[self.items_task_id, self.body.name], run_ids=[ti.run_id]
        ).get(ti.run_id, {})
        state = listed.get(self.items_task_id)
        if state == "skipped":
            raise AirflowSkipException("The step is skipped, as its items are")
        items = ti.xcom_pull(task_ids=self.items_task_id, key=RESULT_KEY)
        if state != "success" or not isinstance(items, list):
            told = f"the task {self.items_task_id} that finds its items is {state}"
            self.fail_attempt(context, StepFailure(f"Step {self.step.name!r} did not begin: {told}."))
        results = RealResults(ti, self.access, self.pipeline.step_types)
        real: Any = results.of(self.items_task_id, items)
        return [self._child(ti, results, Iteration.from_json(item), listed) for item in real]

    def _child(self, ti: Any, results: RealResults, iteration: Iteration, listed: Mapping[str, str | None]) -> Child:
        index = iteration.index
        state = STATES.get(listed.get(f"{self.body.name}_{index}") or "", ChildState.STOPPED)
        key = RESULT_KEY if state is ChildState.SUCCEEDED else FAILURE_KEY
        left = ti.xcom_pull(task_ids=self.body.name, key=key, map_indexes=index)
        if state is ChildState.SUCCEEDED:
            return Child(index, iteration.item, state, output=results.of(self.body.name, left, index))
        return Child(index, iteration.item, state, reason=left)
