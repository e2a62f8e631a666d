"""Every command that a page shows is one that there is, with options that there are; those of marked blocks are run.

``<!-- run -->`` above a block of the shell marks it: lines of ``sm-pipelines``, ``cp`` and ``mkdir -p``, in a folder in
which ``source`` is the repository. Those of Airflow's own command line are run by tests/runs/test_page_commands.py.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import re
import shlex
import shutil
import tomllib
from argparse import ArgumentParser
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import yaml
from airflow.cli.cli_parser import get_parser

from airflow_sm_pipelines.cli.main import command_parser, main
from bench.rows import ROWS
from bench.scale.__main__ import PARTS
from tests.cli.test_airflow_commands import parse
from tests.documentation.blocks import (
    PAGES,
    ROOT,
    SHELL,
    Block,
    blocks,
    commands_of,
    name_of,
    needs_airflow,
    text_without_blocks,
)
from tests.documentation.held import COMMANDS
from tests.documentation.settings import check_environment

MAKEFILE = (ROOT / "Makefile").read_text()
LISTS: dict[str, set[str]] = {"ROWS": {row.name for row in ROWS}, "PARTS": set(PARTS)}
OF_AIRFLOW = r"https://raw\.githubusercontent\.com/apache/airflow/constraints-([\d.]+)/constraints-([\d.]+)\.txt"
PYTHONS = re.findall(r"^PYTHONS \?= (.*)$", MAKEFILE, re.MULTILINE)[0].split()
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@pytest.mark.parametrize("block", blocks(*SHELL, "console"), ids=str)
def test_commands_are_ones_that_there_are(block: Block) -> None:
    found = list(commands_of(block))
    assert found
    wrong = [(shlex.join(words), why) for words in found if (why := refusal_of(check, words))]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_between_backticks_are_ones_that_there_are(page: Path) -> None:
    """A sentence may name a command without what it needs: `airflow sm-pipelines lint`."""
    text = re.sub(r"\s*\n\s*", " ", text_without_blocks(page))
    wrong = []
    for shown in re.findall(r"`((?:airflow |python -m |make |sm-pipelines )[^`]*)`", text):
        words = shlex.split(shown)
        name = 3 if words[:2] == ["airflow", "sm-pipelines"] else 2
        if refusal_of(check, words) and (words[0] == "make" or refusal_of(check, [*words[:name], "--help"])):
            wrong.append(shown)
    assert wrong == []


def refusal_of(look: Callable[[list[str]], None], words: list[str]) -> str | None:
    """Why a command is refused; None for one that is taken. Help is taken."""
    try:
        look(words)
    except SystemExit as ended:
        return None if not ended.code else f"refused by its parser: {ended.code}"
    except (AssertionError, KeyError) as error:
        return str(error) or "there is no such thing"
    return None


@cache
def console() -> ArgumentParser:
    return command_parser()


def check(words: list[str]) -> None:
    """Raise for a command that cannot be."""
    words = [words[0].rpartition("/")[2], *words[1:]] if words[0] != "." and "=" not in words[0] else words
    match words:
        case [setting, *command] if re.fullmatch(r"AIRFLOW__\w+=.*", setting):
            check_environment(*setting.split("=", 1))
            check(command)
        case ["sm-pipelines", *arguments]:
            console().parse_args(arguments)
        case ["airflow", "sm-pipelines", *arguments]:
            parse(*arguments)
        case ["airflow", *arguments]:
            get_parser().parse_args(arguments)
        case ["make", *targets]:
            check_make(targets)
        case ["export", *settings]:
            for each in settings:
                check_environment(*each.split("=", 1))
        # An environment that uv has made has none.
        case ["python", "-m", "pip", *_]:
            pass
        case ["python", "-m", module, *_]:
            assert importlib.util.find_spec(module), f"there is no module {module}"
        case ["python", script, *_] if (ROOT / script).is_file():
            pass
        case _:
            begins = [begin for begin in COMMANDS if tuple(words[: len(begin)]) == begin]
            assert begins, "no test knows this command, and tests/documentation/held.py does not name it"
            if begins[0] in LOOKS:
                LOOKS[begins[0]](words)


def check_make(words: list[str]) -> None:
    targets = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[0].split()
    for word in words:
        name, is_variable, _ = word.partition("=")
        if is_variable:
            [default] = re.findall(rf"^{name} \?= *(.*)$", MAKEFILE, re.MULTILINE)
            known = LISTS.get(name, set(default.split()) if name in ("SETS", "PYTHONS", "TIERS") else None)
            assert known is None or set(word.partition("=")[2].split()) <= known, word
        else:
            assert name in targets, f"the Makefile has no target {name}"


def check_pip(words: list[str]) -> None:
    """The extras that are named, the files beside the page, and Airflow's own constraints."""
    for word in words:
        if found := re.search(r"(?:airflow-sm-pipelines|\./source)\[([\w,]+)\]", word):
            assert set(found[1].split(",")) <= EXTRAS.keys(), word
    for option, file in itertools.pairwise(words):
        if found := re.fullmatch(OF_AIRFLOW, file):
            assert f"apache-airflow=={found[1]}" in words
            assert (ROOT / "pins" / f"airflow-{found[1]}.txt").is_file(), file
            assert found[2] in PYTHONS, file
        elif option in ("--constraint", "--requirement"):
            assert (ROOT / file.removeprefix("source/")).is_file(), file


def check_compose(words: list[str]) -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]
    profiles = {profile for service in services.values() for profile in service.get("profiles", ())}
    assert {value for option, value in itertools.pairwise(words) if option == "--profile"} <= profiles


def check_copy(words: list[str]) -> None:
    assert len(words) == 3
    if words[1].startswith("source/"):
        assert (ROOT / words[1].removeprefix("source/")).is_file(), words[1]


LOOKS: dict[tuple[str, ...], Callable[[list[str]], None]] = {
    ("pip", "install"): check_pip,
    ("docker", "compose"): check_compose,
    ("cp",): check_copy,
}


@cache
def pages_with_marked_blocks() -> list[str]:
    return sorted({block.page for block in blocks(*SHELL, run=True) if not needs_airflow(block)})


@pytest.mark.parametrize("page", pages_with_marked_blocks())
def test_marked_blocks_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "source").symlink_to(ROOT)
    (tmp_path / "pipelines").mkdir()
    for name in ("abalone.json", "a.json", "b.json", "pipelines/abalone.json"):
        shutil.copy(ROOT / "dags" / "pipelines" / "abalone.json", tmp_path / name)
    for block in blocks(*SHELL, run=True):
        if block.page == page and not needs_airflow(block):
            for words in commands_of(block):
                run_line(words)


def run_line(words: list[str]) -> None:
    match words:
        case ["sm-pipelines", *arguments]:
            assert main(arguments) == 0, words
        case ["mkdir", "-p", folder]:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103 # as the command does
        case ["cp", source, target]:
            shutil.copy(source, target)
        case _:
            pytest.fail(f"a marked block has a command that this test does not know: {words}")
