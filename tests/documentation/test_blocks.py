"""Every block of every page is run, compared or checked: by the tests of this folder, or by one that is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.documentation import held
from tests.documentation.blocks import PAGES, ROOT, SHELL, Block, blocks, name_of
from tests.documentation.test_data import CHECKS
from tests.documentation.test_outputs import COMPARED


def table_of(block: Block) -> dict[tuple[str, str], str]:
    if block.language in SHELL:
        return held.SHELL
    return held.PYTHON if block.language == "python" else held.TEXTS


def is_held(block: Block) -> bool:
    """Whether one of the tests looks at this block."""
    if block.page in held.MADE:
        return True
    match block.language:
        case "sh" | "bash" | "python":
            return block.run or named(block)
        case "console" | "text" | "mermaid":
            return named(block) or any(block.page == page and block.text.startswith(begin) for page, begin in COMPARED)
    return block.language in CHECKS


def named(block: Block) -> bool:
    return any(block.page == page and block.text.startswith(begin) for page, begin in table_of(block))


def test_every_block_is_run_compared_or_checked() -> None:
    """A new block of Python or shell is marked with ``<!-- run -->``, or stands in a table with a reason; and so on.

    What the commands of a block of the shell are called, and their options, is checked of each: test_commands.py.
    """
    assert [f"{block} ({block.language or 'no language'})" for block in blocks() if not is_held(block)] == []


def test_every_fence_begins_a_block() -> None:
    for page in PAGES:
        fences = re.findall(r"^ *(?:`{3,}|~{3,})", page.read_text(), re.MULTILINE)
        assert len(fences) == 2 * len(blocks_of_page(name_of(page))), page
    marks = sum(len(re.findall(r"^ *<!-- run -->$", page.read_text(), re.MULTILINE)) for page in PAGES)
    assert marks == len(blocks("python", *SHELL, run=True))


def blocks_of_page(page: str) -> list[Block]:
    return [block for block in blocks() if block.page == page]


@pytest.mark.parametrize("table", [held.PYTHON, held.SHELL, held.TEXTS], ids=["python", "shell", "texts"])
def test_the_tables_name_blocks_and_tests_that_there_are(table: dict[tuple[str, str], str]) -> None:
    for (page, begin), why in table.items():
        found = [block for block in blocks() if block.page == page and block.text.startswith(begin)]
        assert len(found) == 1, (page, begin)
        assert not found[0].run, (page, begin)
        for test in re.findall(r"tests/[\w/]+\.py", why):
            # A test that is named without a reason before it holds the block itself, so it names the page.
            name = Path(page).name if why.startswith("tests/") else ""
            assert name in (ROOT / test).read_text(), (page, test)


def test_the_pages_that_are_made_have_their_tests() -> None:
    for page, test in held.MADE.items():
        assert Path(page).name in (ROOT / "dev" / "public_api.py").read_text()
        assert "def test_the_page" in (ROOT / test).read_text()
