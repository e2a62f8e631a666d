"""The fenced blocks of the pages that people read, and the commands in them."""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
AT_THE_ROOT = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
PAGES = [*sorted(DOCS.rglob("*.md")), *(ROOT / name for name in AT_THE_ROOT)]
FENCE = re.compile(r"^( *)(`{3,}|~{3,})([^\n`]*)\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- ([^<>]*) -->\Z")
SHELL = ("sh", "bash")


class Block(NamedTuple):
    """One fenced block. ``mark`` is the comment above it: ``<!-- run -->``, or what an example shows of a run."""

    page: str
    line: int
    language: str
    text: str
    mark: str = ""

    @property
    def run(self) -> bool:
        return self.mark == "run"

    @property
    def begin(self) -> str:
        """The first line, by which the tables of :mod:`tests.documentation.held` name the block."""
        return self.text.partition("\n")[0]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def text_without_blocks(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


@cache
def blocks_of(page: Path) -> tuple[Block, ...]:
    text = page.read_text(encoding="utf-8")
    return tuple(
        Block(
            name_of(page),
            text.count("\n", 0, found.start()) + 1,
            found[3].strip(),
            textwrap.dedent(found[4]),
            mark[1] if (mark := MARK.search(text[: found.start()].rstrip())) else "",
        )
        for found in FENCE.finditer(text)
    )


def blocks(*languages: str, run: bool | None = None) -> list[Block]:
    """The blocks of all pages in these languages, in any where none is given."""
    return [
        block
        for page in PAGES
        for block in blocks_of(page)
        if (not languages or block.language in languages) and run in (None, block.run)
    ]


def block_of(page: str, begin: str) -> Block:
    """The one block of a page that begins so."""
    [found] = [block for block in blocks_of(ROOT / page) if block.text.startswith(begin)]
    return found


def is_steps(block: Block) -> bool:
    """Whether a block of JSON is a step, or a list of steps, without the definition around it."""
    return block.language == "json" and re.match(r'\[?\{"Name": "\w+", "Type": "\w+"', block.text) is not None


def steps_of(block: Block) -> list[Any]:
    value = json.loads(block.text)
    return value if isinstance(value, list) else [value]


def needs_airflow(block: Block) -> bool:
    """Whether a command of a block of the shell is one of Airflow's own command line."""
    return any(words[0] == "airflow" for words in commands_of(block))


def commands_of(block: Block) -> Iterator[list[str]]:
    """The words of each command of a block of the shell, without comments and without a ``&`` at the end."""
    for line in block.text.replace("\\\n", " ").splitlines():
        if block.language == "console" and not line.startswith("$ "):
            continue
        words = shlex.split(line.removeprefix("$ ") if block.language == "console" else line, comments=True)
        if words and words[-1] == "&":
            words.pop()
        if words:
            yield words
