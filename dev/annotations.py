"""The types of arguments and results, as the page of the Python API shows them: as the source writes them.

Names of types that are only short for others (``Chosen`` for ``str | Sequence[str]``) are replaced by these.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import types
import typing
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

STARS: dict[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
# What stands for an argument that was not given: the page says ``= …`` for it.
NOT_GIVEN = re.compile(r" \| (?:FromSettings|UnsetType)\b|\b(?:FromSettings|UnsetType) \| ")
# Short names that the page itself tells of.
TOLD = {"StopTarget"}
LONGEST = 100


def call_of(name: str, found: Any) -> str:
    """A class or function as it is called, on one line."""
    return f"{name}({', '.join(typed_arguments(found))}){result_of(found)}"


def call_in_lines(name: str, found: Any) -> str:
    """The same, with a line for each argument where one line would be long."""
    line = call_of(name, found)
    if len(line) <= LONGEST:
        return line
    return "\n".join([f"{name}(", *(f"    {each}," for each in typed_arguments(found)), f"){result_of(found)}"])


def typed_arguments(found: Any) -> Iterator[str]:
    """Each argument with its type; those with a default have ``= …``."""
    if hasattr(found, "__struct_fields__"):
        fields = found.__struct_fields__
        required = len(fields) - len(found.__struct_defaults__)
        for index, name in enumerate(fields):
            home = next(base for base in found.__mro__ if name in getattr(base, "__annotations__", {}))
            shown = spelt(home.__annotations__[name], sys.modules[home.__module__])
            yield f"{name}: {shown}{'' if index < required else ' = …'}"
        return
    called = inspect.unwrap(found.__init__ if inspect.isclass(found) else found)
    # An exception without an __init__ of its own has that of Exception, in no module.
    home = sys.modules.get(getattr(called, "__module__", ""), sys.modules[__name__])
    parameters = inspect.signature(called).parameters.values()
    by_name = next((one.name for one in parameters if one.kind is one.KEYWORD_ONLY), "")
    for parameter in parameters:
        if parameter.name == by_name and not any(one.kind is one.VAR_POSITIONAL for one in parameters):
            yield "*"
        if parameter.name not in ("self", "cls"):
            stars = STARS.get(parameter.kind, "")
            kind = "" if parameter.annotation is parameter.empty else f": {spelt(parameter.annotation, home)}"
            default = "" if stars or parameter.default is parameter.empty else " = …"
            yield f"{stars}{parameter.name}{kind}{default}"


def result_of(found: Any) -> str:
    """The arrow and the type of what a function gives; nothing for a class, which gives itself."""
    if inspect.isclass(found):
        return ""
    annotation = inspect.signature(found).return_annotation
    return f" -> {spelt(annotation, sys.modules[inspect.unwrap(found).__module__])}"


def spelt(annotation: Any, home: ModuleType) -> str:
    """An annotation of a module, with what its short names stand for."""
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", repr(annotation))
    # Not within the texts of a Literal, and not the parts of a dotted name.
    text = re.sub(r"""(?<![\w."'])[A-Za-z_]\w*(?![\w."'])""", lambda name: meaning(name[0], home), text)
    return NOT_GIVEN.sub("", text)


def meaning(name: str, home: ModuleType) -> str:
    """What a short name stands for in a module; a class or special form stands for itself."""
    found = getattr(home, name, None)
    if found is None and name in imported_for_types(home):
        found = getattr(import_module(imported_for_types(home)[name]), name, None)
    origin, parts = typing.get_origin(found), typing.get_args(found)
    if name in TOLD or (origin is None and not isinstance(found, types.UnionType)):
        return name
    if origin is not typing.Literal and any(isinstance(part, str | typing.ForwardRef) for part in parts):
        return name  # it is made of itself
    return re.sub(r"\b(?:[a-z_]\w*\.)+(?=\w)", "", repr(found))


@cache
def imported_for_types(home: ModuleType) -> dict[str, str]:
    """The modules of what a module imports for type checkers alone, by name."""
    tree = ast.parse(Path(str(home.__file__)).read_text())
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return {each.asname or each.name: str(node.module) for node in nodes for each in node.names}
