"""What is to be run, as it is handed to the process that runs it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

FILE = "run.json"


class RunRequest(Struct, frozen=True):
    """``definition`` is the file, ``pipeline`` the dag id of one in it where it is a template with several.

    ``root`` is the folder from which on inwards the files of settings count. ``arguments`` are those of
    :class:`SageMakerPipelineDag`, as JSON has them. ``run_after`` is the time in the run's id, by default that of its
    start.
    """

    definition: str
    root: str
    pipeline: str | None
    conf: dict[str, Any]
    arguments: dict[str, Any]
    run_after: datetime | None = None

    def write(self, home: Path) -> None:
        """Leave it in the home of the run."""
        path = home / FILE
        path.touch(mode=0o600)
        path.write_bytes(msgspec.json.encode(self))

    @classmethod
    def read(cls, home: Path) -> RunRequest:
        """The request that was left there."""
        return msgspec.json.decode((home / FILE).read_bytes(), type=cls)
