"""Doubles of AWS and of Airflow for the life of a job: what surrounds it, and no part of it."""

from __future__ import annotations

import copy
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from airflow_sm_pipelines.definition.model import Step
from airflow_sm_pipelines.jobs.admission import Admission
from airflow_sm_pipelines.jobs.job_run import StepJobRun
from airflow_sm_pipelines.jobs.lifecycle import JobLifecycle
from airflow_sm_pipelines.jobs.observers import NoCache, ResultCache
from airflow_sm_pipelines.jobs.step_run import StepParts, TaskTry
from airflow_sm_pipelines.jobs.step_secrets import StepSecrets
from airflow_sm_pipelines.settings import Assets, Settings
from airflow_sm_pipelines.step_types import STEP_TYPES
from airflow_sm_pipelines.step_types.roles import NO_REPLACEMENT
from airflow_sm_pipelines.step_types.step_type import StepType
from tests.expressions.scope import FixedScope

LOG = logging.getLogger("tests.jobs")
_KNOWN: dict[str, Any] = {
    "aws_conn_id": "aws_default",
    "deferrable": True,
    "poll_interval": 0.001,
    "poll_interval_max": 0.002,
    "max_runtime_grace": 60.0,
    "poll_by_list": True,
    "log_tail_lines": 0,
    "max_lost_tries": 3,
    "throttle_patience": 0.0,
    "job_tags": False,
    "extra_job_tags": {},
    "experiments": False,
    "assets": Assets.NONE,
    "cache": False,
    "max_json_file_size": 1000,
    "callback_timeout": 60.0,
}
SETTINGS = Settings(**{**dict.fromkeys(Settings.__struct_fields__, ()), **_KNOWN})
"""Those that the life of a job asks for."""


class WorkerDied(BaseException):
    """The process of the task is gone: nothing of it runs any more."""


class Fault(Enum):
    """What befalls one call."""

    THROTTLED = "ThrottlingException", 400
    FAULTY = "InternalFailure", 500
    DENIED = "AccessDeniedException", 403
    EXPIRED = "ExpiredTokenException", 400
    LIMIT = "ResourceLimitExceeded", 400
    LOST_BEFORE = "the connection is lost before the effect", 0
    LOST_AFTER = "the connection is lost after the effect", 0
    DEATH_BEFORE = "the worker dies before the effect", 0
    DEATH_AFTER = "the worker dies after the effect", 0

    def strike(self, operation: str) -> None:
        if self in (Fault.DEATH_BEFORE, Fault.DEATH_AFTER):
            raise WorkerDied(operation)
        if self is Fault.LOST_BEFORE:
            raise EndpointConnectionError(endpoint_url="https://aws")
        if self is Fault.LOST_AFTER:
            raise ReadTimeoutError(endpoint_url="https://aws")
        code, status = self.value
        raise client_error(code, code, operation, status)

    @property
    def comes_after(self) -> bool:
        return self in (Fault.LOST_AFTER, Fault.DEATH_AFTER)


def client_error(code: str, message: str, operation: str, status: int = 400) -> ClientError:
    details: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(details, operation)


@dataclass
class Faults:
    """The faults of the next calls, by operation: the first of a list befalls the first call."""

    planned: dict[str, list[Fault | None]] = field(default_factory=dict)

    def plan(self, operation: str, *faults: Fault | None) -> None:
        self.planned.setdefault(operation, []).extend(faults)

    def around(self, operation: str, effect: Callable[[], Any]) -> Any:
        waiting = self.planned.get(operation)
        fault = waiting.pop(0) if waiting else None
        if fault is not None and not fault.comes_after:
            fault.strike(operation)
        result = effect()
        if fault is not None:
            fault.strike(operation)
        return result


@dataclass
class Job:
    """A training job as AWS has it; ``stops`` counts the calls that asked it to stop."""

    name: str
    status: str = "InProgress"
    reason: str = ""
    stops: int = 0
    heeds_stops: bool = True

    @property
    def is_running(self) -> bool:
        return self.status in ("InProgress", "Stopping")


