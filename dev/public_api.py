"""What is public, in one place; the page docs/python-api.md and tests/public_api.json are made from it.

``python -m dev.public_api`` writes both. A name that the file has and the package no longer has breaks a test, and so
does an argument that was optional. What is new does so too, until the file is written again: it is public from then on.
"""

from __future__ import annotations

import inspect
import json
import re
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any

import airflow_sm_pipelines
from airflow_sm_pipelines.definition.codes import CODES
from airflow_sm_pipelines.markdown import linked
from airflow_sm_pipelines.options import OPTIONS
from airflow_sm_pipelines.sidecars.fields import OF_DAG, OF_STEPS
from dev.annotations import STARS, call_in_lines, call_of, result_of
from dev.command_line import commands

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "python-api.md"
SNAPSHOT = ROOT / "tests" / "public_api.json"
# Beside airflow_sm_pipelines itself: the modules that people import from, and their public names.
MODULES: dict[str, tuple[str, ...]] = {
    "airflow_sm_pipelines": tuple(airflow_sm_pipelines.__all__),
    "airflow_sm_pipelines.client": ("pipelines_client", "pipelines_session"),
    "airflow_sm_pipelines.step_types.step_type": ("ApiShape", "Guide", "RetryTypes", "job_calls"),
    "airflow_sm_pipelines.step_types.job_kind": ("JobKind",),
    "airflow_sm_pipelines.step_types.adapter": ("JobAdapter",),
    "airflow_sm_pipelines.step_types.argument_rules": ("ArgumentRules",),
    "airflow_sm_pipelines.step_types.console_locations": ("ConsoleLocations",),
    "airflow_sm_pipelines.aws.failures": ("CallError", "ExceptionType", "StepFailure"),
    "airflow_sm_pipelines.operators.step": ("StepOperator",),
    "airflow_sm_pipelines.expressions.values": ("resolve_object",),
    "airflow_sm_pipelines.running.definition_run": ("run_definition", "DefinitionRun"),
    "airflow_sm_pipelines.running.events": ("RunStarted", "StepChanged", "StepLeft", "Stopping", "RunEnded"),
    "airflow_sm_pipelines.local.endpoint": ("LocalEndpoint",),
    "airflow_sm_pipelines.local.client": ("EndpointClient",),
    "airflow_sm_pipelines.local_pipelines.service": ("LocalPipelines",),
    "airflow_sm_pipelines.store.api_bundle": ("StoredPipelinesDagBundle",),
}
# What people call of an object, or put in the place of, in the order in which it is told.
OF_ENDPOINTS = ("requests", "jobs", "advance", "paused", "resume", "wait", "add_fault", "load_scenario", "reset")
MEMBERS: dict[str, tuple[str, ...]] = {
    "SageMakerPipelineTaskGroup": ("output",),
    "Failure": ("reason", "job_name", "console_url"),
    "JobKind": ("bound",),
    "JobAdapter": (
        *("kind", "name_prefix", "resolve_settings", "complete_request", "finish_request", "shown_request", "prepare"),
        *("find", "locate", "create", "create_call", "refusal", "confirm", "check_end", "result", "failed_result"),
        *("reason", "keep_result", "leftover", "stop_target", "console_values", "log_address"),
    ),
    "CallError": ("of",),
    "StepOperator": ("arguments_of", "resolve", "run_step", "check_resolved", "deliver"),
    "DefinitionRun": ("events", "stop", "abandon", "keep"),
    "LocalEndpoint": ("start", "stop", "url", "environment", "client", *OF_ENDPOINTS, "put_function", "job_folder"),
    "EndpointClient": ("health", *OF_ENDPOINTS),
}
# What is imported, or named to Airflow, pytest or Celery, and is no class or function with arguments.
OTHERS = {
    "airflow_sm_pipelines.local.testing": "the pytest plugin with the fixture `local_endpoint`",
    "airflow_sm_pipelines.preload": "imports what steps need, for Celery's workers",
    "airflow_sm_pipelines.step_types.console_locations.LOG_CALLS": "the operations by which a job's log is read",
    "airflow_sm_pipelines.step_types.stop_target.StopTarget": "the type of what `JobAdapter.stop_target` gives",
}
# With Airflow 3.4 only: it cannot be imported with 3.3.
LATER = ("airflow_sm_pipelines.importer.SageMakerPipelineImporter",)
HEAD = """# Python API

Made by `python -m dev.public_api`. What is not on this page is internal: [versions, and what is public](versioning.md).

`airflow_sm_pipelines.importer.SageMakerPipelineImporter`, for Airflow 3.4, has [a page of its own](importer.md).
"""
ROLE = re.compile(r":(?:class|func|mod|data|meth):`([^`]+)`")


