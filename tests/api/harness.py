"""The API in process, without Airflow: boto3's client in front, runs in memory behind."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from msgspec.structs import replace

from airflow_sm_pipelines.api.app import make_app
from airflow_sm_pipelines.api.caller import Caller, SignedRequest
from airflow_sm_pipelines.api.operation import Ports
from airflow_sm_pipelines.api.protocol import Api
from airflow_sm_pipelines.api.runs import Change, NewRun, NotParsedError, PausedError, Run, RunFilter, Task
from airflow_sm_pipelines.callbacks.requests import Answering
from airflow_sm_pipelines.definition.secret_names import AIRFLOWS_NAMES
from airflow_sm_pipelines.expressions.identity import execution_id
from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.store.files import FolderFiles
from airflow_sm_pipelines.store.pipelines import PipelineStore
from airflow_sm_pipelines.wire.errors import ApiError

REGION = "eu-west-1"
ROLE = "arn:aws:iam::123456789012:role/Pipelines"
STARTED = 1_790_000_000.0
ALL = Caller("AKIDANNA", "anna", ("*",), frozenset({"read", "start", "write"}))

TRAINING = {
    "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
    "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30},
    "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    "RoleArn": ROLE,
}


def definition(*steps: Mapping[str, Any], **members: Any) -> str:
    """A definition, by default with one training step."""
    given = list(steps) or [{"Name": "Train", "Type": "Training", "Arguments": TRAINING}]
    return json.dumps({"Version": "2020-12-01", "Steps": given, **members})


class Clock:
    """A clock that goes on by a second at each look."""

    def __init__(self) -> None:
        self._ticks = itertools.count(STARTED)

    def __call__(self) -> float:
        return next(self._ticks)


class RunsInMemory:
    """Runs, as Airflow would keep them. ``parsed`` is the version of each Dag that the dag-processor has read."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.runs: dict[tuple[str, str], Run] = {}
        self.of_run: dict[str, list[Task]] = {}
        self.parsed: dict[str, int] = {}
        self.paused: set[str] = set()
        self.foreign: dict[str, str] = {}
        self.retried: list[list[tuple[str, int]]] = []
        self.before_change: Callable[[], object] = lambda: None
        self._numbers = itertools.count(1)

    def taken_by(self, dag_id: str) -> str | None:
        return self.foreign.get(dag_id)

    def start(self, new: NewRun) -> tuple[Run, bool]:
        if self.parsed.get(new.dag_id, new.version) != new.version:
            raise NotParsedError(f"Pipeline {new.dag_id!r} is being updated")
        if new.dag_id in self.paused:
            raise PausedError
        made = self.add(new.dag_id, new.run_id, "queued", conf=new.conf, user=new.user)
        return made, True

    def add(self, dag_id: str, run_id: str, state: str = "running", **members: Any) -> Run:
        run = Run(
            dag_id=dag_id,
            run_id=run_id,
            execution_id=execution_id(Place(dag_id), run_id),
            number=next(self._numbers),
            state=state,
            created_at=datetime.fromtimestamp(self._clock(), UTC),
            **members,
        )
        self.runs[dag_id, run.execution_id] = run
        return run

    def put(self, run: Run, **members: Any) -> Run:
        changed = replace(run, **members)
        self.runs[run.dag_id, run.execution_id] = changed
        return changed

    def only(self) -> Run:
        (run,) = self.runs.values()
        return run

    def find(self, dag_id: str, execution_id: str) -> Run | None:
        return self.runs.get((dag_id, execution_id))

    def started(self, dag_id: str, run_id: str) -> Run | None:
        return self.find(dag_id, execution_id(Place(dag_id), run_id))

    def page(self, dag_id: str, which: RunFilter) -> list[Run]:
        def key(run: Run) -> Any:
            return run.number if which.order_by == "number" else run.execution_id

        found = [
            run
            for run in self.runs.values()
            if run.dag_id == dag_id
            and (which.created_after is None or run.created_at > which.created_after)
            and (which.created_before is None or run.created_at < which.created_before)
        ]
        found.sort(key=key, reverse=which.descending)
        if which.after is not None:
            found = [run for run in found if (key(run) < which.after) == which.descending and key(run) != which.after]
        return found[: which.limit]

    def tasks(self, run: Run) -> list[Task]:
        return self.of_run.get(run.run_id, [])

    def latest(self, dag_ids: Sequence[str]) -> dict[str, datetime]:
        found: dict[str, datetime] = {}
        for run in self.runs.values():
            if run.dag_id in dag_ids:
                found[run.dag_id] = run.created_at
        return found

    def latest_of_versions(self, dag_id: str, numbers: Collection[int]) -> dict[int, str]:
        runs = [run for run in self.runs.values() if run.dag_id == dag_id]
        found = {run.given.pipeline_version_id: run.execution_id for run in runs}
        return {number: found[number] for number in numbers if number in found}

    def has_unfinished(self, dag_id: str) -> bool:
        return any(run.dag_id == dag_id and not run.has_ended for run in self.runs.values())

    def stop(self, run: Run, change: Change) -> None:
        self._keep(run, change, state="failed")

    def retry(self, run: Run, change: Change, tasks: Sequence[tuple[str, int]]) -> None:
        if self._keep(run, change, state="queued"):
            self.retried.append(list(tasks))

    def change(self, run: Run, change: Change) -> None:
        self._keep(run, change)

    def _keep(self, run: Run, change: Change, **members: Any) -> bool:
        """Change a run as it is now, which another call may have changed since ``run`` was read."""
        self.before_change()
        now = self.runs[run.dag_id, run.execution_id]
        given = change(now)
        if given is not None:
            self.put(now, conf=given.put_into(now.conf), **members)
        return given is not None


