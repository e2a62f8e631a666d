"""The page of all commands with their arguments, made from what Airflow's command line and the console script read.

``python -m dev.command_line > docs/command-line-options.md``
"""

from __future__ import annotations

from collections.abc import Iterator

from airflow.cli.cli_config import ActionCommand, Arg, CLICommand, GroupCommand

from airflow_sm_pipelines.cli.airflow_commands import get_cli_commands
from airflow_sm_pipelines.cli.commands import ASKING_AWS, COMMANDS

HEAD = """# Commands and options

Made by `python -m dev.command_line > docs/command-line-options.md`. What the commands print, with examples:
[command line](command-line.md).

`sm-pipelines` has the commands that need no Airflow, `airflow sm-pipelines` all. Each has `--help`.
"""
ALONE = frozenset(command.name for command in (*COMMANDS, *ASKING_AWS))


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(line for name, command in commands() for line in lines_of(name, command))])


def lines_of(name: str, command: ActionCommand) -> Iterator[str]:
    """The part of a command."""
    arguments = list(command.args)
    yield f"## {name.removeprefix('sm-pipelines ')}\n"
    ways = [name, f"airflow {name}"] if name.removeprefix("sm-pipelines ") in ALONE else [f"airflow {name}"]
    positional = "".join(f" {written(each)}" for each in arguments if not is_option(each))
    told = [f"`{way}{positional}`" for way in ways]
    yield f"{', '.join(told)}: {command.help[0].lower()}{command.help[1:]}.\n"
    if arguments:
        yield "| argument | what it is |\n|---|---|"
        yield from (f"| `{written(each)}` | {meaning(each)} |" for each in arguments)
        yield ""


def commands() -> Iterator[tuple[str, ActionCommand]]:
    """Each command that does something, with its name after ``airflow``."""

    def below(command: CLICommand, before: str) -> Iterator[tuple[str, ActionCommand]]:
        if isinstance(command, GroupCommand):
            for each in command.subcommands:
                yield from below(each, f"{before}{command.name} ")
        else:
            assert isinstance(command, ActionCommand)
            yield f"{before}{command.name}", command

    for command in get_cli_commands():
        yield from below(command, "")


def is_option(argument: Arg) -> bool:
    """Whether it is given by a name that begins with ``--``."""
    return bool(argument.flags[0].startswith("-"))


def written(argument: Arg) -> str:
    """The argument as it is typed."""
    keywords = argument.kwargs
    name = argument.flags[0]
    choices = f"{{{','.join(keywords['choices'])}}}" if keywords.get("choices") else None
    value = choices or str(keywords.get("metavar") or name.lstrip("-").upper().replace("-", "_"))
    if is_option(argument):
        return name if "store_true" in str(keywords.get("action", "")) else f"{name} {value}"
    shown = {"*": f"[{value} ...]", "+": f"{value} [...]", "?": f"[{value}]"}
    return shown.get(str(keywords.get("nargs", "")), value)


def meaning(argument: Arg) -> str:
    """What it is for, with what it may be and what it is by default."""
    keywords = argument.kwargs
    parts = [str(keywords.get("help", "")).replace("|", "\\|")]
    if keywords.get("required"):
        parts.append("must be given")
    if (default := keywords.get("default")) and "default" not in parts[0]:
        parts.append(f"`{default}` by default")
    return "; ".join(parts)


if __name__ == "__main__":
    print(page())
