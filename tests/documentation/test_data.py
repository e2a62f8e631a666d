"""The data that pages show is what reads it: scenarios, definitions, files of settings, configuration, images."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_sm_pipelines.cli.main import main
from airflow_sm_pipelines.definition.step_types import ENTRY_POINT_GROUP
from airflow_sm_pipelines.local.scenario import read_scenario
from airflow_sm_pipelines.options import SIDECAR_MAY
from tests.documentation.blocks import (
    DOCS,
    PAGES,
    ROOT,
    Block,
    block_of,
    blocks,
    blocks_of,
    commands_of,
    is_steps,
    name_of,
    steps_of,
    text_without_blocks,
)
from tests.documentation.settings import check_environment, check_option
from tests.documentation.test_commands import check

CONCEPTS, SERVICE = DOCS / "semantics", DOCS / "sagemaker"
# tests/runs/test_concepts.py compares these blocks with what a run gives.
SHOWN = ("conf", "request", "states", "tasks", "xcom")
SCENARIO = {"runner", "jobs", "s3", "defaults", "faults", "rates", "existing"}


def check_json(block: Block, folder: Path) -> None:
    """A scenario is read as the endpoint does, a definition as the loader does; else it is JSON, or lines of it.

    The definitions of the pages on what a definition means have no finding, nor have steps alone. What is shown of a
    run has a mark.
    """
    if block.mark.split(" ")[0] in SHOWN:
        assert (ROOT / block.page).parent == CONCEPTS
        json.loads(block.text)
        return
    if is_steps(block):
        definition = {"Version": "2020-12-01", "Steps": steps_of(block)}
        (folder / "abalone.json").write_text(json.dumps(definition))
        assert main(["lint", "--strict", str(folder)]) == 0
        return
    if not block.text.startswith("{\n") and block.text.count("\n") > 1:
        assert all(isinstance(json.loads(line), dict) for line in block.text.splitlines())
        return
    value = json.loads(block.text)
    if value.keys() <= SCENARIO:
        read_scenario(without_files(value))
    elif "detail-type" in value:
        assert value["source"] == ["aws.sagemaker"]
    else:
        assert "Steps" in value or value["Type"] == "AWS::SageMaker::Pipeline"
        if (ROOT / block.page).parent in (CONCEPTS, SERVICE) and block.mark != "findings":
            (folder / "abalone.json").write_text(block.text)
            assert main(["lint", "--strict", str(folder)]) == 0


def without_files(scenario: dict[str, Any]) -> Any:
    """Files beside a scenario, and interpreters, are looked for when it is read: a page has none."""
    text = re.sub(r'\{"from_f\w+": "[^"]*"\}', '{"text": "x"}', json.dumps(scenario))
    text = re.sub(r'"python": "[^"]*"', f'"python": {json.dumps(sys.executable)}', text)
    return json.loads(re.sub(r'"requirements": "[^"]*"', f'"requirements": {json.dumps(__file__)}', text))


def check_yaml(block: Block, folder: Path) -> None:
    """A file of settings has no finding beside the example; other ones have settings and hooks that there are."""
    value = yaml.safe_load(block.text)
    if name := re.match(r"# (?:[\w/]*/)?([\w.]+\.airflow\.yaml)", block.text):
        shutil.copy(ROOT / "dags" / "pipelines" / "abalone.json", folder)
        (folder / name[1]).write_text(block.text)
        assert main(["lint", "--strict", str(folder)]) == 0
    elif block.text.startswith("# yaml-language-server: $schema="):
        assert (ROOT / "docs" / block.begin.rpartition("/")[2]).is_file()
    elif "repos" in value:
        there = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
        assert {hook["id"] for repository in value["repos"] for hook in repository["hooks"]} <= there
    else:
        for section, options in value["config"].items():
            for option, given in options.items():
                check_option(section, option, str(given))
        for each in value["env"]:
            check_environment(each["name"], each["value"])


def check_toml(block: Block, folder: Path) -> None:  # as all checks
    [(group, entries)] = tomllib.loads(block.text)["project"]["entry-points"].items()
    assert group == ENTRY_POINT_GROUP
    assert entries


def check_ini(block: Block, folder: Path) -> None:  # as all checks
    """Options with a section before a dot are those of a managed service."""
    if block.begin.startswith("# ~/.aws"):
        assert set(read_ini(block.text)) == {"airflow", "profile airflow"}
        return
    for section, options in read_ini(block.text if block.text.startswith("[") else f"[.]\n{block.text}").items():
        for option, value in options.items():
            name, _, dotted = option.rpartition(".")
            check_option(name or section, dotted, value)
            if value.startswith(("[", "{")):
                json.loads(value)


def read_ini(text: str) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def check_dockerfile(block: Block, folder: Path) -> None:  # as all checks
    [version] = re.findall(r"^apache-airflow==(.*)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    for line in block.text.splitlines():
        instruction, rest = line.split(" ", 1)
        if instruction == "FROM":
            assert rest.startswith(f"apache/airflow:{version}-")
        else:
            assert instruction == "RUN"
            assert f"apache-airflow=={version}" in rest
            for words in commands_of(Block(block.page, block.line, "sh", rest)):
                check(words)


CHECKS: dict[str, Callable[[Block, Path], None]] = {
    "json": check_json,
    "yaml": check_yaml,
    "toml": check_toml,
    "ini": check_ini,
    "dockerfile": check_dockerfile,
}


@pytest.mark.parametrize("block", blocks(*CHECKS), ids=str)
def test_what_reads_it_takes_it(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__SIDECAR_ALLOWS", ",".join(SIDECAR_MAY))
    CHECKS[block.language](block, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_pool_that_a_page_gives_to_steps_is_made_on_that_page(page: Path) -> None:
    """Airflow schedules no task of a pool that is not there, and a step is deferred while its job runs."""
    text = page.read_text()
    # What a page shows of a run has pools that this package makes.
    shown = "".join(block.text for block in blocks_of(page) if block.language in ("yaml", "python"))
    given = set(re.findall(r"""\bpool"?: "?([\w-]+)""", shown))
    assert given <= set(re.findall(r'airflow pools set ([\w-]+) \d+ "[^"]+" --include-deferred', text))


def test_the_requirements_of_docs_managed_airflow_md() -> None:
    lines = (ROOT / "examples" / "managed" / "requirements.txt").read_text().splitlines()
    shown = block_of("docs/managed-airflow.md", "airflow-sm-pipelines").text
    assert shown.splitlines() == [line for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_options_that_a_sentence_names_are_ones_that_there_are(page: Path) -> None:
    text = re.sub(r"\s*\n\s*", " ", text_without_blocks(page))
    for section, option in re.findall(r"`\[(\w+)\] (\w+)", text):
        check_option(section, option)
    for section, option in re.findall(r"AIRFLOW__([A-Z_]+?)__([A-Z_]*[A-Z])\b", text):
        check_option(section.lower(), option.lower())
