"""The API of pipelines as the local endpoint has it: the operations of Airflow's, over runs without a deployment."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from airflow_sm_pipelines.client import is_of_pipelines

ACCOUNT = "123456789012"
USER = "local"
NO_CALLBACKS = "The local endpoint takes no answers to Callback steps: they are answered by the reply queue."

ReadObject = Callable[[str, str], bytes | None]


class LocalPipelines:
    """Answers operations on pipelines; it is light until the first one, which loads Airflow.

    :param endpoint: the URL of the endpoint, which the runs call
    :param read_object: the content of an object in its S3, by bucket and key
    :param arguments: further arguments of ``run_definition``: settings, plugins
    """

    def __init__(self, endpoint: str, read_object: ReadObject, arguments: Mapping[str, Any]) -> None:
        self._endpoint = endpoint
        self._read_object = read_object
        self._arguments = arguments
        self._lock = threading.Lock()
        self._made: _Made | None = None

    def serves(self, action: str, parameters: Mapping[str, Any]) -> bool:
        """Whether a call of SageMaker is one of these operations."""
        return is_of_pipelines(action, parameters)

    def answer(self, action: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The response's members.

        :raises ApiError: as AWS answers
        """
        from airflow_sm_pipelines.api.caller import SignedRequest

        with self._lock:
            if self._made is None:
                self._made = _Made(self._endpoint, self._read_object, self._arguments)
            made = self._made
        body = json.dumps(parameters).encode()
        return made.api.receive(SignedRequest("POST", "/", "", {"x-amz-target": f"SageMaker.{action}"}, body))()

    def close(self) -> None:
        """Stop what runs, and forget all pipelines."""
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            made.close()


class _Made:
    """The API with its store and runs, in a folder that goes with it."""

    def __init__(self, endpoint: str, read_object: ReadObject, arguments: Mapping[str, Any]) -> None:
        from airflow_sm_pipelines.api.operation import Ports
        from airflow_sm_pipelines.api.protocol import Api
        from airflow_sm_pipelines.local_pipelines.runs import LocalRuns
        from airflow_sm_pipelines.running.environment import region_of
        from airflow_sm_pipelines.settings import secret_names_of_environment
        from airflow_sm_pipelines.store.files import FolderFiles
        from airflow_sm_pipelines.store.pipelines import PipelineStore

        self._folder = Path(tempfile.mkdtemp(prefix="sm-pipelines-local-"))
        store = PipelineStore(FolderFiles(self._folder / "pipelines"))
        self._runs = LocalRuns(
            endpoint, self._folder / "runs", lambda name: store.get(name).version.document(), arguments
        )
        ports = Ports(
            store=store,
            runs=self._runs,
            region=region_of(os.environ),
            account=ACCOUNT,
            lint=_lint,
            is_secret=secret_names_of_environment(os.environ),
            read_s3=lambda bucket, key, version: _definition(read_object, bucket, key, version),
            answer=_no_answer,
        )
        self.api = Api(_Anybody(), ports, lambda *_: None)

    def close(self) -> None:
        self._runs.close()
        shutil.rmtree(self._folder, ignore_errors=True)


class _Anybody:
    """The endpoint takes any credentials."""

    def authenticate(self, _request: Any) -> Any:
        from airflow_sm_pipelines.api.caller import Caller

        return Caller("local", USER, ("*",), frozenset(("read", "start", "write")))


def _lint(document: dict[str, Any]) -> None:
    from airflow_sm_pipelines.graph import plan

    plan(document["PipelineDefinition"], source=str(document["PipelineName"]))


def _definition(read_object: ReadObject, bucket: str, key: str, version: str | None) -> str:
    from airflow_sm_pipelines.wire.errors import ApiError

    if version is not None:
        raise ApiError("ValidationException", "The local endpoint reads the latest version of an object: give none.")
    content = read_object(bucket, key)
    if content is None:
        raise ApiError("ValidationException", f"There is no object s3://{bucket}/{key}.")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ApiError("ValidationException", f"s3://{bucket}/{key} is no text in UTF-8.") from None


def _no_answer(_answering: Any, _allows: Any) -> str:
    from airflow_sm_pipelines.wire.errors import ApiError

    raise ApiError("ValidationException", NO_CALLBACKS)
