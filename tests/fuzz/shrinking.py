"""A find with as little in it as still shows the same."""

from __future__ import annotations

import copy
import json
import traceback
from collections.abc import Callable
from typing import Any

from tests.fuzz.mutations import places

MAX_TRIES = 400

Attempt = Callable[[Any], object]


def kind_of(error: BaseException) -> str:
    """What two errors of one kind have in common: their type, and where they were raised."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "airflow_sm_pipelines" in frame.filename] or frames[-1:]
    name = own[-1].filename.rpartition("/")[2]
    return f"{type(error).__name__} in {name}:{own[-1].lineno}, {frames[-1].name}"


def fails(attempt: Attempt, given: Any) -> str | None:
    """The kind of what an attempt raises, or None."""
    try:
        attempt(given)
    except Exception as error:  # noqa: BLE001 # whatever is raised is what is looked for
        return kind_of(error)
    return None


def shrunk(given: Any, attempt: Attempt) -> Any:
    """Less of a folder's files, and less of a document's text, for as long as the same is raised."""
    kind = fails(attempt, given)
    if isinstance(given, dict):
        return _files(given, attempt, kind)
    if isinstance(given, tuple) and given and isinstance(given[0], str):
        return (_text(given[0], lambda text: attempt((text, *given[1:])), kind), *given[1:])
    return _text(given, attempt, kind) if isinstance(given, str) else given


def _files(given: dict[str, str], attempt: Attempt, kind: str | None) -> dict[str, str]:
    for name in [name for name in given if name.endswith(".json")]:
        less = {other: text for other, text in given.items() if other != name}
        if fails(attempt, less) == kind:
            given = less
    for name in [name for name in given if name.endswith(".json")]:
        given = {**given, name: _text(given[name], _with(given, name, attempt), kind)}
    return given


def _with(given: dict[str, str], name: str, attempt: Attempt) -> Attempt:
    """The attempt with another text for one of the files."""
    return lambda text: attempt({**given, name: text})


def _text(text: str, attempt: Attempt, kind: str | None) -> str:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return text
    tries = index = 0
    while tries < MAX_TRIES and index < len(places(document)):
        smaller = copy.deepcopy(document)
        holder, name = places(smaller)[index]
        del holder[name]
        tries += 1
        if fails(attempt, json.dumps(smaller)) == kind:
            document = smaller
        else:
            index += 1
    least = json.dumps(document)
    return least if fails(attempt, least) == kind else text
