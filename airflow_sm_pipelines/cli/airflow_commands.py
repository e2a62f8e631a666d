"""``airflow sm-pipelines``: what Airflow's command line asks this provider for. Kept light: it is always imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand, lazy_load_command

if TYPE_CHECKING:
    import argparse

    from airflow.cli.cli_config import CLICommand

LOCAL_ARGUMENTS = (
    Arg(("--host",), help="The address to listen on", default="127.0.0.1"),
    Arg(("--port",), help="The port to listen on; 0 takes a free one", default=5000, type=int),
    Arg(("--scenario",), help="A JSON file that says what the jobs do"),
    Arg(("--time-scale",), help="Seconds of the endpoint's clock for each real second", default=1.0, type=float),
)


def get_cli_commands() -> list[CLICommand]:
    """The commands of the group ``sm-pipelines``."""
    return [
        GroupCommand(
            name="sm-pipelines",
            help="SageMaker pipeline definitions",
            subcommands=(
                ActionCommand(
                    name="local",
                    help="Serve a local AWS endpoint that runs SageMaker jobs without an account",
                    func=lazy_load_command("airflow_sm_pipelines.cli.airflow_commands.local"),
                    args=LOCAL_ARGUMENTS,
                ),
            ),
        )
    ]


def local(arguments: argparse.Namespace) -> None:
    """Serve the local AWS endpoint until it is interrupted."""
    from pathlib import Path

    from airflow_sm_pipelines.local.command import serve

    scenario = None if arguments.scenario is None else Path(arguments.scenario)
    serve(arguments.host, arguments.port, scenario, arguments.time_scale)
