"""What system tests share: real processes, waiting for them, a database of one's own."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self, TypeVar

import pytest
import sqlalchemy

from tests.guarded.plugin import ENVIRONMENT

POSTGRES_VARIABLE = "SM_PIPELINES_TEST_POSTGRES"
POSTGRES_DEFAULT = "postgresql://root@127.0.0.1:5432/postgres"
LOG_TAIL_LINES = 60
# The pause between two looks grows with the time that was waited, up to so many seconds.
SHARE_OF_WAIT = 0.05
MAX_PAUSE_SECONDS = 1.0
STOP_GRACE_SECONDS = 10.0

T = TypeVar("T")


def missing(reason: str) -> NoReturn:
    """Skip the test for lack of ``reason`` on a developer's machine; in CI the lack is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"needed in CI: {reason}")
    pytest.skip(reason)


# Below those that the system gives to whoever connects: such a one could be taken before the server is there.
PORTS = range(20_000, 30_000)
_reserved: list[socket.socket] = []


def free_port() -> int:
    """A TCP port that nothing listens on, and that no other process of these tests is given while this one lives."""
    for port in random.sample(PORTS, len(PORTS)):
        reservation = socket.socket(socket.AF_UNIX)
        try:
            reservation.bind(f"\0sm-pipelines-tests-{port}")
            with socket.create_server(("", port)):
                pass
        except OSError:
            reservation.close()
            continue
        _reserved.append(reservation)
        return port
    raise AssertionError(f"none of the ports {PORTS} is free")


def clean_environment(home: Path, values: Mapping[str, str]) -> dict[str, str]:
    """``values`` for a child process on top of the few variables that any program needs, and no others.

    This interpreter's scripts come first in ``PATH``, so that ``airflow`` is the one under test.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", **ENVIRONMENT, **values}


def wait_until(check: Callable[[], T | None], what: str, *, timeout: float, interval: float = 0.5) -> T:
    """The first answer of ``check`` that is neither None nor False; AssertionError after ``timeout`` seconds.

    0 is an answer (the code of a process that has ended well), and so is an empty list.
    """
    began = time.monotonic()
    while True:
        answer = check()
        if answer is not None and answer is not False:
            return answer
        waited = time.monotonic() - began
        if waited > timeout:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        # Most checks ask the API server, which takes the processor from what is waited for.
        time.sleep(min(max(interval, waited * SHARE_OF_WAIT), max(interval, MAX_PAUSE_SECONDS)))


@dataclass
class Process:
    """A running command in a session of its own, with its output in a file."""

    name: str
    popen: "subprocess.Popen[bytes]"
    log: Path

    def tail(self) -> str:
        """The last lines of its output."""
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "\n".join([f"--- {self.name} ({self.log})", *lines])

    def check_running(self) -> None:
        """AssertionError with the end of its output if it has ended."""
        code = self.popen.poll()
        if code is not None:
            raise AssertionError(f"{self.name} ended with code {code}\n{self.tail()}")

    def family(self) -> set[int]:
        """Process ids of its session: it and all its descendants, also those in process groups of their own."""
        members = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    if os.getsid(int(entry.name)) == self.popen.pid:
                        members.add(int(entry.name))
        return members

    def stop(self) -> None:
        """Ask it to end; after a grace time kill whatever is left of its session."""
        self.popen.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(STOP_GRACE_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End its whole session at once, as a lost machine would."""
        for pid in self.family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.popen.wait(STOP_GRACE_SECONDS)


