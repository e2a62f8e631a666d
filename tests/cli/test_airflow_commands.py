"""``airflow sm-pipelines``: the same commands with the same arguments as the console script."""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path

import pytest
from airflow.cli.cli_config import ActionCommand, GroupCommand
from airflow.cli.cli_parser import _add_command  # the way in which Airflow itself reads a provider's commands

from airflow_sm_pipelines.cli.airflow_commands import get_cli_commands
from airflow_sm_pipelines.cli.commands import COMMANDS
from tests.cli.test_lint import BROKEN, GOOD, write


def parse(*arguments: str) -> argparse.Namespace:
    return airflow_parser().parse_args(["sm-pipelines", *arguments])


@cache
def airflow_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("airflow")
    subparsers = parser.add_subparsers()
    for command in get_cli_commands():
        _add_command(subparsers, command)
    return parser


def test_every_command_is_there() -> None:
    [group] = get_cli_commands()
    assert isinstance(group, GroupCommand)
    *actions, cache, access_keys = group.subcommands
    both = [command.name for command in COMMANDS]
    assert [command.name for command in actions] == [*both, "pull", "compare", "run", "local"]
    assert all(isinstance(command, ActionCommand) for command in actions)
    assert isinstance(cache, GroupCommand)
    assert [command.name for command in cache.subcommands] == ["clear", "list"]
    assert isinstance(access_keys, GroupCommand)
    assert [command.name for command in access_keys.subcommands] == ["create", "list", "revoke", "reseal"]


@pytest.mark.parametrize(("document", "status"), [(GOOD, 0), (BROKEN, 1)])
def test_a_command_ends_with_its_status(
    document: object, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "a.json", document)
    arguments = parse("lint", "--strict", str(tmp_path / "a.json"))
    with pytest.raises(SystemExit) as ended:
        arguments.func(arguments)
    assert ended.value.code == status
    assert "1 definition checked" in capsys.readouterr().out


def test_arguments_have_their_defaults() -> None:
    assert parse("list").folder == "."
    assert parse("show", "x.json").unsupported_steps == "placeholder"
    assert parse("explain", "x.json", "--step", "A").step == "A"
    assert (parse("cache", "clear").dag_id, parse("cache", "clear").step) == (None, None)
    assert (parse("cache", "clear", "D", "S").dag_id, parse("cache", "clear", "D", "S").step) == ("D", "S")
