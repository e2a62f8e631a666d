"""Which files of a folder are definitions, and the dag id that each asks for."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from airflow_sm_pipelines.definition.findings import Finding
from airflow_sm_pipelines.definition.limits import MOST_BYTES
from airflow_sm_pipelines.definition.text import storable
from airflow_sm_pipelines.naming import KEPT, safe_dag_id

log = logging.getLogger(__name__)

PATTERN = "**/*.json"
_KEYS = (b'"Steps"', b'"PipelineDefinition"')
_NAME = "PipelineName"
_CHUNK = 1_048_576
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
"""It takes a tenth of the time in which a whole document is read, which is the reader's to do."""


class DefinitionFile(Struct, frozen=True):
    """A definition in a file: its path below the folder, the dag id that it asks for, and its text.

    ``text`` is None where the file cannot be read or is too large: the reader meets the same fault and tells it.
    """

    path: Path
    relative: str
    dag_id: str
    text: bytes | None


def paths_in(root: Path, pattern: str = PATTERN) -> list[Path]:
    """The files of a folder in the order of their paths."""
    return sorted(path for path in root.glob(pattern) if _is_file(path))


def definition_in(path: Path, relative: str, wanted: str | None = None) -> DefinitionFile | None:
    """The definition in a file, or None after a log line for a JSON object that is none.

    A definition carries no name but in a describe-pipeline response, so its file's stem is its dag id. With
    ``wanted``, None also for a file that cannot be the Dag of that id, most of which are not even parsed.
    """
    text, may_be_definition = _read(path)
    dag_id = safe_dag_id(path.stem)
    wrapped = text is not None and _KEYS[1] in text
    if wanted is not None and not wrapped and not wanted.startswith(dag_id[:KEPT]):
        return None
    outer = None if text is None else _outermost(text)
    if not may_be_definition or (outer is not None and "Steps" not in outer and "PipelineDefinition" not in outer):
        log.info("%s is no pipeline definition (it has no Steps) and is skipped", storable(str(path)))
        return None
    if outer is not None and "PipelineDefinition" in outer and "Steps" not in outer:
        name = outer.get(_NAME)
        dag_id = safe_dag_id(name) if isinstance(name, str) and name else dag_id
    return DefinitionFile(path, relative, dag_id, text)


def without_clashes(
    files: Iterable[DefinitionFile], stems: Iterable[Path]
) -> Iterator[tuple[DefinitionFile, Finding | None]]:
    """Each file with a dag id that no file before it has; a later one of the same id takes another, and a finding.

    The other id is none that a file of ``stems`` would have by its name.
    """
    own_ids = {safe_dag_id(path.stem) for path in stems}
    first: dict[str, str] = {}
    for file in files:
        if file.dag_id not in first:
            first[file.dag_id] = file.relative
            yield file, None
            continue
        finding = Finding(
            f"{first[file.dag_id]} and {file.relative} both ask for the dag id {file.dag_id!r}. The first in path"
            " order has it; rename one of the files (or the pipeline).",
            code="dag-id-clash",
        )
        made_up = safe_dag_id(f"{file.dag_id}--{file.relative}")
        while made_up in own_ids or made_up in first:
            made_up = safe_dag_id(f"{made_up}-2")
        first[made_up] = file.relative
        yield DefinitionFile(file.path, file.relative, made_up, file.text), finding


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # It is told that it cannot be read.
        return True


def _read(path: Path) -> tuple[bytes | None, bool]:
    """The file's content, and whether it may be a definition. A file that is too large is looked through in parts."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
            if len(text) <= MOST_BYTES:
                return text, True
            part = text
            while part:
                if any(key in part for key in _KEYS):
                    return None, True
                # A key may stand across two parts.
                part = part[-len(max(_KEYS, key=len)) :]
                more = file.read(_CHUNK)
                part = part + more if more else b""
            return None, False
    except OSError:
        return None, True


def _outermost(text: bytes) -> Mapping[str, Any] | None:
    """The document if it is a JSON object, with no value but that of PipelineName read; anything else is for the reader
    to find fault with.
    """
    try:
        members = _MEMBERS.decode(text.decode())
        return {name: msgspec.json.decode(member) if name == _NAME else None for name, member in members.items()}
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    # Python reads more than JSON has, and the reader tells of it: NaN, half of a surrogate pair, a byte order mark.
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
