"""Which dags files make a Dag of a definition, as far as their text shows: two that make the same one are a finding.

Airflow itself says nothing: the Dag is now the one's and now the other's, at every parse.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from airflow_sm_pipelines.cli.checking import place_below
from airflow_sm_pipelines.dag_ids import Place, dag_ids_of_environment, place_of
from airflow_sm_pipelines.definition.findings import Finding
from airflow_sm_pipelines.ignored import Ignored, syntax_of_environment
from airflow_sm_pipelines.overrides import is_excluded

LOADER, CLASS = "load_dags", "SageMakerPipelineDag"
MAX_BYTES = 1_000_000


class Maker(Struct, frozen=True):
    """A call that makes Dags: of all definitions below ``path`` but those of ``exclude``, or of the one that is there.

    ``dag_id`` is the one that it gives, None where the definition's own holds.
    """

    place: str
    path: Path
    is_loader: bool
    exclude: tuple[str, ...] = ()
    dag_id: str | None = None
    dag_ids: str | None = None
    call: ast.Call | None = None

    def makes(self, definition: Path, dag_id: str) -> bool:
        if not self.is_loader:
            return self.path == definition and self.dag_id in (None, dag_id)
        if self.path not in definition.parents:
            return False
        return not is_excluded(definition.relative_to(self.path).as_posix(), dag_id, self.exclude)


def makers_below(folders: Iterable[Path]) -> list[Maker]:
    """The calls in the Python files of the folders that no ``.airflowignore`` names, in the order of their places."""
    files = sorted({file for folder in folders if folder.is_dir() for file in _python_files(folder)})
    return [maker for file in files for maker in makers_in(file)]


def place_by(makers: Iterable[Maker], root: Path, definition: Path) -> Place:
    """How a definition comes by its dag id: by the folder that the nearest load_dags is given, else by ``root``."""
    path = _in_its_folder(definition)
    loaders = [maker for maker in makers if maker.is_loader and maker.path in path.parents]
    if not loaders:
        return place_below(root, definition)
    nearest = max(loaders, key=lambda maker: len(maker.path.parts))
    given = nearest.dag_ids or dag_ids_of_environment(os.environ)
    return place_of("path" if given == "path" else "stem", path.relative_to(nearest.path).as_posix())


def made_twice(makers: Iterable[Maker], definition: Path, dag_id: str) -> Finding | None:
    """The finding for a definition of which several calls make the same Dag."""
    path = _in_its_folder(definition)
    places = [maker.place for maker in makers if maker.makes(path, dag_id)]
    if len(places) < 2:
        return None
    message = f"{' and '.join(places)} both make the Dag {dag_id!r} of it, and take it from each other at every parse"
    hint = "give load_dags its arguments in overrides, or name it in its exclude"
    return Finding(f"{message}: {hint}", code="dag-id-clash").at(1, 1)


def _python_files(root: Path) -> Iterator[Path]:
    ignored = Ignored(root, syntax_of_environment(os.environ))
    for place, folders, names in os.walk(root):
        here = Path(place)
        folders[:] = [name for name in folders if not ignored.is_folder_ignored(here / name)]
        yield from (here / name for name in names if name.endswith(".py") and here / name not in ignored)


def _in_its_folder(path: Path) -> Path:
    """The path of a file in the real folder that it stands in: a file that is a link has the name of the link."""
    return path.parent.resolve() / path.name


def makers_in(file: Path) -> Iterator[Maker]:
    """The calls in one Python file; none where it cannot be read as one."""
    try:
        if file.stat().st_size > MAX_BYTES:
            return
        text = file.read_bytes()
        # To read a text as Python takes a hundred times as long.
        tree = ast.parse(text if any(name.encode() in text for name in (LOADER, CLASS)) else b"")
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        # Airflow reports it.
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := _name(node.func)) in (LOADER, CLASS):
            maker = _maker(file, node, is_loader=name == LOADER)
            if maker is not None:
                yield maker


def _maker(file: Path, call: ast.Call, *, is_loader: bool) -> Maker | None:
    """A call whose arguments are literals; of others nothing can be said without running the file."""
    given = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
    first = call.args[0] if call.args else given.get("folder" if is_loader else "definition")
    path, exclude = _texts(first), _texts(given.get("exclude"))
    dag_id, dag_ids = _texts(given.get("dag_id")), _texts(given.get("dag_ids"))
    unknown = (("exclude" in given and exclude is None), ("dag_id" in given and dag_id is None), "pattern" in given)
    if path is None or len(path) != 1 or any(unknown):
        return None
    name = LOADER if is_loader else CLASS
    place = f"{file}, line {call.lineno} ({name})"
    named = file.parent / path[0]
    found = named.resolve() if is_loader else _in_its_folder(named)
    own_id, own_ids = (each[0] if each else None for each in (dag_id, dag_ids))
    return Maker(place, found, is_loader, exclude or (), own_id, own_ids, call)


def _texts(node: ast.expr | None) -> tuple[str, ...] | None:
    """A literal text, or a list of them; None for anything else."""
    try:
        value = ast.literal_eval(node) if node is not None else None
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple | set) and all(isinstance(each, str) for each in value):
        return tuple(value)
    return None


def _name(node: ast.expr) -> str | None:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None
