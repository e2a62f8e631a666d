"""The documentation: links lead somewhere, Python can be read, and blocks that are marked are run.

Every command that a page shows is one that there is, with options that there are, and every import of this package is
one of a name that there is.

``<!-- run -->`` above a block marks it. A ``sh`` block has lines of ``sm-pipelines``, ``cp`` and ``mkdir -p``, in a
folder in which ``source`` is the repository. A ``python`` block is a file of a dags folder that has the example.
"""

from __future__ import annotations

import ast
import importlib
import os
import re
import runpy
import shlex
import shutil
import textwrap
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from airflow_sm_pipelines.cli.main import command_parser, main
from tests.cli.test_airflow_commands import parse

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
AT_THE_ROOT = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
PAGES = [*sorted(DOCS.glob("*.md")), *(ROOT / name for name in AT_THE_ROOT)]
REPOSITORY = "https://github.com/airflow-sm-pipelines/airflow-sm-pipelines"
# Pages that dev/site.py makes of files at the root.
MADE = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md", "security-policy.md": "SECURITY.md"}
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
MARKED = re.compile(r"<!-- run -->\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARKED_PAGES = [path for path in PAGES if "<!-- run -->" in path.read_text()]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def anchors_of(page: Path) -> frozenset[str]:
    """The ids of a page's headings, as the site makes them: the second of a name has ``_1``."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        text = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
        slug = re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", text).strip().lower())
        found.append(slug if slug not in found else f"{slug}_{found.count(slug)}")
    return frozenset(found)


def links_of(page: Path) -> Iterator[str]:
    text = re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text()))
    yield from re.findall(r"\]\(([^)\s]+)\)", text)
    yield from re.findall(r"^\[[^\]]+\]: (\S+)$", text, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in links_of(page):
        path, _, anchor = link.partition("#")
        if path.startswith(f"{REPOSITORY}/"):
            target = ROOT / re.sub(r"^(blob|raw)/main/", "", path.removeprefix(f"{REPOSITORY}/"))
        elif re.match(r"\w+:", path):
            continue
        else:
            target = ROOT / MADE[path] if path in MADE and page.parent == DOCS else page.parent / path
        target = target if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors_of(target)):
            broken.append(link)
    assert broken == []


def test_the_readme_reads_on_a_package_index() -> None:
    """There, a link that does not begin with https leads nowhere."""
    links = list(links_of(ROOT / "README.md"))
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    named = re.findall(r"\[([^\]\n]+\.md[^\]\n]*)\](?![(:])", (ROOT / "README.md").read_text())
    defined = re.findall(r"^\[([^\]]+)\]: ", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert set(named) - set(defined) == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_can_be_read(page: Path) -> None:
    for _, language, block in FENCE.findall(page.read_text()):
        if language == "python":
            ast.parse(block if not block.startswith(" ") else f"if True:\n{block}")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_is_imported_of_this_package_is_there(page: Path) -> None:
    for _, language, block in FENCE.findall(page.read_text()):
        tree = ast.parse(textwrap.dedent(block) if language == "python" else "")
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "airflow_sm_pipelines":
                module = importlib.import_module(node.module or "")
                assert [each.name for each in node.names if not hasattr(module, each.name)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_are_ones_that_there_are(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    wrong = []
    for command in commands_of(page):
        words = shlex.split(command, comments=True)
        try:
            match [Path(words[0]).name, *words[1:]]:
                case ["sm-pipelines", *arguments]:
                    command_parser().parse_args(arguments)
                case ["airflow", "sm-pipelines", *arguments]:
                    parse(*arguments)
                case ["make", target, *_]:
                    assert target in targets
                case ["python", script, *_] if "/" in script:
                    assert (ROOT / script).exists()
        except (SystemExit, AssertionError) as error:
            if getattr(error, "code", 1):
                wrong.append((command, capsys.readouterr().err))
    assert wrong == []


def commands_of(page: Path) -> Iterator[str]:
    """The commands of a page's blocks, and those that its text shows between backticks."""
    text = page.read_text()
    for _, language, block in FENCE.findall(text):
        lines = textwrap.dedent(block).replace("\\\n", " ").splitlines()
        if language in ("sh", "bash"):
            yield from (line.removesuffix(" &") for line in lines if line.strip() and not line.startswith("#"))
        elif language == "console":
            yield from (line.removeprefix("$ ") for line in lines if line.startswith("$ "))
    # A sentence may name a command without what it needs: `airflow sm-pipelines lint`.
    for shown in re.findall(r"`(airflow sm-pipelines [a-z-]+|make [a-z-]+)", FENCE.sub("", text)):
        yield shown if shown.startswith("make") else f"{shown} --help"


@pytest.mark.parametrize("page", MARKED_PAGES, ids=name_of)
def test_marked_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "source").symlink_to(ROOT)
    (tmp_path / "with_example" / "pipelines").mkdir(parents=True)
    for folder in (tmp_path / "with_example" / "pipelines", tmp_path / "with_example"):
        shutil.copy(ROOT / "dags" / "pipelines" / "abalone.json", folder)
    blocks = MARKED.findall(page.read_text())
    assert len(blocks) == page.read_text().count("<!-- run -->")
    for number, (language, block) in enumerate(blocks):
        if language == "sh":
            for line in block.splitlines():
                run_line(shlex.split(line, comments=True))
        else:
            assert language == "python"
            file = tmp_path / "with_example" / f"block_{number}.py"
            file.write_text(block)
            assert runpy.run_path(str(file))


def run_line(words: list[str]) -> None:
    match words:
        case ["sm-pipelines", *arguments]:
            assert main(arguments) == 0, words
        case ["mkdir", "-p", folder]:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103 # as the command does
        case ["cp", source, target]:
            shutil.copy(source, target)
        case []:
            pass
        case _:
            pytest.fail(f"a marked block has a command that this test does not know: {words}")
