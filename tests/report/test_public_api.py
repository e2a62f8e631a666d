"""What is public stays: names and their arguments, settings, codes of findings, import paths; and it is typed."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import airflow_sm_pipelines
from dev.annotations import call_in_lines, call_of, typed_arguments
from dev.public_api import LATER, MEMBERS, MODULES, PAGE, SNAPSHOT, arguments_of, is_enum, page, snapshot

ROOT = Path(__file__).parents[2]
USERS_FILE = "tests/user_dags.py"
PUBLIC = json.loads(SNAPSHOT.read_text())


def test_nothing_public_is_gone() -> None:
    """What goes is first deprecated for a minor version (docs/versioning.md), then taken out of the file."""
    now = snapshot()
    assert PUBLIC["names"].keys() - now["names"].keys() == set()
    for name, arguments in PUBLIC["names"].items():
        assert broken_calls(arguments, now["names"][name]) == [], name
    for kind in ("later", "others", "settings", "sidecars", "steps of sidecars", "codes", "commands"):
        assert set(PUBLIC[kind]) - set(now[kind]) == set(), kind


def broken_calls(before: list[str], now: list[str]) -> list[str]:
    """The arguments of calls that no longer work: those that are gone, and those that were optional (``name=…``)."""
    return [one for one in before if one not in now and f"{one}=…" not in now]


def test_an_argument_may_become_optional_but_not_required() -> None:
    assert broken_calls(["file", "**dag_arguments"], ["file=…", "select=…", "**dag_arguments"]) == []
    assert broken_calls(["file", "select=…"], ["file", "select"]) == ["select=…"]


def test_what_is_new_is_written_into_the_file() -> None:
    """By ``python -m dev.public_api``: what nobody has noted down could go again without a word."""
    assert snapshot() == PUBLIC


def test_the_package_offers_what_it_names_and_nothing_else() -> None:
    assert airflow_sm_pipelines.__all__ == sorted(airflow_sm_pipelines.__all__, key=str)
    assert {name for name in dir(airflow_sm_pipelines) if not name.startswith("_")} >= set(airflow_sm_pipelines.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'load_dag'"):
        getattr(airflow_sm_pipelines, "load_dag")  # noqa: B009 # mypy would refuse the name itself


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in MODULES.items() for name in names])
def test_every_public_name_is_described(module: str, name: str) -> None:
    found = getattr(import_module(module), name)
    text = inspect.getdoc(found) or ""
    assert len(text) > 40
    if "The other arguments are those of" in text or is_enum(found):
        return
    told = set(re.findall(r"\w+", text))
    if "and so are all arguments that have a name of its own" in text:
        told |= {argument_of(one) for one in arguments_of(airflow_sm_pipelines.SageMakerPipelineDag)}
    assert [one for one in arguments_of(found) if not one.startswith("*") and argument_of(one) not in told] == []


def argument_of(shown: str) -> str:
    return shown.removesuffix("=…")


def test_the_page_has_the_types_as_the_source_means_them() -> None:
    """A short name of a type tells a reader nothing: the page has what it stands for."""
    assert call_of("failure_of", airflow_sm_pipelines.failure_of) == (
        "failure_of(context: Mapping[str, Any]) -> Failure | None"
    )
    shown = call_in_lines("load_dags", airflow_sm_pipelines.load_dags).splitlines()
    assert "    dag_ids: Literal['stem', 'path'] | None = …," in shown
    assert shown[-1] == ") -> dict[str, DAG]"
    untyped = [
        (name, argument)
        for module, names in MODULES.items()
        for name in names
        if not is_enum(getattr(import_module(module), name)) and name != "DefinitionError"  # as all exceptions
        for argument in typed_arguments(getattr(import_module(module), name))
        if ": " not in argument and argument != "*"
    ]
    assert untyped == []


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in MODULES.items() for name in names if name in MEMBERS]
)
def test_every_public_member_is_described(module: str, name: str) -> None:
    found = getattr(import_module(module), name)
    told = {member: inspect.getdoc(getattr(found, member)) or "" for member in MEMBERS[name]}
    assert [member for member, text in told.items() if len(text) < 20] == []


def test_what_is_overridden_and_called_in_examples_is_public() -> None:
    """An adapter of one's own overrides what the page tells of."""
    adapters = [ast.parse(file.read_text()) for file in (ROOT / "tests" / "glue_step_type").glob("*.py")]
    classes = [node for tree in adapters for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    methods = {
        node.name
        for each in classes
        if "JobAdapter" in [ast.unparse(base) for base in each.bases]
        for node in each.body
        if isinstance(node, ast.FunctionDef)
    }
    assert methods
    assert methods <= set(MEMBERS["JobAdapter"])


def test_what_needs_a_newer_airflow_is_where_it_is_said_to_be() -> None:
    for path in LATER:
        module, _, name = path.rpartition(".")
        spec = find_spec(module)
        assert spec is not None
        assert f"class {name}(" in Path(str(spec.origin)).read_text()


def test_the_page_of_the_python_api() -> None:
    assert PAGE.read_text() == page()


def test_the_users_files_use_every_public_name() -> None:
    files = [ROOT / "tests" / "user_dags.py", ROOT / "tests" / "glue_step_type" / "glue_steps.py"]
    used = {word for file in files for word in re.findall(r"\w+", file.read_text())}
    names = {name for names in MODULES.values() for name in names}
    assert names - used == {"RunStarted", "StepLeft", "Stopping", "DefinitionRun"}  # what run_definition gives


@pytest.mark.system  # a process of its own, which takes as long as a fifth of all fast tests
def test_a_users_file_passes_mypy() -> None:
    pytest.importorskip("mypy")
    # A cache of its own: `make lint` may run beside this, and two processes cannot write one SQLite cache at once.
    command = [sys.executable, "-m", "mypy", "--cache-dir", ".mypy_cache/users_file", USERS_FILE]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout[:8]) == (0, "Success:"), ran.stdout + ran.stderr


def test_a_users_file_is_among_what_mypy_checks_strictly() -> None:
    """And so `make lint` checks it."""
    mypy = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    assert (ROOT / USERS_FILE).exists()
    assert mypy["strict"] is True
    assert Path(USERS_FILE).parts[0] in mypy["files"]
    assert [pattern for pattern in mypy["exclude"] if re.search(pattern, USERS_FILE)] == []
    excepted = [name for override in mypy["overrides"] for name in override["module"]]
    assert [name for name in excepted if fnmatch(USERS_FILE.removesuffix(".py").replace("/", "."), name)] == []
