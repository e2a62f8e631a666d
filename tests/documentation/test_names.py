"""What a sentence names between backticks is there: files, modules and their members, settings with their values."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_sm_pipelines.options import SECTION
from airflow_sm_pipelines.settings import NAMES
from dev.public_api import LATER
from tests.documentation.blocks import PAGES, ROOT, name_of, text_without_blocks
from tests.documentation.settings import check_option

FOLDERS = "tests|bench|examples|dev|docs|pins|airflow_sm_pipelines"


def named(page: Path) -> Iterator[str]:
    text = re.sub(r"\s*\n\s*", " ", text_without_blocks(page))
    yield from re.findall(r"`([^`]+)`", text)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_are_there(page: Path) -> None:
    paths = [found[1] for name in named(page) if (found := re.fullmatch(rf"((?:{FOLDERS})/[\w./-]+?)(?:::\w+)?", name))]
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_is_imported_is_there(page: Path) -> None:
    paths = [
        found[1] for name in named(page) if (found := re.fullmatch(r"(airflow_sm_pipelines(?:\.\w+)+)(?:\(.*)?", name))
    ]
    assert [path for path in paths if path not in LATER and not is_there(path)] == []


def is_there(path: str) -> bool:
    """Whether it is a module, or a member of one."""
    try:
        importlib.import_module(path)
    except ImportError:
        module, _, name = path.rpartition(".")
        return bool(module) and is_there(module) and hasattr(importlib.import_module(module), name)
    return True


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_settings_are_there_and_their_values_are_taken(page: Path) -> None:
    for name in named(page):
        found = re.fullmatch(rf"(?:\[{SECTION}\] )?(\w+) = (.*)", name)
        if found and (found[1] in NAMES or name.startswith("[")):
            check_option(SECTION, found[1], found[2].partition("`")[0])
