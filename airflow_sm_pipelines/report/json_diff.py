"""Where two JSON values differ, place by place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from airflow_sm_pipelines.definition.paths import render_path, shorten

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.paths import JsonPath


class _Absent:
    """What stands where one of two values has nothing."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
NAMES = ("Name", "InputName", "OutputName", "ChannelName", "PropertyFileName", "Key", "MetricName", "ContainerHostname")
"""By these members an element of an array is known again, where the order of the elements says nothing."""


class Difference(Struct, frozen=True):
    """One place, as a JSON path, and what either value has there; ``ABSENT`` where it has nothing."""

    path: str
    left: Any
    right: Any

    def to_json(self, left: str, right: str) -> dict[str, Any]:
        """As JSON, by the names of the two sides; a side that has nothing there is left out."""
        sides = {left: self.left, right: self.right}
        return {"path": self.path, **{name: value for name, value in sides.items() if value is not ABSENT}}


def differences(left: Any, right: Any, path: JsonPath = None) -> Iterator[Difference]:
    """Each innermost place at which two JSON values differ. ``true`` and ``1`` differ, ``1`` and ``1.0`` do not.

    The elements of two arrays are compared by their names where each has one of its own (:data:`NAMES`), else by their
    positions.
    """
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for key in dict.fromkeys((*left, *right)):
            yield from differences(left.get(key, ABSENT), right.get(key, ABSENT), (path, key))
    elif _is_array(left) and _is_array(right):
        name = common_name(left, right)
        if name is None:
            for index in range(max(len(left), len(right))):
                one, other = (side[index] if index < len(side) else ABSENT for side in (left, right))
                yield from differences(one, other, (path, index))
        else:
            # The path has the place in the right array, which is what one looks for, or in the only one.
            by_name = [{element[name]: index for index, element in enumerate(side)} for side in (left, right)]
            for key in dict.fromkeys((*by_name[0], *by_name[1])):
                places = [side.get(key) for side in by_name]
                one, other = (
                    ABSENT if place is None else side[place] for side, place in zip((left, right), places, strict=True)
                )
                place = places[1] if places[1] is not None else places[0]
                assert place is not None
                yield from differences(one, other, (path, place))
    elif not _equal(left, right):
        yield Difference(render_path(path), left, right)


def display_text(value: Any) -> str:
    """A value in a message: its JSON, cut where it is long."""
    return "nothing" if value is ABSENT else shorten(json.dumps(value, ensure_ascii=False), 200)


def common_name(left: Sequence[Any], right: Sequence[Any]) -> str | None:
    """The member by which the elements of two arrays are recognized, None where it is their position."""
    for name in NAMES:
        if all(_are_named(side, name) for side in (left, right)) and (left or right):
            return name
    return None


def _is_array(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _are_named(elements: Sequence[Any], name: str) -> bool:
    names = [element.get(name) if isinstance(element, Mapping) else None for element in elements]
    return all(isinstance(each, str) for each in names) and len(set(names)) == len(names)


def _equal(left: Any, right: Any) -> bool:
    return isinstance(left, bool) is isinstance(right, bool) and bool(left == right)
