"""``airflow sm-pipelines``: what Airflow's command line asks this provider for. Kept light: it is always imported."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand, lazy_load_command

from airflow_sm_pipelines.cli.commands import COMMANDS

if TYPE_CHECKING:
    import argparse

    from airflow.cli.cli_config import CLICommand

    from airflow_sm_pipelines.cli.commands import Command

CACHE_ARGUMENTS = (
    Arg(("dag_id",), help="The Dag; without it, all of them", nargs="?"),
    Arg(("step",), help="One step of it", nargs="?"),
)


def get_cli_commands() -> list[CLICommand]:
    """The commands of the group ``sm-pipelines``: those of the console script, ``local`` and ``cache``."""
    from airflow_sm_pipelines.local.arguments import ARGUMENTS

    return [
        GroupCommand(
            name="sm-pipelines",
            help="SageMaker pipeline definitions",
            subcommands=(
                *(_action(command) for command in COMMANDS),
                ActionCommand(
                    name="local",
                    help="Serve a local AWS endpoint that runs SageMaker jobs without an account",
                    func=lazy_load_command("airflow_sm_pipelines.cli.airflow_commands.local"),
                    args=[Arg((name,), **keywords) for name, keywords in ARGUMENTS],
                ),
                GroupCommand(
                    name="cache",
                    help="The results of steps that are kept for reuse",
                    subcommands=(
                        ActionCommand(
                            name="clear",
                            help="Forget kept results, so that the steps run again",
                            func=lazy_load_command("airflow_sm_pipelines.cli.cache.clear"),
                            args=CACHE_ARGUMENTS,
                        ),
                        ActionCommand(
                            name="list",
                            help="Each kept result: Dag, step, time and run",
                            func=lazy_load_command("airflow_sm_pipelines.cli.cache.list_results"),
                            args=CACHE_ARGUMENTS,
                        ),
                    ),
                ),
            ),
        )
    ]


def _action(command: Command) -> ActionCommand:
    arguments = [Arg(argument.names, help=argument.help, **argument.keywords) for argument in command.arguments]
    return ActionCommand(name=command.name, help=command.help, func=partial(run, command), args=arguments)


def run(command: Command, arguments: argparse.Namespace) -> None:
    """Run a command of the console script. Airflow takes no exit status from a command, so it is raised."""
    sys.exit(command.run_safely(arguments))


def local(arguments: argparse.Namespace) -> None:
    """Serve the local AWS endpoint until it is interrupted."""
    from airflow_sm_pipelines.local.command import serve_as_asked

    serve_as_asked(arguments)
