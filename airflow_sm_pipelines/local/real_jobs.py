"""Jobs whose own code runs: what the runner reports of them becomes their life in the endpoint."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from airflow_sm_pipelines.local.handler_calls import HandlerCall, HandlerCalls
from airflow_sm_pipelines.local.reader import ScenarioError
from airflow_sm_pipelines.local.timeline import Phase
from airflow_sm_pipelines.local_runner.contract import Contract, Outcome, Request
from airflow_sm_pipelines.local_runner.folder import FolderError, Workplace, default_base
from airflow_sm_pipelines.local_runner.functions import Answer, CancelledError, call
from airflow_sm_pipelines.local_runner.interpreters import default_cache
from airflow_sm_pipelines.local_runner.isolation import IsolationError, isolation_of, why_no_bubblewrap
from airflow_sm_pipelines.local_runner.job_run import RUNNING, JobRun, Workshop, endpoint_python
from airflow_sm_pipelines.local_runner.rules import Handler, Rule, RunnerSettings, choose
from airflow_sm_pipelines.local_runner.transfers import InputError, OutputError, Place, check

if TYPE_CHECKING:
    from airflow_sm_pipelines.local.backend import Moto
    from airflow_sm_pipelines.local.state import EndpointState, Job

LOG = logging.getLogger(__name__)
NEVER = math.inf
"""When a job ends that really runs: nobody knows."""
STEP_TAG = "sagemaker:pipeline-step-name"
SECONDS_TO_END = 30.0


class RealKind(Protocol):
    """What a kind of job says of those that really run."""

    kind: ClassVar[str]
    step_type: ClassVar[str]

    def contract(self, request: Request) -> Contract:
        """What the runner is to do for one."""
        ...

    def request(self, state: EndpointState, job: Job) -> Request:
        """What was asked for."""
        ...

    def time_limit(self, request: Mapping[str, Any]) -> float | None:
        """Seconds on the endpoint's clock that it may run."""
        ...

    def write_lines(self, job: Job, moto: Moto, lines: Sequence[str]) -> None:
        """Write lines of its log."""
        ...

    def phase_of(self, phase: str) -> tuple[str, str]:
        """Secondary status and message of a phase of the runner's."""
        ...

    def message_of(self, outcome: str) -> str:
        """The message of the last phase."""
        ...


class MotoStore:
    """S3 in this process, for one region."""

    def __init__(self, moto: Moto, region: str) -> None:
        self._moto, self._region = moto, region

    def keys(self, bucket: str, prefix: str) -> Sequence[str]:
        return self._moto.list_keys(bucket, prefix, self._region)

    def get(self, bucket: str, key: str) -> bytes | None:
        return self._moto.get_object(bucket, key, self._region)

    def put(self, bucket: str, key: str, body: bytes) -> None:
        reason = self._moto.put_object(bucket, key, body, self._region)
        if reason is not None:
            raise OutputError(f"ClientError: Failed to upload to s3://{bucket}/{key}: {reason}"[:1024])


