"""The dags file of a store: it makes a Dag of each pipeline in its folder."""

from __future__ import annotations

from airflow_sm_pipelines.store.files import Files

NAME = "load_pipelines.py"
_TEXT = '''"""Made by airflow-sm-pipelines, and written again where it was changed: Dags of the pipelines beside it."""

from airflow_sm_pipelines import load_dags

globals().update(load_dags("{folder}", dag_ids="stem", is_paused_upon_creation={paused}))
'''


def loader_text(paused: bool | None, folder: str = ".") -> str:
    """The file's text. ``paused`` is whether new Dags are, None for what Airflow's own setting says; ``folder`` is that
    of the definitions, from the file on.
    """
    return _TEXT.format(paused=paused, folder=folder)


def write_loader(files: Files, *, unpaused: bool) -> None:
    """Put the file into the store's folder, where it is not there as it should be."""
    content = loader_text(False if unpaused else None).encode()
    if files.read(NAME) != content:
        files.write(NAME, content)
