"""The Dag bundle of the pipelines that are registered in SageMaker."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import UNSET, UnsetType
from typing_extensions import override

from airflow_sm_pipelines.store.pull import Selection
from airflow_sm_pipelines.store.refreshing import Seen, refreshed
from airflow_sm_pipelines.store.snapshot import Snapshot
from airflow_sm_pipelines.store.snapshot_bundle import DEFINITIONS, LOADER, SnapshotDagBundle

if TYPE_CHECKING:
    from airflow_sm_pipelines.store.registered import RegisteredPipelines

log = logging.getLogger(__name__)

NOTHING: Mapping[str, Any] = {}

_LOADER_TEXT = '''\
"""The pipelines that are registered in SageMaker, as Dags. A Dag bundle writes this file, over what is changed here."""

import json

from airflow_sm_pipelines import load_dags

globals().update(load_dags("{folder}", **json.loads({arguments!r})))
'''


class SageMakerPipelinesDagBundle(SnapshotDagBundle):
    """The pipelines of an AWS account and region, as Dags, without anybody putting files anywhere.

    Only the dag-processor's refresh asks SageMaker. It stores each version of all definitions; who runs a task reads
    the version of the run from there. What it could not ask for (a throttle, an outage) stays as it was.

    :param aws_conn_id: the Airflow connection for SageMaker; None is boto3's own chain of credentials, and by default
        it is that of ``[sagemaker_pipelines] aws_conn_id``
    :param region_name: the region, by default that of ``[sagemaker_pipelines] region_name``, else the connection's
    :param pipelines: the names or ARNs of the pipelines; by default all
    :param tags: of all, only those that have each of these tags
    :param storage: where versions are stored: a folder that all hosts see, or a URL such as
        ``s3://aws_default@bucket/folder``. By default a folder of this host, which is enough where all runs on one
    :param arguments: arguments of ``load_dags`` as JSON has them, ``overrides`` and those of all Dags included
    :param loader: whether a loader file is written; without it, an importer has to read the definitions (Airflow 3.4)
    :raises ValueError: for pipelines and tags together, and for a name that no pipeline can have
    """

    def __init__(
        self,
        *,
        aws_conn_id: str | UnsetType | None = UNSET,
        region_name: str | None = None,
        pipelines: Collection[str] = (),
        tags: Mapping[str, str] = NOTHING,
        storage: str | None = None,
        arguments: Mapping[str, Any] = NOTHING,
        loader: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(storage=storage, **kwargs)
        if pipelines and tags:
            raise ValueError(f"The bundle {self.name!r} has pipelines and tags: give one of them")
        self._aws_conn_id, self._region_name = aws_conn_id, region_name
        try:
            self._selection = Selection(tuple(pipelines), dict(tags))
        except ValueError as error:
            raise ValueError(f"The bundle {self.name!r} has in pipelines: {error}") from None
        self._around = {LOADER: _loader_text(arguments)} if loader else {}
        # Of no refresh, and of no version that is stored, anything is known so far.
        self._seen: Seen | None = None

    @override
    def look(self) -> Snapshot | None:
        """Ask SageMaker; None where it cannot be asked, and nothing is known yet."""
        self._seen = self._ask() or self._seen
        return None if self._seen is None else self._snapshot(self._seen)

    @override
    def resume(self, latest: Snapshot) -> Snapshot:
        """The definitions of a snapshot with the arguments of now: these may have been changed since."""
        folder = f"{DEFINITIONS}/"
        files = {path.removeprefix(folder): text for path, text in latest.files.items() if path.startswith(folder)}
        self._seen = Seen(files)
        return self._snapshot(self._seen)

    def _ask(self) -> Seen | None:
        """What SageMaker has now, or, where it cannot be asked, what is known."""
        from botocore.exceptions import BotoCoreError, ClientError

        from airflow_sm_pipelines.aws.failures import CallError, StepFailure

        try:
            return refreshed(self._registered(), self._selection, self._seen or Seen())
        except (ClientError, BotoCoreError) as error:
            log.error("The bundle %s stays as it was: SageMaker cannot be asked: %s", self.name, CallError.of(error))
        except StepFailure as error:
            log.error("The bundle %s stays as it was: %s", self.name, error)
        return self._seen

    def _registered(self) -> RegisteredPipelines:
        from airflow_sm_pipelines.aws.access import AwsAccess
        from airflow_sm_pipelines.settings import read_settings
        from airflow_sm_pipelines.store.registered import RegisteredPipelines, configuration

        settings = read_settings()
        conn_id = settings.aws_conn_id if self._aws_conn_id is UNSET else self._aws_conn_id
        # New clients each time: the connection may have been changed.
        config = configuration(settings.aws_max_attempts)
        access = AwsAccess(conn_id, self._region_name or settings.region_name, None, config)
        return RegisteredPipelines(access.client)

    def _snapshot(self, seen: Seen) -> Snapshot:
        return Snapshot({**self._around, **{f"{DEFINITIONS}/{name}": text for name, text in seen.files.items()}})


def _loader_text(arguments: Mapping[str, Any]) -> str:
    return _LOADER_TEXT.format(folder=DEFINITIONS, arguments=json.dumps(arguments, sort_keys=True))
