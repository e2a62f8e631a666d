"""Where the file of a Dag's definition lies, which the Dag itself says to the API server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.text import storable

if TYPE_CHECKING:
    from airflow.sdk import DAG

FILE_KEY = "sagemaker_pipelines_definition"
"""In a Dag's default_args, which are stored with it: the path from the folder of its dags file, and after a ``#`` the
logical id of the pipeline in a template."""

VERSION_KEY = "sagemaker_pipelines_version"
"""In a Dag's default_args: which version of the pipeline it was made of, where the Pipelines API has written that."""


def record_file(dag: DAG, path: Path, folder: Path, logical_id: str | None = None) -> None:
    """Write into a Dag where its definition lies, unless that is outside of the dags file's folder."""
    if not folder.is_absolute():
        # No file has made the Dag, but a line of Python, wherever it was run.
        return
    location = Path(os.path.relpath(path, folder)).as_posix()
    if not location.startswith("../") and location == storable(location):
        dag.default_args[FILE_KEY] = location if logical_id is None else f"{location}#{logical_id}"
