"""The rooms of docs/architecture.md: which imports which, and that the pages name what is there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
PACKAGE = REPOSITORY / "airflow_sm_pipelines"
NAME = "airflow_sm_pipelines"
# From the room that nobody stands above to those that people use. A row's rooms may import each other.
ORDER = (
    ("definition",),
    ("options", "naming", "markdown", "place"),
    ("wire",),
    ("local_runner",),
    ("observing",),
    ("aws",),
    ("step_types",),
    ("validation",),
    ("graph",),
    ("pace",),
    ("settings",),
    ("expressions",),
    ("jobs",),
    ("cache",),
    ("callbacks",),
    ("report",),
    ("operators",),
    ("sidecars",),
    ("ignored", "dag_ids", "discovery"),
    (
        "arguments",
        "default_args",
        "given_definition",
        "given_parameters",
        "given_roles",
        "given_settings",
        "given_steps",
        "overrides",
        "params",
        "pools",
        "step_tasks",
        "preparation",
        "task_group",
        "group_arguments",
        "broken_group",
        "namespace",
        "error_dag",
        "stored_dag",
        "definition_file",
        "documented",
        "dag",
        "file_dags",
        "definitions_folder",
        "import_time",
        "loader",
        "importer",
        "preload",
    ),
    ("store",),
    ("server",),
    ("api",),
    ("plugin", "provider_info"),
    ("client",),
    ("running",),
    ("local_pipelines",),
    ("comparing",),
    ("cli",),
)
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}
# Old import paths, kept for one release, and the package itself, which names what it offers.
OUTSIDE = {"__init__", "moved", "steps", "runtime"}
NO_AIRFLOW = {
    "definition",
    "options",
    "naming",
    "markdown",
    "place",
    "wire",
    "local_runner",
    "step_types",
    "validation",
    "graph",
    "report",
    "sidecars",
    "ignored",
    "dag_ids",
    "discovery",
    "client",
    "local",
}

# Where these rooms meet Airflow. All else of them runs without it, also through what it imports.
MEETS_AIRFLOW = {
    "jobs": {"retry", "task_states", "trigger", "trigger_event"},
    "callbacks": {"trigger", "xcom_slots"},
}
WITHOUT_AIRFLOW = """
import sys
from importlib import import_module
for name in sys.argv[1:]:
    import_module(name)
