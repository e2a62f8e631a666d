"""Why a job failed, in the words of the service."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

PROCESSING_FAILED = "AlgorithmError: See job logs for more information"
MAX_REASON_LENGTH = 1024
"""Characters of a FailureReason in the API."""
TRACEBACK = "Traceback (most recent call last):"


def algorithm_error(message: str, exit_code: int) -> str:
    """The reason of a training job: what the container has left in ``/opt/ml/output/failure``, and its exit code."""
    ending = f", exit code: {exit_code}"
    beginning = "AlgorithmError: "
    return f"{beginning}{message[: MAX_REASON_LENGTH - len(beginning) - len(ending)]}{ending}"


def user_script_error(exit_code: int, command: Sequence[str], tail: Sequence[str]) -> str:
    """What the containers of the frameworks leave there when the user's script fails."""
    line = shlex.join(command)
    message = end_of_traceback(tail)
    room = MAX_REASON_LENGTH - 120 - min(len(line), 300)
    return f'ExecuteUserScriptError:\nExitCode {exit_code}\nErrorMessage "{message[-room:]}"\nCommand "{line[:300]}"'


def end_of_traceback(lines: Sequence[str]) -> str:
    """The last traceback of a log: its innermost frame, and the error; empty where there is none."""
    starts = [index for index, line in enumerate(lines) if line.startswith(TRACEBACK)]
    if not starts:
        return ""
    trace = lines[starts[-1] + 1 :]
    frames = [index for index, line in enumerate(trace) if line.startswith('  File "')]
    return "\n".join(trace[frames[-1] if frames else 0 :]).strip()
