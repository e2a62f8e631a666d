"""A Python made from a requirements file and kept: pip runs as any process of a job, and ends when the job is to."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from airflow_sm_pipelines.local_runner.folder import JobFolder, remove_tree
from airflow_sm_pipelines.local_runner.interpreters import Interpreter, InterpreterError, interpreter_at
from airflow_sm_pipelines.local_runner.isolation import Launch, Paths
from airflow_sm_pipelines.local_runner.launched import BEAT, LaunchedJob

DONE = ".complete"
LAST_LINES = 15
QUIET = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


class InstallStoppedError(Exception):
    """The job is to end before its packages are installed."""


@dataclass(frozen=True)
class Installer:
    """Makes environments below ``cache`` for one job; ``to_stop`` is asked all the time whether the job is to end."""

    folder: JobFolder
    cache: Path
    to_stop: Callable[[], bool]

    def with_requirements(self, base: Interpreter, requirements: Path, *, on_top: bool = True) -> Interpreter:
        """``base`` with the packages of a requirements file, installed by pip at the first use.

        What ``base`` has is there too, unless not ``on_top``. The environment is kept by the base, its version and the
        file's content. Raises :class:`InterpreterError` with the last lines of pip, and :class:`InstallStoppedError`.
        """
        try:
            wanted = requirements.read_bytes()
        except OSError as error:
            raise InterpreterError(f"{requirements} cannot be read: {error.strerror}") from None
        digest = hashlib.sha256(f"{base.executable}\n{base.version}\n{on_top}\n".encode() + wanted).hexdigest()[:24]
        self.cache.mkdir(parents=True, exist_ok=True)
        made = self.cache / digest
        with self._only_one(self.cache / f"{digest}.lock"):
            if not (made / DONE).exists():
                remove_tree(made)
                try:
                    self._make(base, requirements, made, on_top=on_top)
                except BaseException:
                    remove_tree(made)
                    raise
                (made / DONE).touch()
        found = interpreter_at(made / "bin" / "python")
        folders = dict.fromkeys((*found.folders, *base.folders))
        packages = (*found.packages, *(base.packages if on_top else ()))
        programs = (*found.programs, *(base.programs if on_top else ()))
        return Interpreter(found.executable, found.version, tuple(folders), packages, _pip(found, base), programs)

    def _make(self, base: Interpreter, requirements: Path, made: Path, *, on_top: bool) -> None:
        pip = ["--without-pip"] if base.pip else []
        self._run([str(base.executable), "-m", "venv", *pip, str(made)], base, requirements)
        new = interpreter_at(made / "bin" / "python")
        if on_top:
            # A venv of a venv would go back to its base.
            lines = [f"import site; site.addsitedir({str(each)!r})\n" for each in base.packages]
            (new.packages[0] / "_base_packages.pth").write_text("".join(lines))
        interpreter_at.cache_clear()
        command = [*_pip(interpreter_at(new.executable), base), "install", "-r", str(requirements)]
        self._run(command, base, requirements)

    def _run(self, command: Sequence[str], base: Interpreter, requirements: Path) -> None:
        """Run it as the user does, in no isolation; none of its processes is left then."""
        launch = Launch(command, {**os.environ, **QUIET}, str(requirements.parent), base, network=True, confined=False)
        process = LaunchedJob(self.folder, Paths(), launch, None)
        lines: list[str] = []
        try:
            while not process.ended:
                if self.to_stop():
                    raise InstallStoppedError
                lines += process.read()
            lines += process.read()
            code = process.exit_code()
        finally:
            process.close()
        if code:
            tail = "\n".join(lines[-LAST_LINES:])
            raise InterpreterError(f"{requirements.name} could not be installed:\n{tail}")

    @contextlib.contextmanager
    def _only_one(self, path: Path) -> Iterator[None]:
        """Two jobs with the same requirements install them once."""
        with path.open("w") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if self.to_stop():
                        raise InstallStoppedError from None
                    time.sleep(BEAT)
            yield


def _pip(made: Interpreter, base: Interpreter) -> tuple[str, ...]:
    """The pip that installs into an environment: its own, or its base's."""
    return made.pip or (*base.pip, "--python", str(made.executable))