class RealJobs:
    """The jobs that run, and the settings by which new ones do. Used under the state's lock, but for the ends."""

    def __init__(self, state: EndpointState) -> None:
        self._state = state
        self._settings = RunnerSettings()
        self._workplaces: dict[Path, Workplace] = {}
        self._workshop: Workshop | None = None
        self._runs: dict[int, JobRun] = {}
        self._ending = False
        self.calls = HandlerCalls()
        self.environment: Mapping[str, str] = {}

    def follow(self, settings: RunnerSettings) -> None:
        """Use these settings for jobs to come; raises :class:`ScenarioError` for an isolation that does not work."""
        self._settings = settings
        if settings.functions or settings.callbacks:
            self._workplace()
        if not any(rule.run == "process" for rule in settings.rules):
            self._workshop = None
            return
        try:
            isolation = isolation_of(settings.isolation)
        except IsolationError as error:
            raise ScenarioError(f"$.runner: {error}") from None
        if isolation.name == "paths":
            why = why_no_bubblewrap() or '"isolation" is "paths"'
            LOG.warning("jobs run without a file system of their own, and may read and reach what you may: %s", why)
        workplace = self._workplace()
        if settings.keep:
            workplace.keep()
        self._workshop = Workshop(
            isolation=isolation,
            cache=default_cache(),
            stop_seconds=settings.stop_seconds,
            keep=settings.keep or settings.hold,
            python=endpoint_python(),
            environment=lambda: self.environment,
        )

    def rule_for(self, step_type: str, image: str, name: str, tags: Mapping[str, str]) -> Rule | None:
        """The rule by which a new job runs; ``None`` for one that is simulated."""
        return choose(self._settings.rules, image, tags.get(STEP_TAG, name), step_type)

    def missing_input(self, kind: RealKind, request: Request) -> str | None:
        """Why a simulated job fails for want of an input, where the settings ask for that."""
        if not self._settings.check_inputs:
            return None
        try:
            check(kind.contract(request).inputs(), self._place(request))
        except InputError as error:
            return str(error)
        return None

    def _workplace(self) -> Workplace:
        base = self._settings.folder or default_base()
        if base not in self._workplaces:
            try:
                self._workplaces[base] = Workplace(base)
            except (FolderError, OSError) as error:
                raise ScenarioError(f"$.runner.folder: jobs cannot be there: {error}") from None
        return self._workplaces[base]

    def _place(self, request: Request) -> Place:
        return Place(MotoStore(self._state.moto, request.region), request.region, request.body.get("RoleArn", ""))

    def start(self, kind: RealKind, job: Job, rule: Rule, ended: Callable[[], None] | None = None) -> None:
        """Let a job that has been added run; ``ended`` is called when it has ended, under the state's lock."""
        if self._ending:
            return
        assert self._workshop is not None
        request = kind.request(self._state, job)
        listener = _EndpointListener(self._state, kind, job, ended)
        folder = self._workplace().folder(job.name)
        job.facts["folder"] = str(folder.path)
        run = JobRun(kind.contract(request), rule, self._place(request), folder, self._workshop, listener)
        self._runs = {order: each for order, each in self._runs.items() if not each.over.is_set()}
        self._runs[job.order] = run
        run.start()

    def call_function(self, name: str, event: Any) -> Answer | None:
        """The answer of a Lambda function that a rule has a handler for; ``None`` without one.

        A reset of the endpoint, and its end, kill the function; then that is the answer.
        """
        going_on = self.calls.begin()
        try:
            return self._call(self._settings.functions, name, event, going_on)
        except CancelledError:
            ended = {"errorMessage": "the endpoint was reset or ended", "errorType": "Runtime.ExitError"}
            return Answer(error=ended)
        finally:
            self.calls.end(going_on)

    def call_callback(self, queue: str, message: Any, going_on: HandlerCall) -> Answer | None:
        """What a rule's handler says to the message of a Callback step; ``None`` without one.

        Raises :class:`CancelledError` when the call is.
        """
        return self._call(self._settings.callbacks, queue, message, going_on)

    def _call(self, handlers: Sequence[Handler], name: str, event: Any, going_on: HandlerCall) -> Answer | None:
        if going_on.cancelled.is_set():
            raise CancelledError
        handler = next((each for each in handlers if each.answers(name)), None)
        if handler is None:
            return None
        folder = self._workplace().folder(f"function-{handler.function}")
        try:
            return call(handler, event, folder, endpoint_python(), self.environment, going_on.cancelled.is_set)
        finally:
            folder.remove()

    def folder_of(self, name: str) -> Path | None:
        """The folder of the last job of that name, where it is still there."""
        with self._state.lock:
            found = [job for job in self._state.all(None, None, math.inf) if job.name == name and "folder" in job.facts]
        path = Path(found[-1].facts["folder"]) if found else None
        return path if path is not None and path.is_dir() else None

    def stop(self, job: Job) -> bool:
        """Begin to stop a job; whether it is one that runs."""
        run = self._runs.get(job.order)
        if run is None:
            return False
        run.stop()
        return True

    def end_all(self) -> None:
        """Kill what runs, and wait until nothing does. Not under the state's lock: the ends may need it."""
        with self._state.lock:
            self._ending = True  # a tuning job starts no further training jobs
            runs, self._runs = list(self._runs.values()), {}
        for run in runs:
            run.abandon()
        if not self.calls.end_all(SECONDS_TO_END):
            LOG.error("a handler could not be ended")
        for run in runs:
            if not run.over.wait(SECONDS_TO_END):
                LOG.error("the job %s could not be ended", run.contract.request.name)

    def begin_anew(self) -> None:
        """Take new jobs again."""
        self._ending = False
        self.calls.begin_anew()

    def close(self) -> None:
        """The endpoint ends."""
        self.end_all()
        for workplace in self._workplaces.values():
            workplace.close()
        self._workplaces.clear()


class _EndpointListener:
    """What the runner reports of one job, written into the endpoint's state."""

    def __init__(self, state: EndpointState, kind: RealKind, job: Job, then: Callable[[], None] | None) -> None:
        self._state, self._kind, self._job, self._then = state, kind, job, then
        self._since: float | None = None

    def phase(self, phase: str) -> None:
        now = self._state.clock.now()
        if phase == RUNNING:
            self._since = now
        with self._state.lock:
            timeline = self._job.timeline
            detail, message = self._kind.phase_of(phase)
            if detail and timeline.current(now).status == "InProgress":
                step = (Phase(now, "InProgress", detail, message), Phase(NEVER, "Completed"))
                self._state.plan(self._job, timeline.then(now, *step))

    def lines(self, lines: Sequence[str]) -> None:
        self._kind.write_lines(self._job, self._state.moto, lines)

    def over_time(self) -> bool:
        limit = self._kind.time_limit(self._job.request)
        return limit is not None and self._since is not None and self._state.clock.now() > self._since + limit

    def ended(self, outcome: Outcome) -> None:
        job = self._job
        message = self._kind.message_of(outcome.detail or outcome.status)
        with self._state.lock:
            now = self._state.clock.now()
            job.failure_reason = outcome.reason
            job.facts["members"] = dict(outcome.members)
            if outcome.metrics:
                job.facts["metrics"] = dict(outcome.metrics)
            last = Phase(now, outcome.status, outcome.detail or outcome.status, message)
            self._state.plan(job, job.timeline.then(now, last))
            if self._then is not None:
                self._then()
