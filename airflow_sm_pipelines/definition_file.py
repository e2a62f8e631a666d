"""Where the file of a Dag's definition lies, told to the API server by the Dag itself."""

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


def tell_file(dag: DAG, path: Path, folder: Path, logical_id: str | None = None) -> None:
    """Let a Dag tell where its definition lies; one outside of the dags file's folder is not told."""
    if not folder.is_absolute():
        # No file has made the Dag, but a line of Python, wherever it was run.
        return
    told = Path(os.path.relpath(path, folder)).as_posix()
    if not told.startswith("../") and told == storable(told):
        dag.default_args[FILE_KEY] = told if logical_id is None else f"{told}#{logical_id}"
