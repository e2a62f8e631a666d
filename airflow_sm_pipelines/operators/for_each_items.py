"""The first task of a ForEach step: what it iterates over (semantics 2.17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.configuration import conf
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.definition.expressions import to_json
from airflow_sm_pipelines.expressions.for_each import ForEachError, items_of, limit_of
from airflow_sm_pipelines.expressions.iteration import Iteration
from airflow_sm_pipelines.expressions.values import resolve
from airflow_sm_pipelines.operators.step import StepOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.expressions import Object
    from airflow_sm_pipelines.definition.model import ForEachBody
    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json


class ForEachItemsOperator(StepOperator):
    """Resolves IterableItems and MaxConcurrency. Its result is a list of one object for each child: over these,
    Airflow maps the body's task.
    """

    # Airflow fails a task that others are mapped over and that has no list for them.
    nothing: ClassVar[Any] = []

    _iterations: Sequence[Json] = ()

    @property
    def loop(self) -> ForEachBody:
        if self.step.for_each is None:
            raise TypeError(f"{self.step.name} is no ForEach step")
        return self.step.for_each

    @override
    def request_template(self) -> Object:
        return {"IterableItems": self.loop.items, "MaxConcurrency": self.loop.max_concurrency}

    @override
    def resolve(self, context: Context, scope: TaskScope) -> Json:
        items = self._checked("IterableItems", items_of, resolve(self.loop.items, scope))
        limit = self._checked("MaxConcurrency", limit_of, resolve(self.loop.max_concurrency, scope))
        most = conf.getint("core", "max_map_length")
        if len(items) > most:
            raise StepFailure(
                f"Step {self.step.name!r} failed: it has {len(items)} items, and Airflow runs at most {most} tasks for"
                " one list ([core] max_map_length)."
            )
        self._iterations = [Iteration(self.step.name, index, item, limit).to_json() for index, item in enumerate(items)]
        return {"IterableItems": items, "MaxConcurrency": limit}

    def _checked(self, member: str, read: Any, given: Json) -> Any:
        try:
            return read(given)
        except ForEachError as error:
            written = to_json(
                self.masking.value(self.loop.items if member == "IterableItems" else self.loop.max_concurrency)
            )
            raise StepFailure(f"Step {self.step.name!r} failed: its {member} ({written}) {error}.") from None

    @override
    def copy_result(self, context: Context, source: str | None) -> Any:
        """No children: their results are copied with the step's."""
        super().copy_result(context, source)
        return []

    @override
    def run_step(self, context: Context) -> Any:
        self.check_lost_tries()
        self.check_resolved(context)
        self.log.info("The ForEach step %s has %d items", self.step.name, len(self._iterations))
        self.deliver(context)
        return self.give(context, self._iterations)
