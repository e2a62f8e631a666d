"""A job's process, started behind its guard: its lines as they come, signals, its exit code."""

from __future__ import annotations

import codecs
import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from airflow_sm_pipelines.local_runner.debugging import write_launch
from airflow_sm_pipelines.local_runner.folder import JobFolder
from airflow_sm_pipelines.local_runner.guard import descendants
from airflow_sm_pipelines.local_runner.interpreters import write_commands
from airflow_sm_pipelines.local_runner.isolation import Isolation, Launch

GUARD = Path(__file__).with_name("guard.py")
BEAT = 0.05
"""Seconds that a look for lines takes at most."""
MAX_LINE_LENGTH = 200_000
"""Bytes; an event of CloudWatch has 256 KiB at most."""
KILLED = 137
GUARD_SECONDS = 3.0
"""What a guard has to end its job, before both are killed from here: the job may have stopped its guard."""


class LaunchedJob:
    """Start it, read its lines, end it, all from one thread that lives as long: Linux kills it with that thread."""

    def __init__(self, folder: JobFolder, isolation: Isolation, launch: Launch, memory_mb: int | None) -> None:
        write_commands(launch.interpreter, folder.control / "bin")
        (folder.control / GUARD.name).write_bytes(GUARD.read_bytes())
        control = isolation.control(folder)
        # What is not confined is not the job's: its paths are those of the machine.
        on_machine = isolation.name == "bubblewrap" or not launch.confined
        working = launch.working_folder if on_machine else str(folder.inside(launch.working_folder))
        root = str(folder.root) if launch.confined and isolation.name == "paths" else ""
        prefix = isolation.prefix(folder, launch)

        def seen(text: str) -> str:
            return str(isolation.seen(folder, text)) if launch.confined else text

        environment = {key: seen(value) for key, value in launch.environment.items()}
        write_launch(folder, prefix, working, environment)
        command = [seen(text) for text in launch.command]
        status_reader, status_writer = os.pipe()
        arguments = [
            *prefix,
            *(str(launch.interpreter.executable), "-I", "-S", f"{control}/{GUARD.name}"),
            *(str(status_writer), str(memory_mb or 0), working, root),
            *command,
        ]
        try:
            self._process = subprocess.Popen(  # noqa: S603 # running a job's command is what this is for
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                pass_fds=(status_writer,),
                bufsize=0,
                cwd=folder.root,
                start_new_session=True,
            )
        except BaseException:
            os.close(status_reader)
            raise
        finally:
            os.close(status_writer)
        self._status_reader = status_reader
        self._lines = _Lines()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)
        self._open = True
        self._killed: float | None = None

    @property
    def _output(self) -> int:
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def read(self) -> Sequence[str]:
        """The lines that have come, after waiting a beat for some; also the last, unfinished one at the end."""
        if not self._open:
            self._wait()
            return ()
        if self._selector.select(BEAT):
            chunk = os.read(self._output, 65_536)
            if chunk:
                return self._lines.feed(chunk)
            self._open = False
            self._selector.unregister(self._output)
            return self._lines.rest()
        return ()

    def _wait(self) -> None:
        try:
            self._process.wait(BEAT)
        except subprocess.TimeoutExpired:
            return

    @property
    def ended(self) -> bool:
        """Whether nothing of it runs any more, and all of its lines are read."""
        if self._process.poll() is None:
            return False
        return not self._open or not self._selector.select(0)

    def terminate(self) -> None:
        """SIGTERM, to the job's process and those of its group."""
        self._say(b"T")

    def kill(self) -> None:
        """SIGKILL, to all. To be called again until it has ended: a guard that does not answer is killed too."""
        now = time.monotonic()
        if self._killed is None:
            self._killed = now
            self._say(b"K")
        elif now - self._killed > GUARD_SECONDS:
            self._kill_tree()

    def _kill_tree(self) -> None:
        """Kill the job from here, then its guard: orphans become the guard's, so none is out of sight before."""
        deadline = time.monotonic() + GUARD_SECONDS
        while (left := descendants(self._process.pid)) and time.monotonic() < deadline:
            for process in left:
                with contextlib.suppress(OSError):
                    os.kill(process, signal.SIGKILL)
        self._process.kill()

    def _say(self, word: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(word)
        except (BrokenPipeError, ValueError):
            return  # it has just ended

    def exit_code(self) -> int:
        """Of a job that has ended; 137 where its guard was killed and could not say."""
        words = os.read(self._status_reader, 64).split()
        return int(words[1]) if len(words) == 2 else max(self._process.returncode, 0) or KILLED

    def close(self) -> None:
        """End what still runs, and give back what it takes."""
        self.kill()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(GUARD_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill_tree()
            self._process.wait()
        self._process.stdout.close()
        self._selector.close()
        os.close(self._status_reader)


class _Lines:
    """Bytes to lines."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun = ""

    def feed(self, chunk: bytes) -> list[str]:
        *lines, self._begun = (self._begun + self._decoder.decode(chunk)).split("\n")
        if len(self._begun) > MAX_LINE_LENGTH:
            lines.append(self._begun)
            self._begun = ""
        return [piece for line in lines for piece in _cut(line.rstrip("\r")) if piece]

    def rest(self) -> list[str]:
        return self.feed(b"\n")


def _cut(line: str) -> list[str]:
    return [line[start : start + MAX_LINE_LENGTH // 4] for start in range(0, len(line), MAX_LINE_LENGTH // 4)]
