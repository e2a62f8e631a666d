"""The key ``runner`` of a scenario: which jobs run their own code; ``docs/local-mode.md`` has its keys.

::

    {"runner": [{"type": "Training", "image": "*sagemaker-xgboost*", "step": "Train*",      globs, default "*"
                 "run": "process",                                     or "simulate"
                 "python": "/path/to/python",                          or {"requirements": "requirements.txt"}
                 "network": false, "memory_mb": 2048},
                {"lambda": "name", "handler": "handlers.py:function"},
                {"callback": "queue", "handler": "handlers.py:function"}]}

or, where more is to be said, ``{"runner": {"rules": [...], "isolation": "auto", ...}}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow_sm_pipelines.local.limits import MAX_DELAY
from airflow_sm_pipelines.local.reader import Node
from airflow_sm_pipelines.local_runner.rules import ISOLATIONS, RUNS, Handler, Rule, RunnerSettings

RULE_KEYS = ("image", "step", "type", "run", "python", "network", "memory_mb")
SETTING_KEYS = ("rules", "isolation", "check_inputs", "stop_seconds", "keep", "folder")
TYPES = ("Processing", "Training", "Transform", "Tuning")
MAX_MEMORY_MB = 16 * 2**20


def read_runner(node: Node) -> RunnerSettings:
    """Check the value of ``runner``; raises :class:`ScenarioError` with the JSON path of what is wrong."""
    if isinstance(node.value, list | tuple):
        return _read_rules(node, {})
    members = node.only(SETTING_KEYS)
    values: dict[str, Any] = {}
    for key, member in members.items():
        match key:
            case "isolation":
                values[key] = member.one_of(ISOLATIONS)
            case "check_inputs" | "keep":
                values[key] = _flag(member)
            case "stop_seconds":
                values[key] = member.number(0, MAX_DELAY)
            case "folder":
                values[key] = Path(member.name())
            case _:
                pass
    return _read_rules(members["rules"], values) if "rules" in members else RunnerSettings(**values)


def _read_rules(node: Node, settings: Mapping[str, Any]) -> RunnerSettings:
    rules, functions, callbacks = [], [], []
    for entry in node.items():
        members = entry.members()
        if "lambda" in members:
            functions.append(_read_handler(entry, "lambda"))
        elif "callback" in members:
            callbacks.append(_read_handler(entry, "callback"))
        else:
            rules.append(_read_rule(entry))
    return RunnerSettings(tuple(rules), tuple(functions), tuple(callbacks), **settings)


def _read_rule(node: Node) -> Rule:
    members = node.only(RULE_KEYS)
    if "run" not in members:
        raise node.fail(f'needs "run": {" or ".join(RUNS)}')
    values: dict[str, Any] = {}
    for key, member in members.items():
        match key:
            case "run":
                values[key] = member.one_of(RUNS)
            case "python":
                values |= _read_python(member)
            case "network":
                values[key] = _flag(member)
            case "memory_mb":
                values[key] = member.integer(16, MAX_MEMORY_MB)
            case _:
                values[key] = member.name()
    return Rule(**values)


def _read_python(node: Node) -> dict[str, Path]:
    if isinstance(node.value, Mapping):
        members = node.only(("requirements",))
        if "requirements" not in members:
            raise node.fail('needs "requirements": a file')
        return {"requirements": _file(members["requirements"])}
    return {"python": _file(node)}


def _read_handler(node: Node, kind: str) -> Handler:
    members = node.only((kind, "handler"))
    if "handler" not in members:
        raise node.fail('needs "handler": "file.py:function"')
    file, colon, function = members["handler"].name().rpartition(":")
    if not colon or not function.isidentifier():
        raise members["handler"].fail(f'expected "file.py:function", got {members["handler"].value!r}')
    return Handler(members[kind].name(), _file(Node(file, members["handler"].path)), function)


def _file(node: Node) -> Path:
    path = Path(node.name()).expanduser()
    if not path.is_file():
        raise node.fail(f"no such file: {path}")
    return path.absolute()


def _flag(node: Node) -> bool:
    if not isinstance(node.value, bool):
        raise node.fail(f"expected true or false, got {node.value!r}")
    return node.value


def beside(value: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """A scenario whose paths below ``runner`` are taken from the folder of its file; what is wrong in it stays so."""
    runner = value.get("runner")
    if isinstance(runner, list):
        return {**value, "runner": [_rule_beside(rule, folder) for rule in runner]}
    if isinstance(runner, Mapping):
        moved = {**runner, "folder": _path_beside(runner["folder"], folder)} if "folder" in runner else dict(runner)
        if isinstance(runner.get("rules"), list):
            moved["rules"] = [_rule_beside(rule, folder) for rule in runner["rules"]]
        return {**value, "runner": moved}
    return value


def _rule_beside(rule: Any, folder: Path) -> Any:
    if not isinstance(rule, Mapping):
        return rule
    moved = {key: _path_beside(rule[key], folder) for key in ("python", "handler") if key in rule}
    python = rule.get("python")
    if isinstance(python, Mapping) and "requirements" in python:
        moved["python"] = {**python, "requirements": _path_beside(python["requirements"], folder)}
    return {**rule, **moved}


def _path_beside(path: Any, folder: Path) -> Any:
    return str(folder / Path(path).expanduser()) if isinstance(path, str) else path