def page() -> str:
    """The page of all public names, by module."""
    parts = [HEAD]
    for module, names in MODULES.items():
        parts.append(f"## `{module}`\n")
        for name in names:
            found = getattr(import_module(module), name)
            parts.append(
                f"### {name}\n\n```text\n{signature_of(name, found)}\n```\n\n{words_of(name, text_of(found))}\n"
            )
            parts += list_of_members(name, found)
    parts.append("## Other import paths\n\n| path | what it is |\n|---|---|")
    parts += [f"| `{path}` | {what} |" for path, what in OTHERS.items()]
    return "\n".join(parts) + "\n"


def list_of_members(name: str, found: Any) -> list[str]:
    """A line for each method and property, with the first paragraph of what it says of itself."""
    lines = []
    for member in MEMBERS.get(name, ()):
        there = inspect.getattr_static(found, member)
        shown = property_of(member, there) if is_property(there) else call_of(member, getattr(found, member))
        first = text_of(getattr(found, member)).split("\n\n")[0]
        lines.append(f"- `{shown}`: {' '.join(words_of(name, first).split())}")
    return ["Members:\n", *lines, ""] if lines else []


def property_of(name: str, member: Any) -> str:
    """A property with its type; that of another descriptor is not told."""
    getter = getattr(member, "fget", None) or getattr(member, "func", None)
    return f"{name}{result_of(getter).replace(' ->', ':')}" if getter else name


def is_property(member: Any) -> bool:
    """Whether it is not called."""
    return not isinstance(member, (FunctionType, classmethod, staticmethod))


def signature_of(name: str, found: Any) -> str:
    """The arguments as they are called, with their types; or the members of an enum."""
    if is_enum(found):
        return "\n".join(f"{name}.{member}" for member in arguments_of(found))
    return call_in_lines(name, found)


def is_enum(found: Any) -> bool:
    """Whether it is not called, but has members."""
    return isinstance(found, type) and issubclass(found, Enum)


def arguments_of(found: Any) -> list[str]:
    """The names of the arguments; those with a default have ``=…``. Of an enum, the members."""
    if is_enum(found):
        return list(found.__members__)
    if hasattr(found, "__struct_fields__"):
        required = len(found.__struct_fields__) - len(found.__struct_defaults__)
        return [name if index < required else f"{name}=…" for index, name in enumerate(found.__struct_fields__)]
    called = found.__init__ if inspect.isclass(found) else found
    told = []
    for parameter in inspect.signature(called).parameters.values():
        stars = STARS.get(parameter.kind, "")
        if parameter.name not in ("self", "cls"):
            default = "" if stars or parameter.default is parameter.empty else "=…"
            told.append(f"{stars}{parameter.name}{default}")
    return told


def text_of(found: Any) -> str:
    """The docstring."""
    return inspect.getdoc(found) or ""


def words_of(name: str, text: str) -> str:
    """What a docstring of ``name`` says, as Markdown: fields become a list, pages and public names links."""
    text = ROLE.sub(lambda role: reference(name, role[1]), text)
    text = linked(re.sub(r"``([^`]*)``", r"`\1`", text))
    text = re.sub(r"^:param (\w+): ", r"- `\1`: ", text, flags=re.MULTILINE)
    text = re.sub(r"^:raises (\w+): ", r"- raises `\1`: ", text, flags=re.MULTILINE)
    return re.sub(r"^:returns?: ", r"- returns ", text, flags=re.MULTILINE)


def reference(name: str, path: str) -> str:
    """What a docstring of ``name`` refers to: a name of this page, or another member of the same class."""
    last = path.rpartition(".")[2]
    if last in MEMBERS.get(name, ()):
        return f"`{last}`"
    if not any(last in names for names in MODULES.values()):
        raise ValueError(f"{name} refers to {path}, which is not on the page")
    return f"[`{last}`](#{last.lower()})"


def snapshot() -> dict[str, Any]:
    """What must not go without a deprecation: import paths with their arguments, settings, codes of findings."""
    names = {
        f"{module}.{name}": arguments_of(getattr(import_module(module), name))
        for module, public in MODULES.items()
        for name in public
    }
    for path in tuple(names):
        found = getattr(import_module(path.rpartition(".")[0]), path.rpartition(".")[2])
        for member in MEMBERS.get(path.rpartition(".")[2], ()):
            is_called = not is_property(inspect.getattr_static(found, member))
            names[f"{path}.{member}"] = arguments_of(getattr(found, member)) if is_called else []
    return {
        "names": names,
        "later": list(LATER),
        "others": list(OTHERS),
        "settings": sorted({*OPTIONS, *(option.old_name for option in OPTIONS.values() if option.old_name)}),
        "sidecars": sorted(OF_DAG),
        "steps of sidecars": sorted(OF_STEPS),
        "codes": sorted(CODES),
        "commands": sorted(f"{name} {argument.flags[0]}" for name, command in commands() for argument in command.args),
    }


def main() -> None:
    """Write the page and the file of names."""
    PAGE.write_text(page())
    SNAPSHOT.write_text(json.dumps(snapshot(), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
