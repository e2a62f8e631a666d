"""The local AWS endpoint in this process.

::

    with LocalEndpoint(scenario={"jobs": [{"kind": "training", "outcome": "Failed"}]}) as endpoint:
        sagemaker = endpoint.client("sagemaker")
        ...
        created = endpoint.requests("sagemaker", "CreateTrainingJob")

Other processes reach it with ``AWS_ENDPOINT_URL=<endpoint.url>`` and any credentials. moto's state belongs to the
process, so two endpoints in one process share S3 and all else that moto serves; their SageMaker jobs are their own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from airflow_sm_pipelines.local.access import Access, AccessError
from airflow_sm_pipelines.local.clock import check_time_scale
from airflow_sm_pipelines.local.control import EndpointControl
from airflow_sm_pipelines.local.errors import MotoMissingError
from airflow_sm_pipelines.local.paused_calls import PausedCall
from airflow_sm_pipelines.local.pipelines import MakePipelineApi
from airflow_sm_pipelines.local.records import JobRecord, LoggedRequest
from airflow_sm_pipelines.local.scenario import load_scenario, read_scenario

if TYPE_CHECKING:
    from airflow_sm_pipelines.local.engine import Engine
    from airflow_sm_pipelines.local.functions import Function
    from airflow_sm_pipelines.local.server import Server

ACCESS_KEY = "testing"
REGION = "us-east-1"


class LocalEndpoint(EndpointControl):
    """AWS on a port of this machine.

    ``port`` 0 takes any free one. ``scenario`` says what jobs do (docs/local-endpoint.md).
    ``time_scale`` is how many seconds pass on the endpoint's clock in a real one. A ``host`` that other machines reach
    needs ``allow_remote`` and the ``allowed_hosts`` by which they ask (docs/local-endpoint.md#who-may-ask),
    and ``allow_remote_code`` where the scenario lets jobs run their own code. The folders of jobs that really run stay
    with ``keep_jobs``, and until the endpoint ends with ``hold_jobs``. ``pipelines`` makes what answers operations on
    pipelines; without it those on executions are not implemented.
    Raises ``AccessError`` without them, ``ScenarioError`` for a scenario that cannot be used; ``MotoMissingError``
    and ``OSError`` (address taken) on start.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        scenario: Path | Mapping[str, Any] | None = None,
        time_scale: float = 1.0,
        allow_remote: bool = False,
        allowed_hosts: Sequence[str] = (),
        allow_remote_code: bool = False,
        pipelines: MakePipelineApi | None = None,
        keep_jobs: bool = False,
        hold_jobs: bool = False,
    ) -> None:
        self._make_pipelines = pipelines
        self._access = Access.make(host, allow_remote=allow_remote, allowed_hosts=tuple(allowed_hosts))
        self._port, self._time_scale = port, check_time_scale(time_scale)
        self._scenario = read_scenario(load_scenario(scenario))
        runner = self._scenario.runner
        runner = dataclasses.replace(runner, keep=runner.keep or keep_jobs, hold=hold_jobs)
        self._scenario = dataclasses.replace(self._scenario, runner=runner)
        if allow_remote and self._scenario.runner.runs_code and not allow_remote_code:
            raise AccessError(
                "by the scenario's runner, other machines that reach the endpoint could run code on this one;"
                " allow_remote_code (--allow-remote-code) lets them"
            )
        self._running: tuple[Engine, Server] | None = None
        self._clients: dict[tuple[str, str, int | None], Any] = {}

    def start(self) -> Self:
        """Load moto and listen."""
        # Importing moto's server takes a second or two: not before it is needed.
        try:
            from airflow_sm_pipelines.local.application import Application
            from airflow_sm_pipelines.local.engine import Engine
            from airflow_sm_pipelines.local.server import Server
        except ModuleNotFoundError as error:
            # werkzeug, which comes with moto's server.
            raise MotoMissingError(error) from error

        if self._running is not None:
            raise RuntimeError("the endpoint runs already")
        engine = Engine(self._scenario, self._time_scale)
        server = Server(Application(engine, self._access), self._access.address, self._port, engine.clock.now)
        server.start()
        self._running = engine, server
        if self._make_pipelines is not None:
            engine.pipelines = self._make_pipelines(self.url, engine.read_object)
        engine.state.real_jobs.environment = self.environment
        return self

    def stop(self) -> None:
        """Close the clients and the port. An endpoint that does not run stays as it is."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        if self._running is not None:
            self._running[0].resume()
            self._running[0].stop_pipelines()
            self._running[1].stop()
            self._running[0].close()
            self._running = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """``http://HOST:PORT`` by which this machine reaches it, for ``AWS_ENDPOINT_URL``."""
        return f"http://{self._access.reachable}:{self._parts[1].port}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that send AWS clients to this endpoint."""
        return aws_environment(self.url)

    def client(self, service: str, *, region: str = REGION, attempts: int | None = None) -> Any:
        """A boto3 client of ``service`` against this endpoint; closed when the endpoint stops.

        ``attempts`` is the most a call is tried, 1 for no retries; boto3's default otherwise.
        """
        import boto3
        from botocore.config import Config

        key = (service, region, attempts)
        if key not in self._clients:
            # Loosely typed: the service is not known before the call.
            create: Any = boto3.client
            self._clients[key] = create(
                service,
                endpoint_url=self.url,
                region_name=region,
                aws_access_key_id=ACCESS_KEY,
                aws_secret_access_key=ACCESS_KEY,
                config=None
                if attempts is None
                else Config(retries={"total_max_attempts": attempts, "mode": "standard"}),
            )
        return self._clients[key]

    def put_function(self, name: str, function: Function) -> None:
        """Let Python code be the Lambda function of that name: it takes the event and returns the answer, or raises."""
        self._parts[0].functions.put(name, function)

    def requests(self, service: str | None = None, action: str | None = None) -> tuple[LoggedRequest, ...]:
        return self._parts[0].requests(service, action)

    def last_lines(self) -> dict[str, str]:
        """The last line of each job's log, by the job's name."""
        return self._parts[0].last_lines()

    def job_folder(self, name: str) -> Path | None:
        """The folder of a job that has really run, where it is still there."""
        return self._parts[0].state.real_jobs.folder_of(name)

    @property
    def runs_code(self) -> bool:
        """Whether the scenario that it starts with lets jobs run their own code."""
        return self._scenario.runner.runs_code

    @property
    def callback_reply_queue(self) -> str | None:
        """The URL of the queue that handlers of Callback steps answer to; ``None`` where there are none."""
        if not self._scenario.runner.callbacks:
            return None
        url: str = self.client("sqs").get_queue_url(QueueName="sm-pipelines-callback-replies")["QueueUrl"]
        return url

    def jobs(self, kind: str | None = None) -> tuple[JobRecord, ...]:
        return self._parts[0].jobs(kind)

    def advance(self, seconds: float) -> None:
        self._parts[0].advance(seconds)

    def paused(self) -> tuple[PausedCall, ...]:
        return self._parts[0].paused()

    def resume(self, action: str = "*") -> None:
        self._parts[0].resume(action)

    def _add_fault(self, fault: Mapping[str, Any]) -> None:
        self._parts[0]._add_fault(fault)

    def _load_scenario(self, scenario: Mapping[str, Any]) -> None:
        self._parts[0].load_scenario(scenario)

    def _reset(self, scenario: Mapping[str, Any] | None) -> None:
        self._parts[0].reset(scenario)

    @property
    def _parts(self) -> tuple[Engine, Server]:
        if self._running is None:
            raise RuntimeError("the endpoint does not run; call start()")
        return self._running


def aws_environment(url: str) -> dict[str, str]:
    """The environment variables that send AWS clients to an endpoint."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": ACCESS_KEY,
        "AWS_DEFAULT_REGION": REGION,
    }
