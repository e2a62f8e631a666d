"""What a job sees of this machine: its own folder as ``/`` by bubblewrap, or its folder's paths where that cannot be.

With bubblewrap (https://github.com/containers/bubblewrap) a job has a mount, process and, unless it may use it, network
namespace of its own: it sees the machine's ``/usr`` and its Python, read-only, no home and no other process. Without,
every ``/opt/ml`` in arguments, environment and configuration becomes a path below the job's folder, and nothing keeps
the job from reading what the user may read.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from airflow_sm_pipelines.local_runner.folder import JobFolder
from airflow_sm_pipelines.local_runner.interpreters import Interpreter
from airflow_sm_pipelines.local_runner.rules import IsolationName
from airflow_sm_pipelines.local_runner.source import SOURCE_ARCHIVE, rewrite_archive

CONTROL = "/.runner"
HOME = "/home/job"
"""A job's home, empty at first. Not /root: the Python of root may be there, and is seen then."""
# What programs need of /etc beside /usr, where it is there. No passwd: a job gets one of its own.
OF_ETC = (
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types", "nsswitch.conf", "protocols", "services"),
    *("ssl", "pki", "ca-certificates", "alternatives", "magic", "fonts"),
)
OF_ETC_FOR_NETWORK = ("resolv.conf", "hosts", "host.conf", "gai.conf")
SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
SCRIPTS = (".py", ".sh")
# "/opt/ml" as a path of its own, not a part of another path or of an S3 address.
OPT_ML = re.compile(r"(?:(?<=file://)|(?<![\w./-]))/opt/ml(?![\w-])")


@dataclass(frozen=True)
class Launch:
    """What to start. Paths are the job's own; ``environment`` is the whole of it.

    One that is ``confined`` writes to its folder only, also where it is not isolated, if Linux can hold it to that.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    working_folder: str
    interpreter: Interpreter
    network: bool
    confined: bool = True


class Isolation(Protocol):
    """A way to keep a job to its folder."""

    name: str

    def seen(self, folder: JobFolder, value: Any) -> Any:
        """A text, or the texts of a JSON value, with paths as the job sees them."""
        ...

    def adapt(self, folder: JobFolder) -> None:
        """Let the job's scripts name paths as the job sees them."""
        ...

    def prefix(self, folder: JobFolder, launch: Launch) -> list[str]:
        """The command that the job's command is an argument of."""
        ...

    def control(self, folder: JobFolder) -> str:
        """The path by which the job sees its ``control`` folder."""
        ...


class Bubblewrap:
    """Namespaces of the job's own."""

    name = "bubblewrap"

    def __init__(self, program: str) -> None:
        self._program = program

    def seen(self, _folder: JobFolder, value: Any) -> Any:
        return value

    def adapt(self, _folder: JobFolder) -> None:
        """The job has the paths that they name."""

    def control(self, _folder: JobFolder) -> str:
        return CONTROL

    def prefix(self, folder: JobFolder, launch: Launch) -> list[str]:
        self._prepare(folder, launch.network)
        result = [self._program, *_namespaces(network=launch.network), "--bind", str(folder.root), "/"]
        result += ["--ro-bind", "/usr", "/usr"]
        for name in SYSTEM:
            if Path("/", name).is_dir() and not Path("/", name).is_symlink():
                result += ["--ro-bind", f"/{name}", f"/{name}"]
        for name in (*OF_ETC, *(OF_ETC_FOR_NETWORK if launch.network else ())):
            if Path("/etc", name).exists():
                result += ["--ro-bind", os.path.realpath(f"/etc/{name}"), f"/etc/{name}"]
        for seen in launch.interpreter.folders:
            if not seen.is_relative_to("/usr"):
                result += ["--ro-bind", str(seen), str(seen)]
        result += ["--ro-bind", str(folder.control), CONTROL, "--proc", "/proc", "--dev", "/dev"]
        return [*result, "--chdir", "/", "--"]

    def _prepare(self, folder: JobFolder, network: bool) -> None:
        for name in SYSTEM:
            link = Path("/", name)
            if link.is_symlink() and not (folder.root / name).is_symlink():
                (folder.root / name).symlink_to(link.readlink())
        user, group = os.getuid(), os.getgid()
        # Whoever starts the job, its user is called as in AWS's images: the SDK's @step functions want sudo of another.
        folder.write("/etc/passwd", f"root:x:{user}:{group}:root:{HOME}:/bin/sh\n".encode())
        folder.write("/etc/group", f"root:x:{group}:\n".encode())
        if not network:
            folder.write("/etc/hosts", b"127.0.0.1 localhost algo-1\n")


class Paths:
    """The folder's own paths, and what the user may do otherwise."""

    name = "paths"

    def seen(self, folder: JobFolder, value: Any) -> Any:
        if isinstance(value, str):
            return OPT_ML.sub(lambda _: str(folder.root / "opt/ml"), value)
        if isinstance(value, Mapping):
            return {key: self.seen(folder, member) for key, member in value.items()}
        if isinstance(value, list | tuple):
            return [self.seen(folder, element) for element in value]
        return value

    def adapt(self, folder: JobFolder) -> None:
        """Replace ``/opt/ml`` in the job's Python and shell scripts, also those that are still packed."""
        for relative, file in folder.files("/opt/ml"):
            if relative.endswith(SCRIPTS):
                file.write_bytes(self._script(folder, file.read_bytes()))
            elif file.name == SOURCE_ARCHIVE:
                rewrite_archive(file, SCRIPTS, lambda content: self._script(folder, content))

    def _script(self, folder: JobFolder, content: bytes) -> bytes:
        try:
            text: str = self.seen(folder, content.decode())
        except UnicodeDecodeError:
            return content
        return text.encode()

    def control(self, folder: JobFolder) -> str:
        return str(folder.control)

    def prefix(self, _folder: JobFolder, _launch: Launch) -> list[str]:
        return []


class IsolationError(Exception):
    """The isolation that was asked for does not work here; the message says why."""


def _namespaces(*, network: bool) -> list[str]:
    own = ["--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", "algo-1"]
    # Root keeps its capabilities otherwise, and may mount.
    return [*own, "--cap-drop", "ALL", *([] if network else ["--unshare-net"])]


@functools.cache
def why_no_bubblewrap() -> str | None:
    """Why bubblewrap cannot be used on this machine; ``None`` where it can."""
    program = shutil.which("bwrap")
    if program is None:
        return "bubblewrap (bwrap) is not installed"
    command = [program, *_namespaces(network=False), "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]
    try:
        answer = subprocess.run([*command, "true"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 # a probe
    except (OSError, subprocess.SubprocessError) as error:
        return f"bubblewrap cannot be started: {error}"
    if answer.returncode:
        return f"bubblewrap does not work here: {answer.stderr.strip().splitlines()[-1:] or answer.returncode}"
    return None


def isolation_of(name: IsolationName) -> Isolation:
    """The isolation by its name in the settings; raises :class:`IsolationError` where it does not work."""
    if name == "paths":
        return Paths()
    why = why_no_bubblewrap()
    if why is None:
        return Bubblewrap(shutil.which("bwrap") or "bwrap")
    if name == "bubblewrap":
        raise IsolationError(f'"isolation": "bubblewrap": {why}')
    return Paths()
