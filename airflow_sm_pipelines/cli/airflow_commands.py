"""``airflow sm-pipelines``: what Airflow's command line asks this provider for. Kept light: it is always imported."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand, lazy_load_command

from airflow_sm_pipelines.cli.commands import COMMANDS, WITH_AIRFLOW
from airflow_sm_pipelines.cli.errors import USAGE_ERROR, CommandError

if TYPE_CHECKING:
    import argparse

    from airflow.cli.cli_config import CLICommand

    from airflow_sm_pipelines.cli.commands import Command

CACHE_ARGUMENTS = (
    Arg(("dag_id",), help="The Dag; without it, all of them", nargs="?"),
    Arg(("step",), help="One step of it", nargs="?"),
)
NEW_KEY = (
    Arg(("--user",), help="The Airflow user whose permissions hold for the key", required=True),
    Arg(("--pipelines",), help="Names and globs of pipelines, with commas; '*' for all", required=True),
    Arg(("--actions",), help="read, start, write: those that it may do, with commas; read by default", default="read"),
    Arg(("--expires",), help="How long it is good: 12h, 90d; without it, until it is revoked"),
    Arg(("--claims",), help="JSON of which an auth manager other than Simple and FAB makes the user"),
    Arg(("--format",), help="How it is printed", choices=("ini", "json"), default="ini"),
)


def get_cli_commands() -> list[CLICommand]:
    """The commands of the group ``sm-pipelines``: those of the console script, and those that need Airflow."""
    from airflow_sm_pipelines.local.arguments import ARGUMENTS

    return [
        GroupCommand(
            name="sm-pipelines",
            help="SageMaker pipeline definitions",
            subcommands=(
                *(_action(command) for command in (*COMMANDS, *WITH_AIRFLOW)),
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
                GroupCommand(
                    name="access-keys",
                    help="The access keys of the SageMaker Pipelines API",
                    subcommands=(
                        _access_keys("create", "Make a key for an Airflow user; its secret is shown once", *NEW_KEY),
                        _access_keys("list", "Each key: id, user, actions, pipelines, end", function="list_all"),
                        _access_keys("revoke", "Remove a key", Arg(("access_key_id",), help="The key's id")),
                        _access_keys("reseal", "Encrypt all keys with the first fernet_key, before an older one goes"),
                    ),
                ),
            ),
        )
    ]


def _action(command: Command) -> ActionCommand:
    arguments = [Arg(argument.names, help=argument.help, **argument.keywords) for argument in command.arguments]
    return ActionCommand(name=command.name, help=command.help, func=partial(run, command), args=arguments)


def _access_keys(name: str, text: str, *arguments: Arg, function: str | None = None) -> ActionCommand:
    do = partial(manage_access_keys, function or name)
    return ActionCommand(name=name, help=text, func=do, args=arguments)


def manage_access_keys(function: str, arguments: argparse.Namespace) -> None:
    """Do what is asked with the access keys; what keeps it from being done is reported, with exit status 2."""
    from airflow_sm_pipelines.cli import access_keys

    try:
        getattr(access_keys, function)(arguments)
    except CommandError as error:
        sys.stderr.write(f"airflow sm-pipelines access-keys: {error}\n")
        sys.exit(USAGE_ERROR)


def run(command: Command, arguments: argparse.Namespace) -> None:
    """Run a command of the console script. Airflow takes no exit status from a command, so it is raised."""
    sys.exit(command.run_safely(arguments))


def local(arguments: argparse.Namespace) -> None:
    """Serve the local AWS endpoint until it is interrupted, with pipelines that run."""
    from airflow_sm_pipelines.cli.local_pipelines import make_pipelines
    from airflow_sm_pipelines.local.command import serve_as_asked

    serve_as_asked(arguments, make_pipelines)
