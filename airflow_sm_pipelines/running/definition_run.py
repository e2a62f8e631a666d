"""The start of a run, and what comes of it. It imports no Airflow: the run has processes of its own."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from airflow_sm_pipelines.running.environment import environment_of, environment_with_endpoint
from airflow_sm_pipelines.running.events import Event, RunEnded, from_line, to_line
from airflow_sm_pipelines.running.home import HomeTakenError, taken
from airflow_sm_pipelines.running.request import RunRequest
from airflow_sm_pipelines.running.under_way import UnderWay

LOG = "run.log"
KEEPER = "airflow_sm_pipelines.running.keeper"
NOTHING: Mapping[str, Any] = {}


def run_definition(
    definition: str | Path,
    *,
    pipeline: str | None = None,
    conf: Mapping[str, Any] = NOTHING,
    arguments: Mapping[str, Any] = NOTHING,
    settings: Mapping[str, str] = NOTHING,
    endpoint: str | None = None,
    aws_conn_id: str | None = "aws_default",
    connections: Mapping[str, str] = NOTHING,
    plugins: str | Path | None = None,
    home: Path | None = None,
    run_after: datetime | None = None,
) -> DefinitionRun:
    """Start a run of a definition; the steps run one after the other. Any number of runs go on at once.

    The run has an Airflow of its own: no database, Dag, pool or cache of a deployment is read or changed. Of the
    caller's environment its Dag sees the options of ``[sagemaker_pipelines]``, variables, and, without an endpoint,
    connections, the backend of secrets and what AWS's own libraries read.

    :param definition: a file. The files of settings beside it count, and those of the folders around it: up to the
        current one, where it is given by a path below that
    :param pipeline: the dag id of an instance, or of one definition of a template with several
    :param conf: values of parameters
    :param arguments: of :class:`SageMakerPipelineDag`, as JSON has them; they win over those files
    :param settings: options of ``[sagemaker_pipelines]``, which win over those of the environment
    :param endpoint: the URL of what stands for AWS; without one it is AWS itself, with the credentials of the
        connection or of the environment
    :param aws_conn_id: the connection that the Dag uses; with an endpoint it is there, and empty
    :param connections: Airflow connections by their ids, as URIs or JSON; not with an endpoint
    :param plugins: the folder of Airflow plugins, where a step type of one's own may be registered
    :param home: where the run's Airflow lives, for one run at a time: while another one goes on there, this one is
        refused, and touches nothing of it. It is kept, and a later run finds the step cache and the earlier runs of
        this one. By default a temporary folder, which goes with the run
    :param run_after: the time in the run's id; a time of UTC
    """
    folder = Path(tempfile.mkdtemp(prefix="sm-pipelines-run-")) if home is None else home.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    path = Path(definition)
    is_below = not path.is_absolute() and ".." not in path.parts
    root = Path.cwd() if is_below else path.absolute().parent
    request = RunRequest(str(path.absolute()), str(root), pipeline, dict(conf), dict(arguments), run_after)
    environment = (
        environment_of(os.environ, folder, settings, connections)
        if endpoint is None
        else environment_with_endpoint(os.environ, folder, settings, endpoint, aws_conn_id)
    )
    if plugins is not None:
        environment["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(plugins)
    return DefinitionRun(folder, request, environment, is_temporary=home is None)


def run_id_of(run_after: datetime) -> str:
    """The id of a run that is given this time, as Airflow makes it."""
    return f"manual__{run_after.isoformat()}"


class DefinitionRun:
    """A run that goes on. As a context manager it stops what has not ended, and removes a temporary home.

    :func:`run_definition` makes it, with the ``home`` of its Airflow, the ``request`` for its process, the
    ``environment`` of that, and whether it ``is_temporary``. ``log`` is the file of all that its processes print;
    ``outcome`` is None until the run has ended.
    """

    def __init__(self, home: Path, request: RunRequest, environment: Mapping[str, str], *, is_temporary: bool) -> None:
        self.home, self.log = home, home / LOG
        self.outcome: RunEnded | None = None
        self._is_temporary = is_temporary
        self._is_abandoned = False
        self._under_way = UnderWay()
        self._process: subprocess.Popen[bytes] | None = None
        self._events: IO[bytes]
        try:
            with taken(home) as held:
                request.write(home)
                self._process, self._events = _start(self.log, environment, held)
        except HomeTakenError as error:
            self._events = io.BytesIO(to_line(RunEnded("refused", error.args)))

    def events(self) -> Iterator[Event]:
        """What happens, as it happens, up to and with the end."""
        while self.outcome is None:
            line = self._events.readline()
            # The last line of a process that was killed may be half of one.
            event = from_line(line) if line.endswith(b"\n") else self._early_end()
            self._under_way.take(event)
            if isinstance(event, RunEnded):
                self.outcome = event
            yield event

    def _early_end(self) -> RunEnded:
        """The end of a run whose processes have not reported one."""
        status = self._kill()
        if self._is_abandoned:
            return RunEnded("stopped", left=self._under_way.jobs)
        why = f"the run's process ended with the status {status}: see {self.log}"
        return RunEnded("failed", (why,), self._under_way.jobs)

    def stop(self) -> None:
        """Begin no further step, and stop the jobs. The events go on until they have ended."""
        stdin = None if self._process is None else self._process.stdin
        if stdin is not None and not stdin.closed:
            stdin.close()

    def abandon(self) -> None:
        """End the run's processes at once. Its jobs go on; the last event names them. May be called upon a signal."""
        self._is_abandoned = True
        self._signal_group()

    def _signal_group(self) -> None:
        process = self._process
        # As long as its end has not been asked for, its number, which is that of the group, is no other's. It may be
        # dead: the process of the steps is another one of the group.
        if process is not None and process.returncode is None:
            # macOS refuses it where all that is left of the group is dead, and has not been waited for.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)

    def _kill(self) -> int | None:
        """End what there still is of the run's processes; the exit status of the first of them."""
        if self._process is None:
            return None
        self._signal_group()
        return self._process.wait()

    @property
    def is_kept(self) -> bool:
        """Whether the home stays when the run is done with."""
        return not self._is_temporary

    def keep(self) -> None:
        """Leave the home where it is."""
        self._is_temporary = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        try:
            for _ in self.events():
                pass
            if self._process is not None:
                self._process.wait()
        finally:
            self.abandon()
            self._kill()
            self._events.close()
            if self._is_temporary:
                shutil.rmtree(self.home, ignore_errors=True)


def _start(log: Path, environment: Mapping[str, str], held: int) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """Start the process that keeps the run, which goes on to hold the home; also what its events are read from."""
    reader, writer = os.pipe()
    try:
        with log.open("wb") as out:
            process = subprocess.Popen(  # noqa: S603 # this very Python, and a number
                # Not the modules of the folder that the caller happens to stand in.
                [sys.executable, "-P", "-m", KEEPER, str(writer)],
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                pass_fds=[writer, held],
                # The interrupt of a terminal goes to every process of its group, and this one is to stop the others.
                start_new_session=True,
            )
    except BaseException:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    return process, os.fdopen(reader, "rb")
