"""One job, from its inputs to its outputs, in a thread of its own."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from airflow_sm_pipelines.local_runner.contract import Command, Contract, ContractError, End, Outcome
from airflow_sm_pipelines.local_runner.folder import JobFolder
from airflow_sm_pipelines.local_runner.installing import Installer, InstallStoppedError
from airflow_sm_pipelines.local_runner.interpreters import (
    Interpreter,
    InterpreterError,
    interpreter_at,
    own_base,
)
from airflow_sm_pipelines.local_runner.isolation import HOME, Isolation, Launch
from airflow_sm_pipelines.local_runner.launched import LaunchedJob
from airflow_sm_pipelines.local_runner.objects import split_uri
from airflow_sm_pipelines.local_runner.rules import Rule
from airflow_sm_pipelines.local_runner.transfers import InputError, OutputError, Place, Upload, fetch

LOG = logging.getLogger(__name__)
TAIL = 200
FLUSH_SECONDS = 0.2
UPLOAD_SECONDS = 1.0
DOWNLOADING, RUNNING, UPLOADING = "Downloading", "Running", "Uploading"


class Listener(Protocol):
    """Who hears what becomes of a job."""

    def phase(self, phase: str) -> None:
        """It is downloading, running or uploading."""
        ...

    def lines(self, lines: Sequence[str]) -> None:
        """Lines of its log."""
        ...

    def ended(self, outcome: Outcome) -> None:
        """It has ended; its outputs are in S3, nothing of it runs."""
        ...

    def over_time(self) -> bool:
        """Whether it has run for longer than its request allows."""
        ...


@dataclass(frozen=True)
class Workshop:
    """What all jobs of an endpoint share. ``environment`` is for jobs that may use the network."""

    isolation: Isolation
    cache: Path
    stop_seconds: float
    keep: bool
    python: Path
    environment: Callable[[], Mapping[str, str]]


class JobRun:
    """Runs one job. ``stop`` may be called from any thread; ``over`` is set when nothing of it is left."""

    def __init__(
        self, contract: Contract, rule: Rule, place: Place, folder: JobFolder, workshop: Workshop, listener: Listener
    ) -> None:
        self.contract, self.folder = contract, folder
        self._rule, self._place, self._workshop, self._listener = rule, place, workshop, listener
        self._stop = threading.Event()
        self._abandoned = threading.Event()
        self.over = threading.Event()
        self._tail: deque[str] = deque(maxlen=TAIL)
        self._uploads: list[Upload] = []
        self._timed_out = False
        self._thread = threading.Thread(target=self._run, name=f"job {contract.request.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """SIGTERM now, SIGKILL after a while; its outcome is Stopped."""
        self._stop.set()

    def abandon(self) -> None:
        """SIGKILL now; nobody wants to hear of it any more."""
        self._abandoned.set()
        self._stop.set()

    def _run(self) -> None:
        try:
            outcome = self._outcome()
            if not self._abandoned.is_set():
                self._listener.ended(outcome)
        finally:
            if self._abandoned.is_set() or not self._workshop.keep:
                self.folder.remove()
            self.over.set()

    def _outcome(self) -> Outcome:
        try:
            return self._work()
        except (InputError, OutputError, ContractError) as error:
            return Outcome("Failed", str(error))
        except InterpreterError as error:
            self._report(str(error).splitlines())
            return Outcome("Failed", f"ClientError: {error}"[:1024])
        except Exception as error:  # a job must end, whatever happens to it here
            LOG.exception("job %s", self.contract.request.name)
            return Outcome("Failed", f"InternalServerError: the local runner: {type(error).__name__}: {error}"[:1024])

    def _work(self) -> Outcome:
        contract, folder = self.contract, self.folder
        self._listener.phase(DOWNLOADING)
        for path in ("/tmp", HOME, "/opt/ml/input/config", "/opt/ml/input/data"):  # noqa: S108 # below the job's folder
            folder.make(path)
        isolation = self._workshop.isolation
        for path, value in contract.configure(folder).items():
            folder.write_json(path, isolation.seen(folder, value))
        for each in contract.inputs():
            if self._stop.is_set():
                return Outcome("Stopped")
            fetch(each, folder, self._place)
        command = contract.command(folder)
        if self._stop.is_set():
            return Outcome("Stopped")
        # An image installs a script's requirements itself: that is a part of its time.
        self._listener.phase(RUNNING)
        try:
            interpreter = self._interpreter(command)
        except InstallStoppedError:
            return Outcome("Stopped", detail="MaxRuntimeExceeded" if self._timed_out else None)
        isolation.adapt(folder)
        if self._stop.is_set():
            return Outcome("Stopped")
        code = self._process(command, interpreter)
        status = "Stopped" if self._stop.is_set() or self._timed_out else "Completed"
        outcome = contract.finish(folder, End(code, tuple(self._tail), command.arguments), status)
        self._listener.phase(UPLOADING)
        if self._abandoned.is_set():
            return outcome
        self._send(outcome)
        return replace(outcome, detail="MaxRuntimeExceeded") if self._timed_out else outcome

    def _interpreter(self, command: Command) -> Interpreter:
        installer = Installer(self.folder, self._workshop.cache, self._to_stop)
        if self._rule.requirements is not None:
            base = installer.with_requirements(own_base(), self._rule.requirements, on_top=False)
        else:
            base = interpreter_at(self._rule.python or self._workshop.python)
        if command.requirements is None:
            return base
        return installer.with_requirements(base, command.requirements)

    def _process(self, command: Command, interpreter: Interpreter) -> int:
        network = self._rule.network and not _isolated(self.contract)
        launch = Launch(
            command.arguments,
            self._environment(command, interpreter, network),
            command.working_folder,
            interpreter,
            network,
        )
        continuous = (each for each in self.contract.outputs() if each.continuous)
        self._uploads = [Upload(each, self.folder, self._place.store) for each in continuous]
        job = LaunchedJob(self.folder, self._workshop.isolation, launch, self._rule.memory_mb)
        try:
            self._watch(job)
            return job.exit_code()
        finally:
            job.close()

    def _environment(self, command: Command, interpreter: Interpreter, network: bool) -> dict[str, str]:
        isolation, region = self._workshop.isolation, self._place.region
        programs = ":".join([f"{isolation.control(self.folder)}/bin", *map(str, interpreter.programs)])
        home = HOME if isolation.name == "bubblewrap" else str(self.folder.inside(HOME))
        temporary = "/tmp" if isolation.name == "bubblewrap" else str(self.folder.inside("/tmp"))  # noqa: S108 # the job's own
        return {
            "PATH": f"{programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": home,
            "TMPDIR": temporary,
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            **(self._workshop.environment() if network else {}),
            **command.environment,
        }

    def _watch(self, job: LaunchedJob) -> None:
        waiting: list[str] = []
        flushed = sent = time.monotonic()
        asked: float | None = None
        while not job.ended:
            waiting += job.read()
            now = time.monotonic()
            if waiting and now - flushed > FLUSH_SECONDS:
                self._report(waiting)
                waiting, flushed = [], now
            if self._uploads and now - sent > UPLOAD_SECONDS:
                self._upload()
                sent = time.monotonic()
            if asked is None and self._to_stop():
                asked = now
                job.terminate()
            if self._abandoned.is_set() or (asked is not None and now - asked > self._workshop.stop_seconds):
                job.kill()
        waiting += job.read()
        if waiting:
            self._report(waiting)

    def _to_stop(self) -> bool:
        if not self._stop.is_set() and not self._timed_out:
            self._timed_out = self._listener.over_time()
        return self._stop.is_set() or self._timed_out

    def _report(self, lines: Sequence[str]) -> None:
        self._tail.extend(lines)
        for line in lines:
            self.contract.line(line)
        self._listener.lines(lines)

    def _upload(self) -> None:
        for upload in self._uploads:
            upload.send()

    def _send(self, outcome: Outcome) -> None:
        self._upload()
        if outcome.status == "Completed":
            for each in self.contract.outputs():
                if not each.continuous:
                    Upload(each, self.folder, self._place.store).send()
        for uri, content in self.contract.artifacts(self.folder, outcome.status).items():
            self._place.store.put(*split_uri(uri), content)


def _isolated(contract: Contract) -> bool:
    body = contract.request.body
    return bool(body.get("EnableNetworkIsolation") or body.get("NetworkConfig", {}).get("EnableNetworkIsolation"))


def endpoint_python() -> Path:
    """The interpreter of jobs that no rule gives one."""
    import sys

    return Path(os.path.abspath(sys.executable))  # noqa: PTH100 # resolve() would leave the environment
