"""The end of a process upon that of the one that has forked it."""

from __future__ import annotations

import os
import signal
import threading


def end_with(pipe: int) -> None:
    """Kill this process and its group once no process has the other end of a pipe any more.

    However that one dies, the system closes its end. A signal upon a parent's death, which only Linux has, would leave
    what this process has started.
    """

    def wait() -> None:
        os.read(pipe, 1)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, name="end-with", daemon=True).start()
