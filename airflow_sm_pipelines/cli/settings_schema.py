"""``schema``: the JSON schema of files of settings, for editors."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from airflow_sm_pipelines.sidecars.json_schema import schema_text

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:  # noqa: ARG001 # of the commands' form
    """Print it; the exit status is 0."""
    sys.stdout.write(schema_text())
    return 0
