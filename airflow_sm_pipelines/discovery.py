"""Which files of a folder are definitions, and the dag ids that they ask for."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from airflow_sm_pipelines.dag_ids import Claim, Place, judged
from airflow_sm_pipelines.definition.cloudformation import (
    MARKER,
    PIPELINE_TYPE,
    PROPERTIES,
    RESOURCES,
    Excerpt,
    excerpts_of,
)
from airflow_sm_pipelines.definition.findings import Finding
from airflow_sm_pipelines.definition.limits import MAX_BYTES
from airflow_sm_pipelines.definition.text import storable
from airflow_sm_pipelines.definition.wrapping import DEFINITION, S3_LOCATION
from airflow_sm_pipelines.ignored import Ignored
from airflow_sm_pipelines.naming import KEPT, safe_dag_id
from airflow_sm_pipelines.sidecars.folder import FolderSettings
from airflow_sm_pipelines.sidecars.names import is_sidecar

log = logging.getLogger(__name__)

PATTERN = "**/*.json"
_STEPS = "Steps"
_NAME = "PipelineName"
_KEYS = (b'"Steps"', b'\\"Steps\\"', f'"{DEFINITION}"'.encode(), f'"{S3_LOCATION}"'.encode(), MARKER)
_NAMED = _KEYS[2:]
"""What a document has in its text that may name its pipeline."""
_CHUNK = 1_048_576
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
"""It takes a tenth of the time in which a whole document is read, which is the reader's to do."""
_READ = frozenset({_NAME, "Type"})


class DefinitionFile(Struct, frozen=True):
    """A definition in a file: its path below the folder, the dag id that it asks for, and its text.

    ``text`` is None where the file cannot be read or is too large: the reader meets the same fault and reports it.
    ``excerpt`` is the part of the text that the definition is, where the file is a template. ``instance`` is the name
    of the Dag's instance, where there is a file with settings of one. ``is_stem``: the file is called as the Dag is.
    """

    path: Path
    relative: str
    dag_id: str
    text: bytes | None
    excerpt: Excerpt | None = None
    instance: str | None = None
    is_stem: bool = False

    @property
    def definition(self) -> Path | bytes | Excerpt:
        """What the reader is given."""
        if self.excerpt is not None:
            return self.excerpt
        return self.path if self.text is None else self.text

    @property
    def claim(self) -> Claim:
        """To its dag id."""
        return Claim(self.name, self.dag_id, self.is_stem, self.relative.count("/"))

    @property
    def name(self) -> str:
        """The file, and which of its pipelines."""
        parts = (None if self.excerpt is None else self.excerpt.logical_id, self.instance)
        which = ", ".join(filter(None, parts))
        return f"{self.relative} ({which})" if which else self.relative


def paths_in(root: Path, pattern: str, ignored: Ignored) -> list[Path]:
    """The files of a folder in the order of their paths, suffixes left out."""
    found = (
        path for path in root.glob(pattern) if not is_sidecar(path.name) and _is_file(path) and path not in ignored
    )
    return sorted(found, key=lambda path: ((*path.parts[:-1], path.stem), path.suffix))


def definitions_in(path: Path, relative: str, wanted: str | None = None, place: Place = str) -> list[DefinitionFile]:
    """The definitions in a file: none, after a log line, in a JSON object that is none; several in a template.

    A definition carries no name but in what stands around it, so its file's stem is its dag id. ``place`` makes such a
    name the dag id that is asked for. With ``wanted``, none
    also of a file that cannot be the Dag of that id, most of which are not even parsed. A template without a pipeline
    is what most templates are, and is no finding.
    """
    stem = safe_dag_id(path.stem)
    own = place(stem)
    text, may_be_definition = _read(path)
    if wanted is not None and not wanted.startswith(own[:KEPT]) and (text is None or not _may_be_named(text)):
        return []
    ids = ((file, place(file.dag_id)) for file in _definitions_in(path, relative, stem, text, may_be_definition))
    return [replace(file, dag_id=dag_id, is_stem=dag_id == own) for file, dag_id in ids]


def _may_be_named(text: bytes) -> bool:
    return any(key in text for key in _NAMED)


