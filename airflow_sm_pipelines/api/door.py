"""The API as Airflow's API server has it: with Airflow's database, and the deployment's settings."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.configuration import conf
from airflow.sdk import ObjectStoragePath
from airflow.utils.session import create_session

from airflow_sm_pipelines.api.airflow_runs import AirflowRuns
from airflow_sm_pipelines.api.app import make_app
from airflow_sm_pipelines.api.audit import record_change
from airflow_sm_pipelines.api.operation import Ports
from airflow_sm_pipelines.api.protocol import Api
from airflow_sm_pipelines.api.reparsing import Reparsing
from airflow_sm_pipelines.api.s3_definitions import read_definition
from airflow_sm_pipelines.api.who_may import deployment_authenticator
from airflow_sm_pipelines.dag import SageMakerPipelineDag
from airflow_sm_pipelines.operators.masking import Masking
from airflow_sm_pipelines.pools import PoolScope, pool_scope
from airflow_sm_pipelines.server.callback_answers import take_answer
from airflow_sm_pipelines.settings import SettingError, read_settings, setting
from airflow_sm_pipelines.store.files import FolderFiles
from airflow_sm_pipelines.store.loader_file import write_loader
from airflow_sm_pipelines.store.object_storage import ObjectFiles
from airflow_sm_pipelines.store.pipelines import PipelineStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI

    from airflow_sm_pipelines.api.caller import Authenticator, Caller

DEFAULT_FOLDER = "pipelines-api"
_ACCOUNT = re.compile(r"[0-9]{12}")


def region() -> str:
    """The region of the API.

    :raises SettingError: where none is set
    """
    found = setting("pipelines_api_region") or setting("region_name") or os.environ.get("AWS_DEFAULT_REGION")
    if not found:
        raise SettingError(
            "[sagemaker_pipelines] pipelines_api_region is not set, and neither is region_name nor AWS_DEFAULT_REGION:"
            " the API of pipelines has to know for which region its requests are signed."
        )
    return str(found)


def account() -> str | None:
    """:raises SettingError: for what is no account id"""
    found = setting("pipelines_api_account_id")
    if found and not _ACCOUNT.fullmatch(found):
        raise SettingError(f"[sagemaker_pipelines] pipelines_api_account_id = {found!r} is no account of 12 digits.")
    return found or None


def store() -> tuple[PipelineStore, Reparsing]:
    """Where the pipelines live, and how the dag-processor reads them."""
    given = setting("pipelines_api_store")
    if given and "://" in given:
        reparsing = Reparsing.of_store(given)
        return PipelineStore(ObjectFiles(ObjectStoragePath(given)), reparsing), reparsing
    folder = Path(given) if given else Path(conf.get_mandatory_value("core", "dags_folder")) / DEFAULT_FOLDER
    if given and not folder.is_absolute():
        raise SettingError(
            f"[sagemaker_pipelines] pipelines_api_store = {given!r} is neither the absolute path of a folder nor a URL."
        )
    files = FolderFiles(folder)
    write_loader(files, unpaused=setting("pipelines_api_unpaused"))
    reparsing = Reparsing.of_folder(folder)
    return PipelineStore(files, reparsing), reparsing


def lint(document: dict[str, Any]) -> None:
    """Make the Dag that the dag-processor will make.

    :raises DefinitionError: with all findings
    """
    SageMakerPipelineDag(document, source=str(document["PipelineName"]))


def ports() -> Ports:
    """What the operations work with."""
    pipelines, reparsing = store()
    return Ports(
        store=pipelines,
        # A job that a trigger has stopped is known to have ended when the triggerer has looked at it.
        runs=AirflowRuns(reparsing.file, stopping_seconds=2 * setting("orphan_jobs_interval")),
        region=region(),
        account=account(),
        lint=lint,
        is_secret=Masking(read_settings().not_secret).is_secret,
        read_s3=read_definition,
        answer=take_answer,
        shared_pools=pool_scope() is PoolScope.PIPELINE,
    )


def audit(caller: Caller, operation: str, dag_id: str | None, outcome: Mapping[str, str]) -> None:
    """Keep a call in Airflow's audit log."""
    with create_session(scoped=False) as session:
        record_change(session, caller, operation, dag_id=dag_id, **outcome)


def made_app(authenticator: Authenticator) -> FastAPI:
    """The app with this deployment's settings.

    :raises SettingError: for a setting that cannot be used
    """
    return make_app(Api(authenticator, ports(), audit).receive, setting("pipelines_api_wait"))


@cache
def app() -> FastAPI:
    """The app of this process."""
    return made_app(deployment_authenticator(region()))
