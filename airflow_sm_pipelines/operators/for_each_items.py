"""The first task of a ForEach step: what it iterates over (semantics 2.17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.configuration import conf
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.definition.expressions import to_json
from airflow_sm_pipelines.expressions.for_each import ForEachError, items_of
from airflow_sm_pipelines.expressions.values import resolve
from airflow_sm_pipelines.operators.step import StepOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.expressions import Object
    from airflow_sm_pipelines.definition.model import ForEachBody
    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json

COUNT_KEY = "sagemaker_items"
"""The XCom key of how many items there are, which a step pushes that fails for having too many."""


class ForEachItemsOperator(StepOperator):
    """Resolves IterableItems. Its result is the list of the items: over these, Airflow maps the tasks of the body."""

    # Airflow fails a task that others are mapped over and that has no list for them.
    nothing: ClassVar[Any] = []

    _items: Sequence[Json] = ()

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
        try:
            self._items = items_of(resolve(self.loop.items, scope))
        except ForEachError as error:
            written = to_json(self.masking.value(self.loop.items))
            raise StepFailure(f"Step {self.step.name!r} failed: its IterableItems ({written}) {error}.") from None
        most = conf.getint("core", "max_map_length")
        if len(self._items) > most:
            context["ti"].xcom_push(key=COUNT_KEY, value=len(self._items))
            raise StepFailure(
                f"Step {self.step.name!r} failed: it has {len(self._items)} items, and Airflow runs at most {most}"
                " tasks for one list ([core] max_map_length)."
            )
        return {"IterableItems": [*self._items], "MaxConcurrency": self.loop.max_concurrency}

    @override
    def copy_result(self, context: Context, source: str | None) -> Any:
        """No children: their results are copied with the step's."""
        super().copy_result(context, source)
        return []

    @override
    def run_step(self, context: Context) -> Any:
        self.check_lost_tries()
        self.check_resolved(context)
        self.log.info("The ForEach step %s has %d items", self.step.name, len(self._items))
        self.deliver(context)
        return self.give(context, [*self._items])
