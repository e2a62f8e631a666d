"""Modules that have moved: their old paths work for a release, and say where the new ones are."""

from __future__ import annotations

import warnings
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType


class MovedModules(MetaPathFinder, Loader):
    """Finds the old modules of a package, each of which gives names that stand elsewhere now.

    Nothing is imported before a name is asked for. It is put on ``sys.meta_path`` by the old package itself, so it
    costs nothing where nobody imports that.

    :param package: the old package
    :param moved: by the name of each old module, the new dotted path of each of its names
    """

    def __init__(self, package: str, moved: Mapping[str, Mapping[str, str]]) -> None:
        self._package = package
        self._moved = moved

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 # of the interface
        target: ModuleType | None = None,  # noqa: ARG002 # of the interface
    ) -> ModuleSpec | None:
        package, _, name = fullname.rpartition(".")
        return ModuleSpec(fullname, self) if package == self._package and name in self._moved else None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:  # noqa: ARG002 # of the interface
        return None

    def exec_module(self, module: ModuleType) -> None:
        moved = self._moved[module.__name__.rpartition(".")[2]]

        def look_up(name: str) -> object:
            if name not in moved:
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            warnings.warn(
                f"{module.__name__}.{name} is {moved[name]} now; the old path goes with the next release",
                DeprecationWarning,
                stacklevel=2,
            )
            new, _, attribute = moved[name].rpartition(".")
            found: object = getattr(import_module(new), attribute)
            return found

        module.__dict__["__getattr__"] = look_up
