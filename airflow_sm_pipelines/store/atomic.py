"""A file that is there whole, or as it was."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_atomically(path: Path, data: bytes) -> None:
    """Put the bytes into a file, in the place of what is there; a link is replaced, not followed.

    Until then they are in a hidden file beside it, which nobody takes for a definition.
    """
    beside = path.with_name(f".{secrets.token_hex(8)}.tmp")
    # Unlike tempfile's, the file is readable to whom the umask lets read it.
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
