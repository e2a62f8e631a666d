"""Runs in a process of its own: ``function_caller.py FILE FUNCTION EVENT ANSWER``, the latter two files of JSON.

Source: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html (what an error looks like).
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
import uuid
from pathlib import Path
from typing import Any


class Context:
    """What a handler may ask about its call."""

    def __init__(self, name: str) -> None:
        self.function_name = name
        self.function_version = "$LATEST"
        self.invoked_function_arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
        self.memory_limit_in_mb = 128
        self.aws_request_id = str(uuid.uuid4())
        self.log_group_name = f"/aws/lambda/{name}"
        self.log_stream_name = "local"
        self._until = time.monotonic() + 900

    def get_remaining_time_in_millis(self) -> int:
        return int((self._until - time.monotonic()) * 1000)


def answer(file: Path, function: str, event: Any) -> dict[str, Any]:
    """The function's result, or its error."""
    try:
        sys.path.insert(0, str(file.parent))
        context = Context(os.environ.get("AWS_LAMBDA_FUNCTION_NAME", function))
        result = getattr(importlib.import_module(file.stem), function)(event, context)
        json.dumps(result)
    except Exception as error:  # noqa: BLE001 # whatever a function raises is its answer
        traceback.print_exc()
        trace = traceback.format_tb(error.__traceback__)[1:]
        return {"error": {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": trace}}
    return {"result": result}


def main(arguments: list[str]) -> None:
    file, function, given, answered = arguments
    reply = answer(Path(file), function, json.loads(Path(given).read_text()))
    Path(answered).write_text(json.dumps(reply))


if __name__ == "__main__":
    main(sys.argv[1:])
