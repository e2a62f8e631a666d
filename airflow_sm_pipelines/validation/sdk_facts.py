"""What a release of the SageMaker SDK writes into definitions, read from its source: nothing of it is imported.

The SDK is a folder of packages, installed or unpacked. Read are the modules of its pipelines,
``sagemaker/mlops/workflow`` and ``sagemaker/core/workflow``.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Facts: TypeAlias = "dict[str, set[str]]"
"""By what they are facts of (``enum StepTypeEnum``, ``Get roots``), the facts."""

FOLDERS = ("mlops/workflow", "core/workflow")
_ROOT = re.compile(r"([A-Z][A-Za-z]+)\.(?:\Z|[A-Z'\[])")
_KEY = re.compile(r"[A-Z][A-Za-z0-9]*\Z")
_VALUE = re.compile(r"[A-Za-z0-9_.:/-]{1,60}")
_SHAPES = ("shape_name", "shape_names")


class NoSdkError(ValueError):
    """The folder holds no SDK whose pipelines can be read."""


def sdk_facts(folder: Path) -> Facts:
    """The facts of the SDK in ``folder``, which has ``mlops`` and ``core`` in it.

    :raises NoSdkError: where it has no modules of pipelines, as the second version of the SDK
    """
    files = [file for part in FOLDERS for file in sorted((folder / part).glob("*.py"))]
    if not files:
        raise NoSdkError(f"{folder} has no {' and no '.join(FOLDERS)}: it is no SDK of version 3")
    facts: Facts = {}
    for file in files:
        for about, fact in _facts_of(ast.parse(file.read_text(encoding="utf-8"))):
            facts.setdefault(about, set()).add(fact)
    return facts


def _facts_of(tree: ast.Module) -> Iterator[tuple[str, str]]:
    yield from _of_module(tree)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef():
                yield from _of_class(node)
            case ast.Call():
                yield from _of_call(node)
            case ast.Dict():
                for key in node.keys:
                    yield from _of_key(key)
            case ast.Subscript(ctx=ast.Store()):
                yield from _of_key(node.slice)
            case ast.Constant(value=str(text)) if id(node) not in docstrings:
                yield from _of_text(text)


def _of_module(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The constants of a module, by their names: roots and the like are often written so."""
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(name)], value=ast.Constant(str() | int() | float() as value)):
                if _VALUE.fullmatch(str(value)):
                    yield "constants", f"{name} = {value}"


def _of_text(text: str) -> Iterator[tuple[str, str]]:
    if found := _ROOT.match(text):
        yield "Get roots", found[1]
    if text.startswith("Std:"):
        yield "functions", text


def _of_class(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    if not any(isinstance(base, ast.Name) and base.id.endswith("Enum") for base in node.bases):
        return
    for member in node.body:
        if isinstance(member, ast.Assign) and isinstance(member.value, ast.Constant):
            yield f"enum {node.name}", str(member.value.value)


def _of_call(node: ast.Call) -> Iterator[tuple[str, str]]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name == "ExecutionVariable" and node.args and isinstance(node.args[0], ast.Constant):
        yield "execution variables", str(node.args[0].value)
    for keyword in node.keywords:
        if keyword.arg in _SHAPES:
            for part in ast.walk(keyword.value):
                if isinstance(part, ast.Constant):
                    yield "shapes of properties", str(part.value)


def _of_key(key: ast.expr | None) -> Iterator[tuple[str, str]]:
    if isinstance(key, ast.Constant) and isinstance(key.value, str) and _KEY.match(key.value):
        yield "keys", key.value
