"""Which jobs run here, by which Python, and what they may do; see ``docs/local-mode.md`` for the keys."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

RUNS = ("process", "simulate")
ISOLATIONS = ("auto", "bubblewrap", "paths")
IsolationName = Literal["auto", "bubblewrap", "paths"]


@dataclass(frozen=True)
class Rule:
    """What happens to the jobs it matches. ``image``, ``step`` and ``type`` are globs.

    ``python`` is the interpreter, ``requirements`` the file an interpreter is made from; with neither it is the one
    that the endpoint runs in. ``memory_mb`` bounds the address space of each process of a job.
    """

    run: Literal["process", "simulate"]
    image: str = "*"
    step: str = "*"
    type: str = "*"
    python: Path | None = None
    requirements: Path | None = None
    network: bool = False
    memory_mb: int | None = None

    def matches(self, image: str, step: str, step_type: str) -> bool:
        """Whether it is about such a job."""
        pairs = ((image, self.image), (step, self.step), (step_type, self.type))
        return all(fnmatch.fnmatchcase(value, pattern) for value, pattern in pairs)


@dataclass(frozen=True)
class Handler:
    """Python code that answers: a Lambda function by its name, or the messages of Callback steps by their queue.

    ``name`` is a glob.
    """

    name: str
    file: Path
    function: str

    def answers(self, name: str) -> bool:
        """Whether it is about a function or queue of that name."""
        return fnmatch.fnmatchcase(name, self.name)


@dataclass(frozen=True)
class RunnerSettings:
    """The rules, and what they have in common. ``stop_seconds`` pass between SIGTERM and SIGKILL at most.

    Folders of jobs stay for good with ``keep``, and until the endpoint ends with ``hold``.
    """

    rules: tuple[Rule, ...] = ()
    functions: tuple[Handler, ...] = ()
    callbacks: tuple[Handler, ...] = ()
    isolation: IsolationName = "auto"
    check_inputs: bool = False
    stop_seconds: float = 30.0
    keep: bool = False
    hold: bool = False
    folder: Path | None = None

    @property
    def runs_code(self) -> bool:
        """Whether any job or function runs code of a file."""
        return bool(self.functions or self.callbacks) or any(rule.run == "process" for rule in self.rules)


def choose(rules: Iterable[Rule], image: str, step: str, step_type: str) -> Rule | None:
    """The first rule about a job, if it says that the job runs here; ``None`` for a job to be simulated."""
    found = next((rule for rule in rules if rule.matches(image, step, step_type)), None)
    return found if found is not None and found.run == "process" else None