def _definitions_in(
    path: Path, relative: str, dag_id: str, text: bytes | None, may_be_definition: bool
) -> list[DefinitionFile]:
    outer = None if text is None else _outermost(text)
    if text is None or outer is None or _STEPS in outer:
        if may_be_definition:
            return [DefinitionFile(path, relative, dag_id, text)]
    elif outer.get("Type") == PIPELINE_TYPE and PROPERTIES in outer:
        return [DefinitionFile(path, relative, _dag_id(outer, PROPERTIES, text, dag_id), text)]
    elif DEFINITION in outer or S3_LOCATION in outer:
        return [DefinitionFile(path, relative, _dag_id(outer, None, text, dag_id), text)]
    elif RESOURCES in outer:
        try:
            excerpts = excerpts_of(text.decode())
        except UnicodeDecodeError:
            return [DefinitionFile(path, relative, dag_id, text)]
        return [DefinitionFile(path, relative, _id_of_excerpt(excerpt), text, excerpt) for excerpt in excerpts]
    log.info("%s is no pipeline definition (it has no Steps) and is skipped", storable(str(path)))
    return []


def with_instances(file: DefinitionFile, settings: FolderSettings) -> Iterator[DefinitionFile]:
    """A definition, then once more for each instance that has a file of settings beside it."""
    for instance in (None, *settings.instances_of(file.path)):
        own = file.dag_id if instance is None else f"{file.dag_id}.{instance}"
        dag_id = safe_dag_id(settings.dag_id_of(file.path, instance) or own)
        yield replace(file, dag_id=dag_id, instance=instance, is_stem=file.is_stem and dag_id == file.dag_id)


def without_clashes(
    files: Iterable[DefinitionFile], own_ids: Callable[[], Collection[str]]
) -> Iterator[tuple[DefinitionFile, Finding | None]]:
    """Each definition with a dag id that no other one has, and a finding where it asks for one that it does not have.

    The id that several ask for is that of the one that has it, or else of the first finding; each further one has an id
    that is made up. That is none of ``own_ids``, which are those of all files by their names; a clash asks for them.
    """
    known = list(files)
    findings = judged(file.claim for file in known)
    kept = {file.dag_id for file, finding in zip(known, findings, strict=True) if finding is None}
    taken = {*own_ids(), *(file.dag_id for file in known)} if any(findings) else set()
    for file, finding in zip(known, findings, strict=True):
        if finding is None or file.dag_id not in kept:
            kept.add(file.dag_id)
            yield file, finding
            continue
        of_excerpt = "" if file.excerpt is None else f"--{file.excerpt.logical_id}"
        of_instance = "" if file.instance is None else f"--{file.instance}"
        made_up = safe_dag_id(f"{file.dag_id}--{file.relative}{of_excerpt}{of_instance}")
        while made_up in taken:
            made_up = safe_dag_id(f"{made_up}-2")
        taken.add(made_up)
        yield replace(file, dag_id=made_up), finding


def _dag_id(outer: Any, member: str | None, text: bytes, default: str) -> str:
    """The dag id by PipelineName, which stands in the document or in one of its members."""
    if member is not None:
        try:
            outer = json.loads(text)[member]
        except (LookupError, TypeError, ValueError, RecursionError):
            return default
    name = outer.get(_NAME) if isinstance(outer, dict) else None
    return safe_dag_id(name) if isinstance(name, str) and name else default


def _id_of_excerpt(excerpt: Excerpt) -> str:
    return _dag_id({}, PROPERTIES, excerpt.text.encode("utf-8", "surrogatepass"), safe_dag_id(excerpt.logical_id))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # Its reader says that it cannot be read.
        return True


def _read(path: Path) -> tuple[bytes | None, bool]:
    """The file's content, and whether it may be a definition. A file that is too large is looked through in parts."""
    try:
        with path.open("rb", buffering=0) as file:
            # Python takes as much memory as it is asked to read: of a small file, not that of the largest.
            size = min(os.fstat(file.fileno()).st_size, MAX_BYTES)
            text = file.read(size + 1)
            if len(text) != size:
                # It is a large one, has changed meanwhile, or comes in parts.
                while len(text) <= MAX_BYTES and (more := file.read(MAX_BYTES + 1 - len(text))):
                    text += more
            if len(text) <= MAX_BYTES:
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
    """The document if it is a JSON object, with no value but those that say what it is; anything else is for the
    reader to find fault with.
    """
    try:
        members = _MEMBERS.decode(text.decode())
        return {name: msgspec.json.decode(member) if name in _READ else None for name, member in members.items()}
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    # Python reads more than JSON has, and the reader reports it: NaN, half of a surrogate pair, a byte order mark.
    try:
        # As text, or Python would read UTF-16 too.
        document = json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