from airflow_sm_pipelines.step_types import STEP_TYPES
assert any(step_type.adapter for step_type in STEP_TYPES.built_in)
print(*[name for name in sys.modules if name.partition(".")[0] == "airflow"])
"""


def files() -> Iterator[Path]:
    yield from sorted(PACKAGE.rglob("*.py"))


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


@cache
def imports(file: Path) -> tuple[tuple[int, str], ...]:
    """The line and the dotted name of every import, those within functions and for type checkers included."""
    return tuple(_imports(file))


def _imports(file: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            if node.module == NAME:
                yield from ((node.lineno, f"{NAME}.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, node.module


def test_every_room_has_a_place() -> None:
    rooms = {room_of(file) for file in files()} - OUTSIDE - {"local"}
    assert rooms == set(RANK)


def table_of_rooms() -> Iterator[tuple[list[str], str]]:
    """The rows of the table in docs/architecture.md: the rooms of each, and what it says of Airflow."""
    page = (REPOSITORY / "docs" / "architecture.md").read_text()
    for row in re.findall(
        r"^\| (`[^|]+)\|[^|]+\| ([^|]+) \|[^|]+\|$", page.partition("\n## Invariants")[0], re.MULTILINE
    ):
        named = re.findall(r"`([a-z_]+(?:/|\.py))`", row[0])
        assert [name for name in named if not (PACKAGE / name).exists()] == []
        yield [name.removesuffix("/").removesuffix(".py") for name in named], row[1]


def test_the_table_of_rooms_is_whole_and_in_order() -> None:
    rows = [sorted(rooms) for rooms, _ in table_of_rooms()]
    assert rows == [*(sorted(rooms) for rooms in ORDER), ["local"], sorted(OUTSIDE)]


def test_the_table_of_rooms_says_which_meet_airflow() -> None:
    assert {room for rooms, airflow in table_of_rooms() if airflow == "no" for room in rooms} == NO_AIRFLOW
    named = {
        room: set(re.findall(rf"`{room}/([a-z_]+)\.py`", airflow))
        for rooms, airflow in table_of_rooms()
        for room in rooms
        if ".py" in airflow
    }
    assert named == MEETS_AIRFLOW


def test_no_room_imports_from_a_room_below_it() -> None:
    upward = []
    for file in files():
        room = room_of(file)
        if room in OUTSIDE:
            continue
        for line, name in imports(file):
            parts = name.split(".")
            if parts[0] != NAME or len(parts) < 2 or parts[1] in (room, "__version__"):
                continue
            if room == "local":
                allowed = parts[1] in ("wire", "local_runner")
            elif room == "local_runner" or parts[1] == "local_runner":
                allowed = False  # it stands alone, and only the endpoint uses it
            elif parts[1] == "local":
                allowed = room == "cli"
            else:
                allowed = RANK[parts[1]] <= RANK[room]
            if not allowed:
                upward.append(f"{file.relative_to(REPOSITORY)}:{line} imports {name}")
    assert upward == []


def test_rooms_without_airflow_import_none() -> None:
    found = [
        f"{file.relative_to(REPOSITORY)}:{line} imports {name}"
        for file in files()
        if room_of(file) in NO_AIRFLOW
        for line, name in imports(file)
        if name.split(".")[0] == "airflow"
    ]
    assert found == []


def test_the_lives_and_the_adapters_of_step_types_are_imported_without_airflow() -> None:
    """In a process of its own, so that what they import in turn counts too."""
    modules = [
        f"{NAME}.{room}.{file.stem}"
        for room, airflows in MEETS_AIRFLOW.items()
        for file in (PACKAGE / room).glob("*.py")
        if file.stem not in {"__init__", *airflows}
    ]
    assert {f"{NAME}.jobs.{name}" for name in ("lifecycle", "stop", "kill_verdict", "retry_decision")} <= set(modules)
    done = subprocess.run([sys.executable, "-c", WITHOUT_AIRFLOW, *modules], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


def test_only_the_endpoint_imports_what_the_extra_local_installs() -> None:
    found = [
        f"{file.relative_to(REPOSITORY)}:{line} imports {name}"
        for file in files()
        if room_of(file) != "local"
        for line, name in imports(file)
        if name.split(".")[0] in ("moto", "werkzeug", "flask")
    ]
    assert found == []


@pytest.mark.parametrize("page", ["architecture.md", "extending.md"])
def test_what_the_pages_name_is_there(page: str) -> None:
    text = (REPOSITORY / "docs" / page).read_text()
    named = re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.py)(?::([A-Za-z_.]+))?`", text)
    assert named
    missing = [f"{file}:{member}" for file, member in named if not is_there(PACKAGE / file, member)]
    assert missing == []


def is_there(file: Path, member: str) -> bool:
    if not file.is_file():
        return not member and (REPOSITORY / file.relative_to(PACKAGE)).is_file()
    body: list[ast.stmt] = ast.parse(file.read_text()).body
    for name in filter(None, member.split(".")):
        node = next((each for each in body if getattr(each, "name", None) == name), None)
        if node is None:
            return False
        body = getattr(node, "body", [])
    return True


def numbered_sections() -> dict[str, str]:
    """The headings of docs/sagemaker by their numbers, each with its page. No number stands twice."""
    found: dict[str, str] = {}
    for page in sorted((REPOSITORY / "docs" / "sagemaker").glob("*.md")):
        for number in re.findall(r"^#+ ([0-9]+(?:\.[0-9]+)?)[. ]", page.read_text(), re.MULTILINE):
            assert number not in found, number
            assert number.partition(".")[0] == page.name.partition("-")[0], number
            found[number] = page.name
    return found


def test_the_index_leads_to_every_section() -> None:
    """That the anchors are there is tested with all links (tests/documentation/test_links.py)."""
    page = (REPOSITORY / "docs" / "sagemaker-semantics.md").read_text()
    rows = re.findall(
        r"^\| \**([0-9.]+)\** \| \**\[.*?\]\(sagemaker/([^)#]+)(?:#(\d+)-[^)]*)?\)\** \|$", page, re.MULTILINE
    )
    assert {number: name for number, name, _ in rows} == numbered_sections()
    assert [number for number, _, anchor in rows if "." in number and anchor != number.replace(".", "")] == []
    numbers = [tuple(map(int, number.split("."))) for number, _, _ in rows]
    assert numbers == sorted(set(numbers))


def test_the_page_names_the_numbers_that_no_section_has() -> None:
    """So that nobody looks for them."""
    numbers = [tuple(map(int, number.split("."))) for number in numbered_sections()]
    missing = set()
    for chapter in ((), *{number[:1] for number in numbers if len(number) == 2}):
        there = {number[-1] for number in numbers if number[:-1] == chapter}
        missing |= {(*chapter, number) for number in range(min(there), max(there)) if number not in there}
    page = (REPOSITORY / "docs" / "sagemaker-semantics.md").read_text()
    [said] = re.findall(r"^There are no sections (.*?):", page, re.MULTILINE)
    named = set()
    for first, last in re.findall(r"([\d.]+) to ([\d.]+)", said):
        *parents, begin = map(int, first.split("."))
        named |= {(*parents, number) for number in range(begin, int(last.rpartition(".")[2]) + 1)}
    assert named == missing


def test_every_section_that_the_code_cites_is_there() -> None:
    sections = set(numbered_sections())
    cited = {
        section
        for file in (*PACKAGE.rglob("*.py"), *(REPOSITORY / "tests").rglob("*.py"))
        for group in re.findall(r"[Ss]emantics ((?:[0-9][0-9.]*(?:, | and |; )?)+)", file.read_text())
        for section in re.findall(r"[0-9]+(?:\.[0-9]+)?", group)
    }
    assert cited - sections == set()


def test_nothing_leads_to_documents_outside_the_repository() -> None:
    found = [
        f"{file.relative_to(REPOSITORY)}: {phrase}"
        for file in files()
        for phrase in re.findall(r"of the design\b|facts page|design\.md|anchors\.md", file.read_text())
    ]
    assert found == []
