"""botocore's models of services and its list of regions, read once for all clients of a process.

botocore reads them for each session, with Python's JSON reader: a fifth of a second of the processor and more for
SageMaker. That holds the interpreter: the event loop of a triggerer stands still meanwhile, in whichever thread it is.
And under ``airflow dags test`` all tasks are in one process, each with a session of its own, two where it is deferred.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from botocore.loaders import JSONFileLoader, Loader, create_loader
from typing_extensions import override


class QuickJsonLoader(JSONFileLoader):  # type: ignore[misc] # botocore is not annotated
    """Reads the files that botocore's own reader reads, a few times as fast."""

    @override
    def load_file(self, file_path: str) -> Any:
        """What a file holds that is named without its suffix, or None where there is none."""
        if (plain := Path(f"{file_path}.json")).is_file():
            return msgspec.json.decode(plain.read_bytes())
        if (packed := Path(f"{file_path}.json.gz")).is_file():
            return msgspec.json.decode(gzip.decompress(packed.read_bytes()))
        return None


@cache
def model_loader(data_path: str | None) -> Loader:
    """The loader that all sessions with this ``data_path`` of botocore's configuration share."""
    loader = create_loader(data_path)
    loader.file_loader = QuickJsonLoader()
    return loader