class ByKeyId:
    """Takes the access key's id in a signature for the truth."""

    def __init__(self, callers: Sequence[Caller]) -> None:
        self._callers = {caller.access_key_id: caller for caller in callers}
        self.asked = 0

    def authenticate(self, request: SignedRequest) -> Caller:
        self.asked += 1
        found = re.search(r"Credential=([^/]+)/", request.headers.get("authorization", ""))
        caller = None if found is None else self._callers.get(found[1])
        if caller is None:
            raise ApiError("UnrecognizedClientException", "The security token included in the request is invalid.", 403)
        return caller


class Deployment:
    """The API with a store in a folder."""

    def __init__(self, root: Path, *callers: Caller, patience: float = 0.0, **ports: Any) -> None:
        self.clock = Clock()
        self.runs = RunsInMemory(self.clock)
        self.store = PipelineStore(FolderFiles(root), clock=self.clock)
        self.audited: list[tuple[str, str, str | None, Mapping[str, str]]] = []
        self.answered: list[Answering] = []
        self.authenticator = ByKeyId(callers or (ALL,))
        self.api = Api(
            self.authenticator,
            Ports(
                **{
                    "store": self.store,
                    "runs": self.runs,
                    "region": REGION,
                    "account": None,
                    "lint": lambda document: plan(document),
                    "is_secret": AIRFLOWS_NAMES,
                    "read_s3": lambda *_: definition(),
                    "answer": self._answer,
                    "clock": self.clock,
                    **ports,
                }
            ),
            self._audit,
        )
        self.app = make_app(self.api.receive, patience)

    def _audit(self, caller: Caller, operation: str, dag_id: str | None, outcome: Mapping[str, str]) -> None:
        self.audited.append((caller.user, operation, dag_id, outcome))

    def _answer(self, answering: Answering, may: Any) -> str:
        if not may("Abalone"):
            raise ApiError("ResourceNotFound", "No step waits for this callback token.")
        self.answered.append(answering)
        return f"arn:aws:sagemaker:{REGION}:123456789012:pipeline/abalone/execution/0123456789ab"

    def client(self, caller: Caller = ALL) -> Any:
        """boto3's client, whose requests come to the app without a socket between."""
        return in_process_client(self.app, caller.access_key_id, "secret")

    def post(self, body: bytes, **headers: str) -> httpx.Response:
        """A request of anybody's."""
        given = {"X-Amz-Target": "SageMaker.ListPipelines", "Authorization": "Credential=AKIDANNA/x"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return sent(self.app, "/v1", body, given)

    def create(self, name: str = "Abalone", text: str | None = None, **members: Any) -> Any:
        return self.client().create_pipeline(
            PipelineName=name, PipelineDefinition=text or definition(), RoleArn=ROLE, **members
        )


def in_process_client(app: Any, access_key_id: str, secret: str, region: str = REGION) -> Any:
    """A ``sagemaker`` client of boto3 for an ASGI app: the one of this key, which takes a second to make."""
    client, behind = _client(access_key_id, secret, region)
    behind["app"] = app
    return client


@cache
def _client(access_key_id: str, secret: str, region: str) -> tuple[Any, dict[str, Any]]:
    client: Any = boto3.client(
        "sagemaker",
        region_name=region,
        endpoint_url="http://airflow/v1",
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
    )
    behind: dict[str, Any] = {}

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        headers = {name: _text(value) for name, value in request.headers.items()}
        body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
        response = sent(behind["app"], "/" + request.url.partition("//")[2].partition("/")[2], body, headers)
        return AWSResponse(request.url, response.status_code, dict(response.headers), Raw(response.content))

    client.meta.events.register("before-send.sagemaker", send)
    return client, behind


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


class Raw(io.BytesIO):
    """A body as botocore reads it."""

    def stream(self, **_: Any) -> Any:
        yield self.read()


def sent(app: Any, path: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
    async def call() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://airflow") as http:
            return await http.post(path, content=body, headers=dict(headers))

    return asyncio.run(call())