class FakeAws:
    """AWS with training jobs alone, as :class:`airflow_sm_pipelines.aws.access.AwsAccess` reaches it."""

    aws_conn_id = "aws_default"
    botocore_config: dict[str, Any] | None = None

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.calls: list[tuple[str, str]] = []
        self.faults = Faults()

    # What the life of a job asks -------------------------------------------------------------------------------

    def client(self, service: str) -> FakeAws:
        assert service == "sagemaker"
        return self

    def renewed(self) -> FakeAws:
        return self

    def client_calling_once(self, service: str) -> FakeAws:
        return self.client(service)

    def at(self, access: Mapping[str, Any]) -> FakeAws:
        return self

    def to_json(self) -> dict[str, Any]:
        return {"aws_conn_id": "aws_default", "region_name": None, "verify": None, "botocore_config": None}

    @asynccontextmanager
    async def async_client(self, service: str) -> AsyncIterator[Any]:
        yield _Awaited(self)

    def hook(self, service: str) -> Any:
        async def get_async_conn() -> Any:
            return self.async_client(service)

        said = {"fingerprint": "", "has_connection": True, "assumes_role": False}
        return SimpleNamespace(get_async_conn=get_async_conn, **said)

    # The API ---------------------------------------------------------------------------------------------------

    def create_training_job(self, *, TrainingJobName: str, **request: Any) -> Any:  # noqa: N803 # the API's
        def create() -> dict[str, str]:
            if TrainingJobName in self.jobs:
                raise client_error("ResourceInUse", "Job name must be unique: it already exists", "CreateTrainingJob")
            self.jobs[TrainingJobName] = Job(TrainingJobName)
            return {"TrainingJobArn": f"arn:{TrainingJobName}"}

        return self._call("CreateTrainingJob", TrainingJobName, create)

    def describe_training_job(self, *, TrainingJobName: str) -> Any:  # noqa: N803 # the API's
        def describe() -> dict[str, Any]:
            job = self._job(TrainingJobName, "DescribeTrainingJob")
            return {
                "TrainingJobName": job.name,
                "TrainingJobArn": f"arn:{job.name}",
                "TrainingJobStatus": job.status,
                **({"FailureReason": job.reason} if job.reason else {}),
            }

        return self._call("DescribeTrainingJob", TrainingJobName, describe)

    def stop_training_job(self, *, TrainingJobName: str) -> Any:  # noqa: N803 # the API's
        def stop() -> dict[str, Any]:
            job = self._job(TrainingJobName, "StopTrainingJob")
            if not job.is_running:
                raise client_error("ValidationException", "The request was rejected: it has ended", "StopTrainingJob")
            job.stops += 1
            job.status = "Stopping" if job.heeds_stops else job.status
            return {}

        return self._call("StopTrainingJob", TrainingJobName, stop)

    def _call(self, operation: str, name: str, effect: Callable[[], Any]) -> Any:
        self.calls.append((operation, name))
        return self.faults.around(operation, effect)

    def _job(self, name: str, operation: str) -> Job:
        if name not in self.jobs:
            raise client_error("ValidationException", "Requested resource not found.", operation)
        return self.jobs[name]

    # What happens in AWS ---------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Jobs that were asked to stop have stopped."""
        for job in self.jobs.values():
            if job.status == "Stopping":
                job.status = "Stopped"

    def end(self, status: str = "Completed", reason: str = "") -> None:
        """The jobs that run, and were not asked to stop, end."""
        for job in self.jobs.values():
            if job.status == "InProgress":
                job.status, job.reason = status, reason

    @property
    def running(self) -> list[Job]:
        """The jobs that run and that nobody has asked to stop."""
        return [job for job in self.jobs.values() if job.status == "InProgress"]

    def count(self, operation: str) -> int:
        return sum(called == operation for called, _ in self.calls)


class _Awaited:
    """The client with calls to await."""

    def __init__(self, aws: FakeAws) -> None:
        self._aws = aws

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._aws, name)

        async def call(**request: Any) -> Any:
            return method(**request)

        return call


class FakeStore:
    """Airflow's task state store of one task; its writes can be befallen as calls are, as ``set``."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.faults = Faults()

    def get(self, key: str) -> Any:
        return copy.deepcopy(self.values.get(key))

    def set(self, key: str, value: Any) -> None:
        def write() -> None:
            self.values[key] = copy.deepcopy(value)

        self.faults.around("set", write)


class FakeOutput:
    """The XCom of one task."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def push(self, key: str, value: Any) -> None:
        self.values[key] = value


class FakeClock:
    """A clock that goes on when somebody waits."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC).timestamp()

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Scope(FixedScope):
    """What a step of no expressions asks of its scope."""

    execution_id: str = "exec12345678"

    def execution_arn_in(self, account: str | None) -> str:
        return f"arn:aws:sagemaker:us-east-1:{account}:pipeline/p/execution/{self.execution_id}"


@dataclass
class Task:
    """A task with one step, as Airflow keeps it from one try to the next."""

    aws: FakeAws = field(default_factory=FakeAws)
    store: FakeStore = field(default_factory=FakeStore)
    output: FakeOutput = field(default_factory=FakeOutput)
    clock: FakeClock = field(default_factory=FakeClock)
    step: Step = field(
        default_factory=lambda: Step("Train", "Training", ((None, "Steps"), 0), arguments={"RoleArn": "arn:role"})
    )
    step_type: StepType = field(default_factory=lambda: STEP_TYPES["Training"])
    digest: str = "digest"
    try_number: int = 1
    max_tries: int = 13
    settings: Settings = SETTINGS
    secrets: StepSecrets = field(default_factory=StepSecrets)

    def life(
        self,
        cache: ResultCache | None = None,
        admission: Callable[[StepJobRun], Admission] = Admission.of_job,
        **more: Any,
    ) -> JobLifecycle:
        """The life of a new try, in a process of its own."""
        pipeline: Any = SimpleNamespace(
            name="p",
            graph=SimpleNamespace(watched=frozenset()),
            digest=self.digest,
            role_arn=None,
            experiment=None,
            mlflow=None,
            step_types={},
            roles=NO_REPLACEMENT,
        )
        scope: Any = Scope()
        run = StepJobRun(
            TaskTry("dag", "run", "Train", -1, self.try_number, self.max_tries),
            StepParts(self.step, self.step_type, pipeline, self.settings, None, LOG),
            scopes=lambda record, names: scope,
            aws=self.aws,
            store=self.store,
            output=self.output,
            clock=self.clock,
            secrets=self.secrets,
        )
        return JobLifecycle(run, cache=cache or NoCache(), to_result=dict, admission=admission(run), **more)

    def begun(self, **more: Any) -> JobLifecycle:
        """The life of a new try, whose request is resolved."""
        life = self.life(**more)
        life.begin()
        life.resolve()
        return life
