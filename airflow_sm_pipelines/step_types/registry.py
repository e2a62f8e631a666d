"""The step types that are known: those of this package, of entry points, and those that were registered."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from airflow_sm_pipelines.step_types.checking import StepTypeError, check_step_type
from airflow_sm_pipelines.step_types.step_type import dotted_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_sm_pipelines.step_types.entry_points import EntryPointFault
    from airflow_sm_pipelines.step_types.step_type import StepType


class StepTypeRegistry(Mapping[str, "StepType"]):
    """Step types by name.

    A type of this package is imported when it is first asked for. Entry points are looked for once in a process, and
    only when a name is neither of this package nor registered, or when all names are asked for: the look reads the
    metadata of every installed distribution.

    :param modules: the types of this package: each one's name, and the module whose ``STEP_TYPE`` it is
    """

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = modules
        self._imported: dict[str, StepType] = {}
        self._registered: dict[str, StepType] = {}
        self._given: tuple[Mapping[str, StepType], tuple[EntryPointFault, ...]] | None = None
        # Of this thread alone: another one waits for no entry point and finds all of them.
        self._loading = threading.local()

    def __getitem__(self, name: str) -> StepType:
        if name in self._registered:
            return self._registered[name]
        return self._own(name) if name in self._modules else self._entry_points()[0][name]

    def __contains__(self, name: object) -> bool:
        return name in self._registered or name in self._modules or name in self._entry_points()[0]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._modules, *self._entry_points()[0], *self._registered)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def built_in(self) -> tuple[StepType, ...]:
        """The types of this package, in the order of their names, whatever was registered in their place."""
        return tuple(self._own(name) for name in sorted(self._modules))

    @property
    def faults(self) -> tuple[EntryPointFault, ...]:
        """What is wrong with entry points of the group, as far as they have been looked for."""
        return () if self._given is None else self._given[1]

    def register(self, step_type: StepType, *, replace: bool = False) -> None:
        """Make a step type known, in this process.

        The same type may be registered again: a dags file is run more than once in some processes. It stands before one
        that an entry point gives, for which is not looked here.

        :param replace: whether it may take the place of another one's of its name
        :raises StepTypeError: for a name that is taken, or a type that nothing can run
        """
        check_step_type(step_type)
        name = step_type.name
        there = self[name] if name in self._registered or name in self._modules else None
        if there is not None and _runs(there) != _runs(step_type) and not replace:
            raise StepTypeError(
                f"the step type {name!r} is there already, run by {there.operator_path}: give the new one another name,"
                " or say replace=True to put it in the place of the other"
            )
        self._registered[name] = step_type

    def unregister(self, name: str) -> None:
        """Undo :meth:`register`; what stood under the name before is known again.

        :raises StepTypeError: for a name that was not registered
        """
        if self._registered.pop(name, None) is None:
            raise StepTypeError(f"no step type {name!r} was registered")

    def forget_entry_points(self) -> None:
        """Look for entry points anew at the next question, after a distribution has been installed or removed."""
        self._given = None

    def _own(self, name: str) -> StepType:
        if name not in self._imported:
            self._imported[name] = import_module(self._modules[name]).STEP_TYPE
        return self._imported[name]

    def _entry_points(self) -> tuple[Mapping[str, StepType], tuple[EntryPointFault, ...]]:
        if self._given is not None:
            return self._given
        if getattr(self._loading, "now", False):
            # The module of an entry point asks while it is imported.
            return {}, ()
        from airflow_sm_pipelines.step_types.entry_points import load_entry_points

        self._loading.now = True
        try:
            self._given = load_entry_points(self._modules.keys())
        finally:
            self._loading.now = False
        return self._given


def _runs(step_type: StepType) -> tuple[str | None, str | None]:
    """By what a type is run: the same code, also where its module was run again."""
    return step_type.operator_path, None if step_type.adapter is None else dotted_path(step_type.adapter)
