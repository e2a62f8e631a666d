"""The process between the endpoint and a job's own: starts it, passes signals on, and leaves none of it behind.

Runs by the job's interpreter, on its own: ``python -I -S guard.py STATUS_FD MEMORY_MB FOLDER ROOT COMMAND...``.
Standard input is the endpoint's hand: ``T`` is SIGTERM for the job, ``K`` the end of it all, and so is the end of the
input, which comes when the endpoint dies. ``STATUS_FD`` gets ``exit N`` once nothing of the job runs any more; a
death by signal is 128 and its number, as in docker. The job may write below ``ROOT`` only, where Linux can hold it to
that; an empty one is no bound. Only what Python 3.8 has.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import struct
import sys

PR_SET_CHILD_SUBREAPER = 36
NOT_FOUND, NOT_STARTED = 127, 126


def adopt_orphans() -> None:
    """A process whose parent has ended becomes ours, so that it can be found. Only Linux has it."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


# https://docs.kernel.org/userspace-api/landlock.html: numbers of its calls, and what changes a file system. The rights
# of the second and third version are moving between folders, and truncating.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
WRITE_FILE = 1 << 1
CHANGING = WRITE_FILE | sum(1 << bit for bit in range(4, 13))
REFER, TRUNCATE = 1 << 13, 1 << 14
PR_SET_NO_NEW_PRIVS = 38


def confine(root: str) -> None:
    """Let this process, and all that it starts, change files below ``root`` only, where Linux has Landlock."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return
    rights = CHANGING | (REFER if version >= 2 else 0) | (TRUNCATE if version >= 3 else 0)
    handled = ctypes.c_uint64(rights)
    rules = libc.syscall(CREATE_RULESET, ctypes.byref(handled), ctypes.c_size_t(8), 0)
    if rules < 0:
        return
    for path, allowed in ((root, rights), ("/dev/shm", rights), ("/dev", WRITE_FILE)):  # noqa: S108 # shared memory
        with contextlib.suppress(OSError):
            folder = os.open(path, os.O_PATH)
            rule = struct.pack("=Qi", allowed, folder)
            libc.syscall(ADD_RULE, rules, 1, rule, 0)
            os.close(folder)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.syscall(RESTRICT_SELF, rules, 0)
    os.close(rules)


def start(memory_mb: int, folder: str, root: str, command: list[str]) -> int:
    """Fork the job's process, the leader of a group of its own."""
    child = os.fork()
    if child:
        with contextlib.suppress(OSError):  # it has done so itself, and runs already
            os.setpgid(child, child)
        return child
    try:
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(folder)
        if root and sys.platform == "linux":
            confine(root)
        if memory_mb:
            resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 2**20, memory_mb * 2**20))
        os.execvp(command[0], command)  # noqa: S606 # without a shell, as the request has it
    except FileNotFoundError as error:
        report(f"{error.filename or command[0]}: not found")
        os._exit(NOT_FOUND)
    except (OSError, ValueError) as error:
        report(f"{command[0]}: cannot be started: {error}")
    os._exit(NOT_STARTED)


def report(message: str) -> None:
    os.write(2, (message + "\n").encode("utf-8", "replace"))


def descendants(of: int) -> list[int]:
    """All processes below one; none where there is no ``/proc``."""
    parents: dict[int, list[int]] = {}
    try:
        # Without pathlib, a quarter of what each job waits for before it starts.
        found = [name for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    except OSError:
        return []
    for name in found:
        try:
            with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                # The process's name stands in brackets and may hold anything.
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if fields[0] != b"Z":
            parents.setdefault(int(fields[1]), []).append(int(name))
    result, todo = [], [of]
    while todo:
        below = parents.get(todo.pop(), [])
        result += below
        todo += below
    return result


def end_all(group: int) -> None:
    """Kill what is left of the job."""
    with contextlib.suppress(OSError):
        os.killpg(group, signal.SIGKILL)
    while True:
        left = descendants(os.getpid())
        for process in left:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        if not left:
            return
        reap(0, 0)
        select.select([], [], [], 0.005)


def reap(job: int, status: int) -> tuple[bool, int]:
    """Collect what has ended; whether ``job`` is among it, and its status."""
    ended = False
    while True:
        try:
            process, how = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended, status
        if process == 0:
            return ended, status
        if process == job:
            ended, status = True, how


def watch(job: int, woken: int) -> int:
    """Wait until the job has ended or is to; its exit code."""
    hand = [0]
    while True:
        ready = select.select([*hand, woken], [], [])[0]
        if woken in ready:
            os.read(woken, 4096)
            ended, status = reap(job, 0)
            if ended:
                return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        if 0 in ready:
            asked = os.read(0, 64)
            if not asked or b"K" in asked:
                return 128 + signal.SIGKILL
            with contextlib.suppress(OSError):
                os.killpg(job, signal.SIGTERM)


def main(arguments: list[str]) -> int:
    status_fd, memory_mb, folder = int(arguments[0]), int(arguments[1]), arguments[2]
    os.set_inheritable(status_fd, False)
    adopt_orphans()
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    job = start(memory_mb, folder, arguments[3], arguments[4:])
    code = watch(job, woken)
    end_all(job)
    with contextlib.suppress(OSError):
        os.write(status_fd, f"exit {code}\n".encode())
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
