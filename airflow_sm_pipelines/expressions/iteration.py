"""One run of the body of a ForEach step: the item it is for, and its number (semantics 2.17).

The ForEach's first task pushes one for each item, and Airflow maps the body's task over them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError
from airflow_sm_pipelines.definition.expressions import format_expression
from airflow_sm_pipelines.expressions.properties import PathNotFoundError, look_up

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.expressions import CurrentItem
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.expressions.stringify import Json

FAILURE_KEY = "sagemaker_failure"
"""The XCom key under which a child that failed leaves the reason."""

PARENT, INDEX, ITEM, LIMIT = "ParentStepName", "Index", "Item", "MaxConcurrency"


class Iteration(Struct, frozen=True):
    """``parent`` is the ForEach step, ``index`` counts from 0.

    ``limit`` is the step's MaxConcurrency, None where it has none.
    """

    parent: str
    index: int
    item: Json
    limit: int | None = None

    def to_json(self) -> dict[str, Json]:
        members: dict[str, Json] = {PARENT: self.parent, INDEX: self.index, ITEM: self.item}
        return members if self.limit is None else {**members, LIMIT: self.limit}

    @classmethod
    def from_json(cls, members: Mapping[str, Json]) -> Iteration:
        parent, index, limit = members[PARENT], members[INDEX], members.get(LIMIT)
        if not isinstance(parent, str) or not isinstance(index, int) or not isinstance(limit, int | None):
            raise TypeError(f"{members!r} is no item of a ForEach step")
        return cls(parent, index, members[ITEM], limit)

    def child_of(self, body: Step) -> Step:
        """The body under the name of this child, ``<body>-<index>``, which its jobs are named after."""
        return replace(body, name=child_name(body.name, self.index))

    def current_item(self, reference: CurrentItem) -> Json:
        """The value of ``ForEach.CurrentItem`` or of a field of it.

        :raises UnresolvedError: where the item has no such field
        """
        try:
            return look_up(self.item, reference.path)
        except PathNotFoundError as error:
            reason = f"is undefined for the item with the index {self.index}: {error}."
            raise UnresolvedError(format_expression(reference), reason) from None


def items_task_id(parent: str) -> str:
    """The task that finds the items of a ForEach step. No step can be called so: a step's name has no dot."""
    return f"{parent}.items"


def child_name(body: str, index: int) -> str:
    """What a child is called."""
    return f"{body}-{index}"
