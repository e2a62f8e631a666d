"""``airflow sm-pipelines run``: one run of a definition, without a deployment."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.cli.checking import plan_file, report_errors
from airflow_sm_pipelines.cli.errors import USAGE_ERROR, CommandError
from airflow_sm_pipelines.cli.lint import counted
from airflow_sm_pipelines.options import SECTION
from airflow_sm_pipelines.running.definition_run import run_definition
from airflow_sm_pipelines.running.showing import show
from airflow_sm_pipelines.settings import SettingError, read_settings

if TYPE_CHECKING:
    from airflow_sm_pipelines.local.endpoint import LocalEndpoint
    from airflow_sm_pipelines.settings import Settings

LOCAL_POLL_SECONDS = "0.5"


def run(arguments: argparse.Namespace) -> int:
    """Run it; 0 is a success, 1 a failed run, 2 wrong usage or a definition that cannot be run, 130 a stopped run."""
    if arguments.aws and (arguments.endpoint or arguments.scenario):
        raise CommandError("--aws runs it in AWS: --endpoint and --scenario are of a local endpoint")
    if arguments.endpoint and arguments.scenario:
        raise CommandError("--scenario is for an endpoint that is started here; that of --endpoint has its own")
    if (arguments.keep or arguments.debug) and (arguments.aws or arguments.endpoint):
        raise CommandError("--keep and --debug are for jobs that run here: by the runner of a --scenario")
    conf = _conf_of(arguments.conf)
    try:
        settings = read_settings()
    except SettingError as error:
        raise CommandError(str(error)) from None
    checked = plan_file(_as_the_dag_reads_it(arguments, settings))
    if checked.plan is None:
        report_errors(checked)
        return USAGE_ERROR
    if checked.warnings:
        _say(f"{counted(checked.warnings, 'warning')}: sm-pipelines lint {arguments.file}")
    options = {"aws_conn_id": arguments.aws_conn_id, "region_name": arguments.region}
    given = {name: value or None for name, value in options.items() if value is not None}
    conn_id = {"aws_conn_id": settings.aws_conn_id, **checked.given.arguments, **given}["aws_conn_id"]
    with (
        _target(arguments, conn_id) as (target, endpoint),
        run_definition(
            arguments.file,
            pipeline=arguments.pipeline,
            conf=conf,
            arguments=given,
            settings={**given_settings(), **target.pop("settings")},
            aws_conn_id=conn_id or None,
            plugins=plugins_folder(),
            home=None if arguments.home is None else Path(arguments.home),
            **target,
        ) as started,
    ):
        if endpoint is None:
            return show(started, as_lines=arguments.plain)
        status = show(started, as_lines=arguments.plain, last_lines=endpoint.last_lines)
        _after(endpoint, arguments)
        return status


def _after(endpoint: LocalEndpoint, arguments: argparse.Namespace) -> None:
    """What is left of the jobs that ran here: their folders, and a shell in one that failed."""
    from airflow_sm_pipelines.local.debug import failed_job_of, open_shell

    if arguments.keep:
        folders = ((job.name, endpoint.job_folder(job.name)) for job in endpoint.jobs())
        for name, folder in folders:
            if folder is not None:
                _say(f"{name}: {folder}")
    if not arguments.debug:
        return
    job = failed_job_of(endpoint, arguments.debug)
    folder = None if job is None else endpoint.job_folder(job)
    if folder is None:
        _say(f"--debug: no job of the step {arguments.debug!r} has run here and failed")
        return
    _say(f"The job {job} ran here: {folder}. Leave the shell with exit")
    if open_shell(folder) is None:
        _say("The job failed before it started, so there is no shell")


@contextmanager
def _target(
    arguments: argparse.Namespace, conn_id: str | None
) -> Iterator[tuple[dict[str, Any], LocalEndpoint | None]]:
    """Where the calls go, in a line: an endpoint of this command, one that runs already, or AWS."""
    if arguments.aws:
        connections = _connection(conn_id, asked_for=bool(arguments.aws_conn_id))
        of_what = f"the connection {conn_id!r}" if connections else "the environment's credentials"
        _say(f"AWS, with {of_what}: the jobs cost money")
        yield {"connections": connections or ({conn_id: "aws://"} if conn_id else {}), "settings": {}}, None
        return
    local = {"settings": {"poll_interval": LOCAL_POLL_SECONDS}}
    if arguments.endpoint:
        _say(f"AWS endpoint: {arguments.endpoint}")
        yield {"endpoint": arguments.endpoint, **local}, None
        return

    from airflow_sm_pipelines.local.endpoint import LocalEndpoint
    from airflow_sm_pipelines.local.errors import MotoMissingError
    from airflow_sm_pipelines.local.reader import ScenarioError

    try:
        endpoint = LocalEndpoint(
            scenario=None if arguments.scenario is None else Path(arguments.scenario),
            keep_jobs=arguments.keep,
            hold_jobs=arguments.debug is not None,
        ).start()
    except ScenarioError as error:
        raise CommandError(f"{arguments.scenario}: {error}") from None
    except MotoMissingError as error:
        raise CommandError(f"{error}; or run it in AWS with --aws") from None
    try:
        scenario = "" if arguments.scenario is None else f" ({Path(arguments.scenario).name})"
        what = "jobs run here by its runner" if endpoint.runs_code else "no job really runs"
        _say(f"Local AWS endpoint: {endpoint.url}{scenario}; {what}, --aws runs them in AWS")
        if endpoint.callback_reply_queue is not None:
            local["settings"]["callback_reply_queue_url"] = endpoint.callback_reply_queue
        yield {"endpoint": endpoint.url, **local}, endpoint
    finally:
        endpoint.stop()


def _conf_of(text: str | None) -> dict[str, Any]:
    try:
        conf = json.loads(text) if text else {}
    except ValueError as error:
        raise CommandError(f"--conf is no JSON: {error}") from None
    if not isinstance(conf, dict):
        raise CommandError('--conf is no JSON object such as {"Parameter": "value"}')
    return conf


def _as_the_dag_reads_it(arguments: argparse.Namespace, settings: Settings) -> argparse.Namespace:
    return argparse.Namespace(
        file=arguments.file,
        pipeline=arguments.pipeline,
        unsupported_steps=settings.unsupported_steps,
        unsupported_keys=settings.unsupported_keys,
        values=settings.values,
    )


def given_settings() -> dict[str, str]:
    """The options of the deployment whose command line this is."""
    from airflow.sdk.configuration import conf

    section: Mapping[str, Any] = conf.getsection(SECTION) or {}
    return {name: str(value) for name, value in section.items() if value is not None}


def plugins_folder() -> str | None:
    """The folder of plugins of the deployment whose command line this is, None where there is none."""
    from airflow.sdk.configuration import conf

    folder = conf.get("core", "plugins_folder", fallback=None)
    return folder if folder and Path(folder).is_dir() else None


def _connection(conn_id: str | None, *, asked_for: bool) -> dict[str, str]:
    """The deployment's connection, nothing where it has none of that id.

    :raises CommandError: where it has none, and the command was given that id
    """
    if not conn_id:
        return {}
    from airflow.models.connection import Connection

    try:
        return {conn_id: Connection.get_connection_from_secrets(conn_id).as_json()}
    except Exception as error:  # noqa: BLE001 # a deployment without a database has no such connection either
        problem = f"has no connection {conn_id!r} ({type(error).__name__})"
        if asked_for:
            ways = "give another --aws-conn-id, or --aws-conn-id '' for the environment's credentials"
            raise CommandError(f"the deployment {problem}: {ways}") from None
        sys.stderr.write(f"The deployment {problem}\n")
        return {}


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
