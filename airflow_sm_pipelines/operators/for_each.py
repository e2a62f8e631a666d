"""ForEach: a body of steps for each item of a list (semantics 2.17).

Three kinds of tasks run it: one that finds the items, those of the body, mapped over them, and the one in here, which
has the result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.sdk.exceptions import AirflowSkipException
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import RunRefused, StepFailure, StepNotBegun
from airflow_sm_pipelines.expressions.end_note import END_KEY, EndNote
from airflow_sm_pipelines.expressions.for_each import (
    Child,
    ChildState,
    ForEachError,
    Selector,
    describe_failures,
    handlers,
    nothing_run,
    result_of,
)
from airflow_sm_pipelines.expressions.scope import RESULT_KEY
from airflow_sm_pipelines.graph.run_conditions import UpstreamState
from airflow_sm_pipelines.operators.for_each_items import COUNT_KEY
from airflow_sm_pipelines.operators.real_results import RealResults
from airflow_sm_pipelines.operators.step import StepOperator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.expressions import Object
    from airflow_sm_pipelines.definition.model import ForEachBody
    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json

STATES = {"success": ChildState.SUCCEEDED, "failed": ChildState.FAILED, "upstream_failed": ChildState.NOT_RUN}


class ForEachStepOperator(StepOperator):
    """What a ForEach step comes to when all its children have ended. Its result has ``IterationOutputs`` in the order
    of the items, ``Selected`` where there is a Selector, ``Status`` and the counts; it is pushed on failure too.

    It runs whatever became of the children: a child that failed fails the step when the others have ended. Where the
    items were skipped, so is the step.
    """

    # The step's first task has judged them.
    judges_conditions: ClassVar[bool] = False

    @property
    def loop(self) -> ForEachBody:
        if self.step.for_each is None:
            raise TypeError(f"{self.step.name} is no ForEach step")
        return self.step.for_each

    @override
    def request_template(self) -> Object:
        return {"ForEachBody": tuple(body.name for body in self.loop.body), "Selector": self.loop.selector}

    @override
    def resolve(self, context: Context, scope: TaskScope) -> Json:
        return self.shown_template()

    @override
    def run_step(self, context: Context) -> Any:
        self.check_lost_tries()
        self.check_resolved(context)
        items, children = self._children(context)
        if any(child.state.is_fault for child in children):
            ran = handlers(children, self.pipeline.graph.bodies[self.step.name])
            self._give_up(context, result_of(children, None, items), describe_failures(children), ran)
        selector = Selector.of(self.loop.selector)
        try:
            selected = None if selector is None else selector.pick(children)
        except ForEachError as error:
            message = f"its Selector cannot pick an item: {error}."
            self._give_up(context, result_of(children, None, items), message)
        self.log.info("Of %d children, none failed", len(children))
        self.deliver(context)
        return self.give(context, result_of(children, selected, items))

    def _give_up(
        self, context: Context, result: Mapping[str, Json], reason: str, handled_by: tuple[str, ...] = ()
    ) -> NoReturn:
        context["ti"].xcom_push(key=RESULT_KEY, value=self.give(context, result))
        stopped = result["Status"] == "Stopped"
        message = f"Step {self.step.name!r} failed: {reason}"
        self.fail_attempt(context, StepFailure(message, job_stopped=stopped, handled_by=handled_by))

    def _children(self, context: Context) -> tuple[int, list[Child]]:
        """How many items there are, and what has become of each step of the body for each of them."""
        ti = context["ti"]
        first = self.pipeline.items_task(self.step.name)
        tasks = {body.name: self.pipeline.body_task(self.step.name, body.name) for body in self.loop.body}
        listed = ti.get_task_states(dag_id=ti.dag_id, task_ids=[first, *tasks.values()], run_ids=[ti.run_id])
        states = listed.get(ti.run_id, {})
        state = states.get(first)
        if state == "skipped":
            raise AirflowSkipException("The step is skipped, as its items are")
        items = ti.xcom_pull(task_ids=first, key=RESULT_KEY, map_indexes=-1)
        if state != "success" or not isinstance(items, list):
            self._fail_not_begun(context, first, state)
        results = RealResults(ti, self.access, self.pipeline.step_types)
        real: Any = results.of(first, items)
        children = [
            self._child(ti, results, states, body=name, task_id=task_id, index=index, item=item)
            for index, item in enumerate(real)
            for name, task_id in tasks.items()
        ]
        return len(items), children

    def _fail_not_begun(self, context: Context, first: str, state: str | None) -> NoReturn:
        """Fail as the first task has, which may be no failure of the step."""
        ti = context["ti"]
        failed = f"Step {self.step.name!r} failed: "
        reason = f"it did not begin: the task {first} that finds its items is {state}."
        note = EndNote.from_json(ti.xcom_pull(task_ids=first, key=END_KEY, map_indexes=-1))
        if note is not None:
            reason = note.reason.removeprefix(failed)
        message = f"{failed}{reason}"
        if state == "upstream_failed":
            self.fail_attempt(context, StepNotBegun(message))
        if note is not None and note.state is UpstreamState.REFUSED:
            self.fail_attempt(context, RunRefused(message))
        count = ti.xcom_pull(task_ids=first, key=COUNT_KEY, map_indexes=-1)
        self._give_up(context, nothing_run(count if isinstance(count, int) else 0), reason)

    def _child(
        self,
        ti: Any,
        results: RealResults,
        states: Mapping[str, str | None],
        *,
        body: str,
        task_id: str,
        index: int,
        item: Json,
    ) -> Child:
        # What was never expanded, since nothing before it had succeeded, is listed without an index.
        found = states.get(f"{task_id}_{index}", states.get(task_id))
        state = STATES.get(found or "", ChildState.STOPPED)
        if found == "skipped" and not self.pipeline.graph.conditional.isdisjoint(step.name for step in self.loop.body):
            state = ChildState.SKIPPED
        if state is ChildState.SUCCEEDED:
            left = ti.xcom_pull(task_ids=task_id, key=RESULT_KEY, map_indexes=index)
            return Child(body, index, item, state, output=results.of(task_id, left, index))
        note = EndNote.from_json(ti.xcom_pull(task_ids=task_id, key=END_KEY, map_indexes=index))
        if note is None or state is not ChildState.FAILED:
            return Child(body, index, item, state)
        ended = ChildState.STOPPED if note.state is UpstreamState.STOPPED else state
        return Child(body, index, item, ended, reason=note.reason)
