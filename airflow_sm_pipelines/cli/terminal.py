"""Lines to standard output, whatever a definition holds."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def plain(text: str) -> str:
    """A text without control characters, which could break the line or command the terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def write_lines(lines: Iterable[str]) -> None:
    """Write each as one line."""
    sys.stdout.writelines(f"{plain(line)}\n" for line in lines)
