"""Long texts of a result: where nothing of the definition refers to one, XCom holds the beginning of it and a note."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from airflow_sm_pipelines.definition.plain import MAX_DEPTH
from airflow_sm_pipelines.definition.secrets import texts

if TYPE_CHECKING:
    from airflow_sm_pipelines.expressions.stringify import Json

Place = tuple[str | int, ...]
"""Names of members and positions of elements, which lead to a value."""

SETTING = "[sagemaker_pipelines] max_xcom_text_length"
CUT = f"of a text of it, XCom holds the beginning alone ({SETTING})"
"""Why a value that was read from XCom cannot be used."""
SHOWN_LENGTH = 100
_NOTE = re.compile(rf"… \([0-9]+ characters: {re.escape(SETTING)}\)")


class TextBound(Struct, frozen=True):
    """What XCom holds of a result: of a text of more than ``longest`` characters the beginning, but for those that
    stand in one of the ``whole`` places. 0: all of each.
    """

    longest: int = 0
    whole: frozenset[Place] = frozenset()

    def of(self, value: Any) -> Any:
        """A JSON value within the bound."""
        return self._within(value, ()) if self.longest else value

    def _within(self, value: Any, place: Place) -> Any:
        if place in self.whole or len(place) > MAX_DEPTH:
            return value
        if isinstance(value, str):
            return cut(value) if len(value) > self.longest else value
        if isinstance(value, Mapping):
            return {name: self._within(member, (*place, name)) for name, member in value.items()}
        if isinstance(value, list):
            return [self._within(element, (*place, position)) for position, element in enumerate(value)]
        return value


NO_BOUND = TextBound()


def cut(text: str) -> str:
    """The beginning of a text, with a note by which it is known as such."""
    return f"{text[:SHOWN_LENGTH]}… ({len(text)} characters: {SETTING})"


def has_cut(value: Json) -> bool:
    """Whether a text in a JSON value was cut, or looks as if it were."""
    return any(_NOTE.search(text) for text in texts(value))
