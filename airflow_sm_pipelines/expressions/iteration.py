"""One item of a ForEach step, as a step of its body runs for it (semantics 2.17)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError
from airflow_sm_pipelines.definition.expressions import format_expression
from airflow_sm_pipelines.expressions.json_text import JsonTextError, read_json, shown
from airflow_sm_pipelines.expressions.properties import PathNotFoundError, look_up

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.expressions import CurrentItem
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.expressions.stringify import Json

MAX_LABEL_LENGTH = 250
"""Characters that Airflow stores of a mapped task's label."""


class Iteration(Struct, frozen=True):
    """``loop`` is the ForEach step, ``body`` the step of its body, and ``index`` the item's, from 0.

    ``item`` may have its secrets masked: that is how Airflow stores it where people look.
    """

    loop: str
    body: str
    index: int
    item: Json

    def child_of(self, body: Step) -> Step:
        """The step of the body under the name of this child, which its jobs are named after."""
        return replace(body, name=child_name(body.name, self.index))

    def current_item(self, reference: CurrentItem, real_item: Json = None) -> Json:
        """The value of ``ForEach.CurrentItem`` or of what is below it; in ``real_item``, where that is given.

        A path leads into an item that is the JSON text of an object or list as into that.

        :raises UnresolvedError: where the item has no such member
        """
        item = self.item if real_item is None else real_item
        try:
            return look_up(_opened(item) if reference.path else item, reference.path, "the item")
        except PathNotFoundError as error:
            reason = f"is undefined for the item with the index {self.index}, {shown(self.item)}: {error}."
            raise UnresolvedError(format_expression(reference), reason) from None

    @property
    def label(self) -> str:
        """The item as one line of text, for where Airflow shows which of the mapped tasks it is."""
        text = self.item if isinstance(self.item, str) else json.dumps(self.item, ensure_ascii=False)
        return text if len(text) <= MAX_LABEL_LENGTH else f"{text[: MAX_LABEL_LENGTH - 1]}…"


def _opened(item: Json) -> Json:
    """What a path leads into."""
    if isinstance(item, str):
        try:
            held = read_json(item)
        except JsonTextError:
            return item
        return held if isinstance(held, dict | list) else item
    return item


def child_name(body: str, index: int) -> str:
    """What a child is called."""
    return f"{body}-{index}"