@dataclass
class Processes:
    """Processes of one test, stopped at its end; on failure their last lines are printed."""

    log_dir: Path
    running: list[Process] = field(default_factory=list)
    killed_alone: list[Process] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.log_dir.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.running:
            process.popen.terminate()  # all at once, so that their times to end do not add up
        for process in reversed(self.running):
            process.stop()
        for process in self.killed_alone:
            process.kill()
        if error is not None:
            for process in self.running:
                print(process.tail())

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> Process:
        """Start ``command`` with exactly this environment; its output goes to ``<log_dir>/<name>.log``."""
        log = self.log_dir / f"{name}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                _resolved(command, environment),
                env=dict(environment),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = Process(name, popen, log)
        self.running.append(process)
        return process

    def run(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], cwd: Path, *, timeout: float
    ) -> None:
        """Run ``command`` to its end; AssertionError with its output unless that is 0 within ``timeout`` seconds."""
        process = self.start(name, command, environment, cwd)
        code = wait_until(process.popen.poll, f"end of {name}", timeout=timeout)
        assert code == 0, f"{name} ended with code {code}\n{process.tail()}"
        self.running.remove(process)

    def kill(self, process: Process) -> None:
        """Kill one of the processes; that it has ended is no failure then."""
        self.running.remove(process)
        process.kill()

    def kill_alone(self, process: Process) -> None:
        """Kill one of the processes and leave its descendants, which live on until the test ends."""
        self.running.remove(process)
        self.killed_alone.append(process)
        process.popen.kill()
        process.popen.wait()

    def check_running(self) -> None:
        """AssertionError if any of the processes has ended."""
        for process in self.running:
            process.check_running()

    def wait_until(self, check: Callable[[], T | None], what: str, *, timeout: float, interval: float = 0.5) -> T:
        """Like :func:`wait_until`, but give up as soon as one of the processes has ended."""

        def attempt() -> T | None:
            self.check_running()
            return check()

        return wait_until(attempt, what, timeout=timeout, interval=interval)


@contextlib.contextmanager
def shown_on_failure(processes: Processes, request: pytest.FixtureRequest) -> Iterator[None]:
    """Print the processes' last lines if the test of ``request`` fails: for processes that outlive a test."""
    failed_before = request.session.testsfailed
    yield
    if request.session.testsfailed > failed_before:
        for process in processes.running:
            print(process.tail())


def succeeds(command: Sequence[str], environment: Mapping[str, str], *, timeout: float) -> bool:
    """Whether ``command`` ends with code 0 within ``timeout`` seconds."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run(
            _resolved(command, environment), env=dict(environment), capture_output=True, check=False, timeout=timeout
        )
        return done.returncode == 0
    return False


def _resolved(command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """``command`` with its program looked up in the PATH of ``environment``, not in that of this process."""
    program = shutil.which(command[0], path=environment["PATH"])
    assert program is not None, f"no program {command[0]} in PATH {environment['PATH']}"
    return [program, *command[1:]]


@contextlib.contextmanager
def postgres_database() -> Iterator[sqlalchemy.URL]:
    """The URL of a new, empty database on the machine's PostgreSQL server; dropped at the end."""
    url = new_database()
    try:
        yield url
    finally:
        remove_database(str(url.database))


def new_database() -> sqlalchemy.URL:
    """The URL of a new, empty database on the machine's PostgreSQL server."""
    server = postgres_server()
    name = f"sm_pipelines_test_{uuid.uuid4().hex[:12]}"
    try:
        with _engine(server).connect() as connection:
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
            # Processes of Airflow die in these tests, and never the server: no commit has to wait for the disk.
            connection.execute(sqlalchemy.text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    except sqlalchemy.exc.OperationalError as error:
        missing(f"no PostgreSQL server at {server} (see {POSTGRES_VARIABLE}): {error.orig}")
    return server.set(database=name)


def remove_database(name: str) -> None:
    """Remove a database, whoever is connected to it."""
    with _engine(postgres_server()).connect() as connection:
        connection.execute(sqlalchemy.text(f"DROP DATABASE {name} WITH (FORCE)"))


def cut_connections(name: str) -> int:
    """End all connections to a database, as a restart of the server would; how many there were."""
    ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = :name"
    with _engine(postgres_server()).connect() as connection:
        return int(connection.execute(sqlalchemy.text(ended), {"name": name}).scalar_one())


def postgres_server() -> sqlalchemy.URL:
    """The machine's PostgreSQL server."""
    server = sqlalchemy.make_url(os.environ.get(POSTGRES_VARIABLE, POSTGRES_DEFAULT))
    return server.set(drivername="postgresql+psycopg2")


def _engine(server: sqlalchemy.URL) -> sqlalchemy.Engine:
    return sqlalchemy.create_engine(
        server,
        isolation_level="AUTOCOMMIT",
        poolclass=sqlalchemy.NullPool,
        connect_args={"connect_timeout": 5},
    )
