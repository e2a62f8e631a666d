"""Following a property path through a step's result (semantics 3.1, 3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.expressions import Index, Key, Member, format_path
from airflow_sm_pipelines.definition.secrets import has_mask
from airflow_sm_pipelines.expressions.json_text import JsonTextError, read_json
from airflow_sm_pipelines.expressions.long_texts import has_cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_sm_pipelines.definition.expressions import PathToken, PropertyPath
    from airflow_sm_pipelines.expressions.long_texts import Place
    from airflow_sm_pipelines.expressions.stringify import Json

# A list is searched by the field that names its elements; the first field that all its elements have is taken.
NAMING_FIELDS = (
    "OutputName",
    "InputName",
    "MetricName",
    "ChannelName",
    "VariantName",
    "ContainerHostname",
    "Name",
    "Key",
)

# How many names a message lists of what is there instead.
MAX_LISTED = 50

# Members that are strings holding JSON, into which a path goes on (semantics 2.16, Job).
JSON_MEMBERS = frozenset({"JobConfigDocument"})


class PathNotFoundError(LookupError):
    """The path leads nowhere; the message says at which part and what stands there instead."""


class CutTextError(PathNotFoundError):
    """The path leads into the JSON of a text of which only the beginning is there."""


def look_up(result: Json, path: PropertyPath, whole: str = "the result") -> Json:
    """The value at ``path`` of a step's result.

    ``.member`` and ``['key']`` read a map, ``[0]`` a list, and ``['key']`` on a list finds the element whose
    naming field has that value. Below one of JSON_MEMBERS they read the JSON in the string. ``whole`` is what messages
    call the result.

    :raises PathNotFoundError: where a part of the path does not exist
    :raises CutTextError: for a path below a string of which only the beginning is there
    """
    value = result
    for depth, token in enumerate(path):
        try:
            if isinstance(value, str) and depth and _holds_json(path[depth - 1]):
                value = _parse(value)
            value = _step_into(value, token)
        except CutTextError:
            raise
        except LookupError as error:
            place = format_path(path[:depth]) or whole
            raise PathNotFoundError(f"{format_path((token,))} is not in {place}: {error.args[0]}") from None
    return value


def whole_value(path: PropertyPath, shown: Json, real: Callable[[], Json], whole: Callable[[], Json]) -> Json:
    """The value at ``path`` of a step's result, whole and with its secrets.

    :param shown: the result as XCom shows it
    :param real: gives it with what is masked there
    :param whole: gives it with that, and with the texts that were cut
    :raises PathNotFoundError: where a part of the path does not exist
    """
    try:
        value = look_up(shown, path)
        if has_mask(value):
            value = look_up(real(), path)
    except CutTextError:
        return look_up(whole(), path)
    return look_up(whole(), path) if has_cut(value) else value


def place_of(result: Json, path: PropertyPath) -> Place | None:
    """Where the value at ``path`` of a step's result stands, or the text that holds the JSON in which it does; None
    where there is no such value.
    """
    value, place = result, list[str | int]()
    for token in path:
        if isinstance(value, str):
            break
        try:
            found = _step_into(value, token)
        except LookupError:
            return None
        if isinstance(value, list):
            place.append(next(position for position, element in enumerate(value) if element is found))
        elif not isinstance(token, Index):
            place.append(token.name)
        value = found
    return tuple(place)


def last_name(path: PropertyPath) -> str | None:
    """The name by which a path's value goes: of ``OutputParameters['db_password']`` it is ``db_password``."""
    return next((token.name for token in reversed(path) if not isinstance(token, Index)), None)


def _step_into(value: Json, token: PathToken) -> Json:
    match token, value:
        case ((Member(name) | Key(name)), dict()):
            if name not in value:
                raise LookupError(f"it has {_listed(value)}")
            return value[name]
        case Index(position), list():
            if position >= len(value):
                raise LookupError(f"it has {len(value)} elements")
            return value[position]
        case Key(name), list():
            return _find_by_name(value, name)
        case _, _:
            raise LookupError(f"it is {_kind(value)}")


def _holds_json(token: PathToken) -> bool:
    return isinstance(token, Member) and token.name in JSON_MEMBERS


def _parse(text: str) -> Json:
    if has_cut(text):
        raise CutTextError("the JSON that the path leads into was cut")
    try:
        return read_json(text)
    except JsonTextError as error:
        raise LookupError(f"it does not hold valid JSON: {error}") from None


def _find_by_name(elements: list[Json], name: str) -> Json:
    objects = [element for element in elements if isinstance(element, dict)]
    for field in NAMING_FIELDS:
        if objects and all(field in element for element in objects):
            for element in objects:
                if element[field] == name:
                    return element
            raise LookupError(f"its elements are named {_listed(str(element[field]) for element in objects)}")
    raise LookupError("its elements have no name")


def _listed(names: Iterable[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - MAX_LISTED} more" if len(listed) > MAX_LISTED else ""
    return ", ".join(listed[:MAX_LISTED]) + more if listed else "nothing"


def _kind(value: Json) -> str:
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    return "absent" if value is None else f"a single value ({type(value).__name__})"
