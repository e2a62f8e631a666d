"""Refuses what leaves this machine, and puts it on record; a test process and each Python process it starts have it.

Python imports a module ``sitecustomize`` at its start from ``PYTHONPATH``; :mod:`tests.guarded.plugin` puts this folder
there. The audit hook (see https://docs.python.org/3/library/audit_events.html) sees every connection that is made
through Python's sockets: those of boto3, aiobotocore and all other libraries. It raises, and whoever swallows that is
still on record.

The tests start hundreds of processes: what is not imported until somebody wants to leave saves each of them 20 ms.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # that of typing would import it
if TYPE_CHECKING:
    from typing import Any

FOLDER = os.path.dirname(__file__)  # noqa: PTH120 # without pathlib
RECORD = "SM_PIPELINES_TEST_OUTSIDE_RECORD"
"""Environment variable: the file to which each attempt is appended, a line each. Without it they are only refused."""
SENDING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
LOOKING_UP = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})


class OutsideError(RuntimeError):
    """A test, or a process that it started, tried to leave this machine. No OSError: those are tried again."""


class Guard:
    """The hook of one process, whose user has the home folder ``home``."""

    def __init__(self, home: str) -> None:
        self._credentials = os.path.join(home, ".aws", "")  # noqa: PTH118 # pathlib drops the final slash
        self._own: frozenset[str] | None = None
        self._checks = {
            **dict.fromkeys(SENDING, self._check_sending),
            **dict.fromkeys(LOOKING_UP, self._check_looking_up),
            "open": self._check_open,
            "subprocess.Popen": self._check_process,
        }

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        # Most events are none of these.
        check = self._checks.get(event)
        if check is not None:
            check(event, arguments)

    def _check_sending(self, event: str, arguments: tuple[Any, ...]) -> None:
        target = arguments[1]
        if isinstance(target, tuple) and not self._is_here(target[0]):
            self._refuse(f"{event} to {target[0]}:{target[1]}")

    def _check_looking_up(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not (self._is_here(arguments[0]) or (_is_address(arguments[0]) and event != "socket.gethostbyaddr")):
            self._refuse(f"{event} of {arguments[0]}")

    def _check_open(self, event: str, arguments: tuple[Any, ...]) -> None:
        path = arguments[0]
        if isinstance(path, (str, bytes)) and os.fsdecode(path).startswith(self._credentials):
            self._refuse(f"open of {os.fsdecode(path)}")

    def _check_process(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not _is_python(arguments[0]) or _is_ensurepip(arguments[1]):
            return
        environment = os.environ if arguments[3] is None else arguments[3]
        if FOLDER not in str(environment.get("PYTHONPATH", "")):
            self._refuse(f"a process without this guard: {arguments[1]}")

    def _is_here(self, host: Any) -> bool:
        name = host.decode() if isinstance(host, bytes) else host
        if name in (None, "", "localhost"):
            return True
        if _is_address(name):
            import ipaddress

            address = ipaddress.ip_address(name.partition("%")[0])
            return address.is_loopback or address.is_unspecified or name in self._own_names()
        import socket

        return name == socket.gethostname() or name in self._own_names()

    def _own_names(self) -> frozenset[str]:
        """The names and addresses of this machine."""
        if self._own is None:
            import socket

            self._own = frozenset()
            try:
                name, aliases, addresses = socket.gethostbyname_ex(socket.gethostname())
            except OSError:
                return self._own
            self._own = frozenset((name, *aliases, *addresses))
        return self._own

    def _refuse(self, what: str) -> None:
        import traceback

        frames = traceback.extract_stack()[:-2]
        callers = [f"{frame.filename}:{frame.lineno}" for frame in frames if "/lib/python" not in frame.filename]
        line = f"{what}, process {os.getpid()} {sys.argv[:3]}, from {callers[-1:] or ['?']}\n"
        # Read anew: a worker of pytest-xdist starts with its parent's record, then has one of its own.
        if record := os.environ.get(RECORD):
            descriptor = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                os.write(descriptor, line.encode())
            finally:
                os.close(descriptor)
        raise OutsideError(f"tests do not leave this machine: {what}")


def _is_address(host: Any) -> bool:
    """Whether a host is an address: to look it up asks nobody, unless it is for its name."""
    import ipaddress

    try:
        ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    return True


def _is_ensurepip(command: Any) -> bool:
    """Python 3.12 and newer make an environment's pip without a PYTHONPATH: of wheels that Python itself brings."""
    return isinstance(command, list | tuple) and list(command[1:3]) == ["-m", "ensurepip"]


def _is_python(program: Any) -> bool:
    """Whether a program is an interpreter or one of the scripts beside this one."""
    folder, name = os.path.split(os.fsdecode(program))
    return name.startswith(("python", "airflow", "sm-pipelines")) or folder == os.path.dirname(sys.executable)  # noqa: PTH120


def install() -> None:
    """Guard this process from now on, for good."""
    sys.addaudithook(Guard(os.path.expanduser("~")).hook)  # noqa: PTH111 # kept light


if __name__ == "sitecustomize":
    install()
