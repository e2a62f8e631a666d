"""The Dag of a run: what the one dags file in the run's home calls."""

from __future__ import annotations

from pathlib import Path

from airflow_sm_pipelines.dag import SageMakerPipelineDag
from airflow_sm_pipelines.definition.findings import DefinitionError
from airflow_sm_pipelines.file_dags import FileDags, build
from airflow_sm_pipelines.running.request import RunRequest

TEXT = """\
from pathlib import Path

from airflow_sm_pipelines.running.dag_file import dag_of_run

dag = dag_of_run(Path(__file__).parent.parent)
"""


class NoSuchPipelineError(Exception):
    """The file holds no such definition, or several of which one has to be named."""


def write_dag_file(home: Path) -> Path:
    """Write the dags file; returns its path."""
    path = home / "dags" / "definition_run.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(TEXT)
    return path


def dag_of_run(home: Path) -> SageMakerPipelineDag:
    """The Dag of the request that was left in a home.

    :raises DefinitionError: for a definition or arguments that cannot be used
    :raises NoSuchPipelineError: where the file has not the one definition that is meant
    """
    request = RunRequest.read(home)
    path = Path(request.definition)
    dags = FileDags(path, Path(request.root))
    if request.pipeline is None:
        # Instances are meant where they are named.
        meant = [file for file in dags.files if file.instance is None]
    else:
        meant = [file for file in dags.files if file.dag_id == request.pipeline]
    if len(meant) != 1:
        names = ", ".join(repr(file.dag_id) for file in dags.files) or "none"
        wanted = "one pipeline definition" if request.pipeline is None else f"one pipeline {request.pipeline!r}"
        raise NoSuchPipelineError(f"{path} does not hold {wanted}: its pipelines are {names}")
    built = build(meant[0], dags.merged(meant[0], "the run", own=request.arguments))
    if isinstance(built, DefinitionError):
        raise built
    return built
