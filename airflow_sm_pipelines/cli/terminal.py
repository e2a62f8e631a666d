"""Lines to standard output, whatever a definition holds."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable


def write_lines(lines: Iterable[str]) -> None:
    """Write each as one line."""
    sys.stdout.writelines(f"{plain(line)}\n" for line in lines)
