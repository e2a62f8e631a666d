"""The names of the file that calls ``load_dags``, which updates its globals with Dags by their ids."""

from __future__ import annotations

import builtins
import dis
from collections.abc import Iterator, Mapping
from types import CodeType, FrameType
from typing import Any

from airflow.sdk import DAG

_BY_NAME = frozenset({"LOAD_NAME", "STORE_NAME", "DELETE_NAME", "LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL"})


class Namespace:
    """The names that a Dag must not take in a file: those that it has or uses, and Python's own."""

    def __init__(self, frame: FrameType) -> None:
        self._globals: Mapping[str, Any] = frame.f_globals
        module: FrameType | None = frame
        while module is not None and not (module.f_code.co_name == "<module>" and module.f_globals is frame.f_globals):
            module = module.f_back
        self._code = None if module is None else module.f_code
        self._used: frozenset[str] | None = None

    def key(self, dag_id: str) -> str:
        """The key for a Dag: its id, and ``dag:<id>`` where that is a name of the file."""
        return f"dag:{dag_id}" if self._has(dag_id) else dag_id

    def _has(self, name: str) -> bool:
        if not name.isidentifier():
            return False
        if name in self._globals:
            # A Dag of another call with the same id is replaced, as by any other update.
            return not isinstance(self._globals[name], DAG)
        if hasattr(builtins, name):
            return True
        if self._used is None:
            self._used = frozenset() if self._code is None else frozenset(_names_of(self._code))
        return name in self._used


def _names_of(code: CodeType) -> Iterator[str]:
    """The global names that a module uses, in its functions too, before and after the call."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in _BY_NAME:
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_of(constant)
