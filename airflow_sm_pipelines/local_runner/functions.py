"""Calls a Python function of a file in a process of its own: a Lambda function, or what answers a Callback step.

It is the user's own file, named in the settings, so it runs as the user does, with the network: in no namespace.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_sm_pipelines.local_runner.folder import JobFolder
from airflow_sm_pipelines.local_runner.interpreters import interpreter_at
from airflow_sm_pipelines.local_runner.isolation import Launch, Paths
from airflow_sm_pipelines.local_runner.launched import LaunchedJob
from airflow_sm_pipelines.local_runner.rules import Handler

CALLER = Path(__file__).with_name("function_caller.py")
MAX_SECONDS = 900.0
"""Lambda's own limit."""


@dataclass(frozen=True)
class Answer:
    """What a function gave back, or the error it ended with as Lambda gives it, and its log."""

    result: Any = None
    error: Mapping[str, Any] | None = None
    lines: Sequence[str] = field(default_factory=tuple)


class CancelledError(Exception):
    """Nobody wants the answer any more; the function's process has been killed."""


def call(
    handler: Handler,
    event: Any,
    folder: JobFolder,
    python: Path,
    environment: Mapping[str, str],
    cancelled: Callable[[], bool],
) -> Answer:
    """Call it, and wait for its answer. Raises :class:`CancelledError` as soon as ``cancelled`` says so."""
    given, answered = folder.control / "event.json", folder.control / "answer.json"
    given.write_text(json.dumps(event))
    (folder.control / CALLER.name).write_bytes(CALLER.read_bytes())
    command = [
        "python3",
        str(folder.control / CALLER.name),
        *(str(handler.file), handler.function, str(given), str(answered)),
    ]
    variables = {
        "PATH": f"{folder.control}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(Path.home()),
        "AWS_LAMBDA_FUNCTION_NAME": handler.name,
        "PYTHONUNBUFFERED": "1",
        **environment,
    }
    launch = Launch(command, variables, str(folder.root), interpreter_at(python), network=True, confined=False)
    process = LaunchedJob(folder, Paths(), launch, None)
    lines: list[str] = []
    try:
        lines = _lines_of(process, cancelled)
        code = process.exit_code()
    except TimeoutError as error:
        return Answer(error={"errorMessage": str(error), "errorType": "Sandbox.Timedout"}, lines=lines)
    finally:
        process.close()
    if not answered.is_file():
        message = f"the process of {handler.name} ended with exit code {code}"
        return Answer(error={"errorMessage": message, "errorType": "Runtime.ExitError"}, lines=lines)
    reply = json.loads(answered.read_text())
    return Answer(reply.get("result"), reply.get("error"), lines)


def _lines_of(process: LaunchedJob, cancelled: Callable[[], bool]) -> list[str]:
    lines: list[str] = []
    deadline = time.monotonic() + MAX_SECONDS
    while not process.ended:
        lines += process.read()
        if cancelled():
            raise CancelledError
        if time.monotonic() > deadline:
            raise TimeoutError(f"Task timed out after {MAX_SECONDS:.2f} seconds")
    return [*lines, *process.read()]
