"""How a command reaches AWS: by boto3's own chain of credentials, or by a connection of the deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.cli.errors import CommandError
from airflow_sm_pipelines.store.registered import configuration

if TYPE_CHECKING:
    import argparse

Clients = Callable[[str], Any]
"""Makes the boto3 client of a service, the same at each call."""


def clients_of(arguments: argparse.Namespace) -> Clients:
    """The clients that ``--region`` ask for, and, under ``airflow sm-pipelines``, ``--aws-conn-id``.

    There the deployment's connection and region hold where none is given.
    """
    if not hasattr(arguments, "aws_conn_id"):
        return _by_boto3(arguments.region)
    from airflow_sm_pipelines.aws.access import AwsAccess
    from airflow_sm_pipelines.settings import SettingError, read_settings

    try:
        settings = read_settings()
    except SettingError as error:
        raise CommandError(str(error)) from None
    conn_id = settings.aws_conn_id if arguments.aws_conn_id is None else arguments.aws_conn_id or None
    config = configuration(settings.aws_max_attempts)
    return AwsAccess(conn_id, arguments.region or settings.region_name, None, config).client


@contextmanager
def reporting_aws_errors() -> Iterator[None]:
    """Report in AWS's words what keeps a command from asking AWS.

    :raises CommandError: for that
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from airflow_sm_pipelines.aws.failures import CallError, StepFailure

    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise CommandError(f"AWS cannot be asked: {CallError.of(error)}") from None
    except StepFailure as error:
        raise CommandError(str(error)) from None


def _by_boto3(region: str | None) -> Clients:
    import boto3
    from botocore.config import Config

    session = boto3.Session(region_name=region)

    @cache
    def client(service: str) -> Any:
        return session.client(service, config=Config(**configuration()))

    return client
