"""The console script ``sm-pipelines``: it imports no Airflow, and boto3 only for a command that asks AWS."""

from __future__ import annotations

import argparse
import io
import sys
from typing import TYPE_CHECKING

from airflow_sm_pipelines import __version__
from airflow_sm_pipelines.cli.commands import ASKING_AWS, COMMANDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_sm_pipelines.cli.commands import Command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is 0, 1 for findings, 2 for wrong usage and files that cannot be read."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What the terminal's encoding lacks (the lines of a tree, half a surrogate pair) is escaped.
        sys.stdout.reconfigure(errors="backslashreplace")
    parsed = command_parser().parse_args(arguments)
    command: Command = parsed.command
    return command.run_safely(parsed)


def command_parser() -> argparse.ArgumentParser:
    """The parser of all commands of ``sm-pipelines``."""
    parser = argparse.ArgumentParser("sm-pipelines", description="SageMaker pipeline definitions for Apache Airflow")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in (*COMMANDS, *ASKING_AWS):
        subparser = commands.add_parser(command.name, help=command.help, description=command.help)
        subparser.set_defaults(command=command)
        for argument in command.arguments:
            subparser.add_argument(*argument.names, help=argument.help, **argument.keywords)
    return parser


if __name__ == "__main__":
    sys.exit(main())
