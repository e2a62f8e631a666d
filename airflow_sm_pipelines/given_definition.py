"""What a definition is given as: where it is, what it is called, and the dag id of one that is broken."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from airflow_sm_pipelines.definition.findings import DefinitionError, Finding, Severity
from airflow_sm_pipelines.discovery import definitions_in
from airflow_sm_pipelines.naming import safe_dag_id
from airflow_sm_pipelines.settings import HandledFailures
from airflow_sm_pipelines.sidecars.names import SUFFIX
from airflow_sm_pipelines.sidecars.replacements import ReplaceError, replacements_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from airflow_sm_pipelines.definition.document import Source
    from airflow_sm_pipelines.definition.replacing import Replacement


_PACKAGE = __name__.partition(".")[0]
_IMPORTING = frozenset({"_call_with_frames_removed", "exec_module", "_run_code"})
"""The functions that run the code of a module: importlib's, those of other loaders, runpy's."""


def calling_frames() -> list[FrameType]:
    """The frames from the one that called this package outwards to the dags file, which is the last.

    A test or a program that makes Dags has no dags file: then there is the calling frame alone.
    """
    frames: list[FrameType] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        is_module, name = frame.f_code.co_name == "<module>", str(frame.f_globals.get("__name__"))
        # What has no file of its own, such as a generated `__init__`, has nothing beside it.
        is_generated = frame.f_code.co_filename.startswith("<") and not is_module
        if name.partition(".")[0] != _PACKAGE and not is_generated:
            frames.append(frame)
        if is_module:
            break
        frame = frame.f_back
    if not frames:
        return [sys._getframe(1)]
    return frames if _is_dags_file(frames[-1]) else frames[:1]


def calling_files() -> tuple[str, ...]:
    """The files of :func:`calling_frames`."""
    return tuple(frame.f_code.co_filename for frame in calling_frames())


def _is_dags_file(frame: FrameType) -> bool:
    """Whether a frame is that of a module that Python imports just now, or runs as a script.

    Others that call are programs, such as pytest and its workers, and have nothing of a Dag beside them.
    """
    if frame.f_code.co_name != "<module>":
        return False
    if frame.f_globals.get("__name__") == "__main__":
        file = Path(frame.f_code.co_filename)
        return file.suffix == ".py" and file.stem != "__main__"
    return frame.f_back is not None and frame.f_back.f_code.co_name in _IMPORTING


def located(definition: Source, callers: Sequence[str]) -> Source:
    """A text that is no JSON as the path that it is, a relative one beside the first calling file that has it there."""
    if isinstance(definition, str) and not definition.lstrip("\ufeff \t\r\n").startswith(("{", "[", '"')):
        definition = Path(definition)
    if isinstance(definition, Path) and not definition.is_absolute():
        beside = (Path(caller).parent / definition for caller in callers)
        return next((path for path in beside if path.exists()), definition)
    return definition


def check_beside(definition: Source, *, is_loaded: bool) -> Iterator[Finding]:
    """A warning for a file of settings beside a definition that has a dags file of its own."""
    file = definition.with_name(f"{definition.stem}{SUFFIX}") if isinstance(definition, Path) else None
    if file is not None and not is_loaded and file.is_file():
        message = (
            f"{file.name} does not count: it is for load_dags. The settings of this Dag are its arguments in Python"
        )
        yield Finding(message, severity=Severity.WARNING, code="sidecar-unused")


def file_name(definition: object) -> str | None:
    """The name of the definition's file, None where it is given otherwise."""
    return definition.name if isinstance(definition, Path) else None


def id_of_broken(definition: object, dag_id: str | None) -> str | None:
    """The dag id of a definition that cannot be used: the one that it has when it can, as far as it can be read.

    None where there is none: a definition carries no name of its own.
    """
    if dag_id is not None or not isinstance(definition, Path):
        return dag_id
    found = definitions_in(definition, definition.name)
    return found[0].dag_id if len(found) == 1 else safe_dag_id(definition.stem)


def given_replacements(given: object) -> tuple[Replacement, ...]:
    """:raises DefinitionError: for what is no replacement"""
    try:
        return replacements_of(given)
    except ReplaceError as error:
        finding = Finding(str(error), code="dag-argument", given=("replace",)).bounded()
        raise DefinitionError("the arguments of the Dag", [finding]) from None


def handled(given: str) -> HandledFailures:
    """:raises ValueError: for what is no such choice"""
    if given not in get_args(HandledFailures):
        raise ValueError(f"handled_failures = {given!r} is none of {', '.join(get_args(HandledFailures))}")
    return cast("HandledFailures", given)
