"""Which files are settings, and of which definitions: by their names alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct, field

MARK = ".airflow."
SUFFIX = f"{MARK}yaml"
_SLIPS = (".airflow.yml", ".airflow.json")
_ENDINGS = (SUFFIX, *_SLIPS)
DEFAULTS = f"_defaults{SUFFIX}"


def is_sidecar(name: str) -> bool:
    """Whether a file of this name has settings, or was meant to, and is no definition."""
    return name.endswith(_ENDINGS)


class Sidecar(Struct, frozen=True):
    """A file with the settings of one definition; ``instance`` is the name of the Dag's instance that they are for."""

    path: Path
    instance: str | None = None


class _Folder(Struct, frozen=True):
    """The files with settings of one folder: its own, those by the stem of the definition, and those of none."""

    defaults: Path | None
    of_stem: Mapping[str, tuple[Sidecar, ...]]
    of_none: tuple[Path, ...]
    stems: frozenset[str]


class _Ignored(Protocol):
    def __contains__(self, path: Path, /) -> bool: ...


class SidecarFiles(Struct):
    """The files with settings below ``root``, each folder looked at once; those that are ``ignored`` do not count.

    ``definitions`` are the files that may be definitions, where they are known; else all of JSON that are not ignored.
    ``named`` is one that is, whatever it is called.
    """

    root: Path
    ignored: _Ignored | Collection[Path] = ()
    definitions: frozenset[Path] | None = None
    named: Path | None = None
    _folders: dict[Path, _Folder] = field(default_factory=dict)

    def defaults_of(self, definition: Path) -> list[Path]:
        """Those of the folders around a definition, from ``root`` on inwards."""
        around = [folder for folder in definition.parents if folder == self.root or self.root in folder.parents]
        found = (self._folder(folder).defaults for folder in reversed(around))
        return [path for path in found if path is not None]

    def of(self, definition: Path) -> tuple[Sidecar, ...]:
        """Its own, then those of its instances in the order of their names."""
        return self._folder(definition.parent).of_stem.get(definition.stem, ())

    def of_none(self, folders: Collection[Path]) -> Iterator[Path]:
        """The files of some folders that are named after no definition there."""
        for folder in sorted(folders):
            yield from self._folder(folder).of_none

    def stems_in(self, folder: Path) -> Collection[str]:
        """The stems of what may be a definition in a folder."""
        return self._folder(folder).stems

    def _folder(self, folder: Path) -> _Folder:
        if (known := self._folders.get(folder)) is None:
            known = self._folders[folder] = _look(folder, self.ignored, self._may_be_definition)
        return known

    def _may_be_definition(self, path: Path) -> bool:
        """A folder, a text, or a file that is ignored takes no settings from a definition of a shorter name."""
        if path == self.named:
            return True
        if self.definitions is not None:
            return path in self.definitions
        return path.suffix == ".json" and not is_sidecar(path.name) and path.is_file() and path not in self.ignored


def owner_of(name: str, stems: Collection[str]) -> tuple[str, str | None] | None:
    """The stem of the definition that a file's settings are for, and the instance: that with the longest stem."""
    base = name.removesuffix(SUFFIX)
    if base in stems:
        return base, None
    parts = base.split(".")
    for count in range(len(parts) - 1, 0, -1):
        stem, instance = ".".join(parts[:count]), ".".join(parts[count:])
        if stem in stems and instance:
            return stem, instance
    return None


def _look(folder: Path, ignored: _Ignored | Collection[Path], may_be_definition: Callable[[Path], bool]) -> _Folder:
    try:
        # Airflow 3.4 reads each definition by itself: a Path for each of its neighbours would take as long as the rest.
        with os.scandir(folder) as found_there:
            names = [each.name for each in found_there]
    except OSError:
        # Whoever looks for the definitions there reports it.
        names = []
    settings = sorted(name for name in names if is_sidecar(name) and folder / name not in ignored)
    # Most folders have no such file, and none of their files is asked for.
    stems = (
        frozenset(Path(name).stem for name in names if may_be_definition(folder / name)) if settings else frozenset()
    )
    of_stem: dict[str, list[Sidecar]] = {}
    of_none: list[Path] = []
    for name in settings:
        owner = owner_of(name, stems) if name.endswith(SUFFIX) else None
        if name == DEFAULTS:
            continue
        if owner is None:
            of_none.append(folder / name)
        else:
            of_stem.setdefault(owner[0], []).append(Sidecar(folder / name, owner[1]))
    return _Folder(
        folder / DEFAULTS if DEFAULTS in settings else None,
        {stem: tuple(sorted(found, key=lambda each: each.instance or "")) for stem, found in of_stem.items()},
        tuple(of_none),
        stems,
    )
