"""The Python that a job runs with, and what it says of itself."""

from __future__ import annotations

import functools
import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ASK = """
import json, os, sys, sysconfig
print(json.dumps({
    "executable": sys.executable, "version": sys.version, "folders": [sys.prefix, sys.base_prefix],
    "base": os.path.realpath(sys.executable),
    "packages": [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")],
    "pip": __import__("importlib.util").util.find_spec("pip") is not None}))
"""


class InterpreterError(Exception):
    """No such Python, or its packages could not be installed; the message says why."""


@dataclass(frozen=True)
class Interpreter:
    """A Python on this machine.

    ``folders`` are what it is made of, ``pip`` the command that installs into it, ``programs`` the folders of its
    packages' commands.
    """

    executable: Path
    version: str
    folders: tuple[Path, ...]
    packages: tuple[Path, ...]
    pip: tuple[str, ...]
    programs: tuple[Path, ...]


@functools.cache
def interpreter_at(executable: Path) -> Interpreter:
    """What a Python says of itself; raises :class:`InterpreterError` for what is none."""
    try:
        answer = subprocess.run([executable, "-c", ASK], capture_output=True, text=True, timeout=60, check=True)  # noqa: S603 # the user's own Python
        facts = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise InterpreterError(f"{executable} is no Python that can be run: {error}") from None
    folders = dict.fromkeys(Path(folder) for folder in [*facts["folders"], str(Path(facts["base"]).parent.parent)])
    for folder in folders:
        if folder == Path("/") or folder == Path.home():
            raise InterpreterError(f"{executable} is installed in {folder}, which a job must not see as a whole")
    return Interpreter(
        executable,
        facts["version"],
        tuple(folders),
        tuple(dict.fromkeys(Path(folder) for folder in facts["packages"])),
        (str(executable), "-m", "pip") if facts["pip"] else (),
        (executable.parent,),
    )


def default_cache() -> Path:
    """Where made interpreters are kept."""
    above = os.environ.get("XDG_CACHE_HOME")
    return (Path(above) if above else Path.home() / ".cache") / "sm-pipelines" / "environments"


def own_base() -> Interpreter:
    """The Python that the endpoint's environment was made from, without what is installed there."""
    return interpreter_at(Path(getattr(sys, "_base_executable", None) or sys.executable))


def write_commands(interpreter: Interpreter, folder: Path) -> None:
    """Make ``python``, ``python3`` and ``pip`` in ``folder`` start this interpreter.

    Small scripts, since Python looks for its environment beside the link it is started by.
    """
    folder.mkdir(parents=True, exist_ok=True)
    python = (str(interpreter.executable),)
    for names, command in ((("python", "python3"), python), (("pip", "pip3"), interpreter.pip)):
        for name in names if command else ():
            script = folder / name
            script.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
            script.chmod(0o755)
