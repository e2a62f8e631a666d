"""What is public, in one place; the page docs/python-api.md and tests/public_api.json are made from it.

``python -m dev.public_api`` writes both. A name that the file has and the package no longer has breaks a test; what is
new is taken up by writing it again, at the latest with a release.
"""

from __future__ import annotations

import inspect
import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import airflow_sm_pipelines
from airflow_sm_pipelines.definition.codes import CODES
from airflow_sm_pipelines.options import OPTIONS
from airflow_sm_pipelines.sidecars.fields import OF_DAG, OF_STEPS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "python-api.md"
SNAPSHOT = ROOT / "tests" / "public_api.json"
# Beside airflow_sm_pipelines itself: the modules that people import from, and their public names.
MODULES: dict[str, tuple[str, ...]] = {
    "airflow_sm_pipelines": tuple(airflow_sm_pipelines.__all__),
    "airflow_sm_pipelines.client": ("pipelines_client", "pipelines_session"),
    "airflow_sm_pipelines.step_types.step_type": ("ApiShape", "Guide", "RetryTypes"),
    "airflow_sm_pipelines.step_types.job_kind": ("JobKind",),
    "airflow_sm_pipelines.step_types.adapter": ("JobAdapter",),
    "airflow_sm_pipelines.operators.step": ("StepOperator",),
    "airflow_sm_pipelines.running.definition_run": ("run_definition",),
    "airflow_sm_pipelines.local.endpoint": ("LocalEndpoint",),
    "airflow_sm_pipelines.local.client": ("EndpointClient",),
}
# With Airflow 3.4 only: it cannot be imported with 3.3.
LATER = ("airflow_sm_pipelines.importer.SageMakerPipelineImporter",)
HEAD = """# Python API

Made by `python -m dev.public_api`. What is not on this page is internal: [versions, and what is public](versioning.md).

`airflow_sm_pipelines.importer.SageMakerPipelineImporter`, for Airflow 3.4, has [a page of its own](importer.md).
"""
STARS: dict[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
ROLE = re.compile(r":(?:class|func|mod|data|meth):`(?:airflow_sm_pipelines\\.)?([^`]+)`")


def page() -> str:
    """The page of all public names, by module."""
    parts = [HEAD]
    for module, names in MODULES.items():
        parts.append(f"## `{module}`\n")
        for name in names:
            found = getattr(import_module(module), name)
            parts.append(f"### {name}\n\n```text\n{name}{signature_of(found)}\n```\n\n{words_of(found)}\n")
    return "\n".join(parts)


def signature_of(found: Any) -> str:
    """The arguments as they are called: without annotations, which the description says in words."""
    return f"({', '.join(arguments_of(found))})"


def arguments_of(found: Any) -> list[str]:
    """The names of the arguments; those with a default have ``=…``."""
    if hasattr(found, "__struct_fields__"):
        required = len(found.__struct_fields__) - len(found.__struct_defaults__)
        return [name if index < required else f"{name}=…" for index, name in enumerate(found.__struct_fields__)]
    called = found.__init__ if inspect.isclass(found) else found
    told = []
    for parameter in inspect.signature(called).parameters.values():
        stars = STARS.get(parameter.kind, "")
        if parameter.name != "self":
            default = "" if stars or parameter.default is parameter.empty else "=…"
            told.append(f"{stars}{parameter.name}{default}")
    return told


def words_of(found: Any) -> str:
    """The docstring as Markdown: fields become a list."""
    text = ROLE.sub(lambda match: f"`{match[1].rpartition('.')[2]}`", inspect.getdoc(found) or "")
    text = re.sub(r"``([^`]*)``", r"`\1`", text)
    text = re.sub(r"^:param (\w+): ", r"- `\1`: ", text, flags=re.MULTILINE)
    text = re.sub(r"^:raises (\w+): ", r"- raises `\1`: ", text, flags=re.MULTILINE)
    return re.sub(r"^:returns?: ", r"- returns ", text, flags=re.MULTILINE)


def snapshot() -> dict[str, Any]:
    """What must not go without a deprecation: import paths with their arguments, settings, codes of findings."""
    names = {
        f"{module}.{name}": [one.removesuffix("=…") for one in arguments_of(getattr(import_module(module), name))]
        for module, public in MODULES.items()
        for name in public
    }
    return {
        "names": names,
        "later": list(LATER),
        "settings": sorted({*OPTIONS, *(option.old_name for option in OPTIONS.values() if option.old_name)}),
        "sidecars": sorted(OF_DAG),
        "steps of sidecars": sorted(OF_STEPS),
        "codes": sorted(CODES),
    }


def main() -> None:
    """Write the page and the file of names."""
    PAGE.write_text(page())
    SNAPSHOT.write_text(json.dumps(snapshot(), indent=1) + "\n")


if __name__ == "__main__":
    main()
