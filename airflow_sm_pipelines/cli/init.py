"""``init``: what a dags folder needs to hold pipeline definitions."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from airflow_sm_pipelines.cli.dags_files import makers_below
from airflow_sm_pipelines.cli.errors import CommandError
from airflow_sm_pipelines.cli.terminal import write_lines
from airflow_sm_pipelines.sidecars.names import DEFAULTS

LOADER = "sagemaker_pipelines.py"
DEFINITIONS = "pipelines"

LOADER_TEXT = f'''\
"""Every SageMaker pipeline definition below the folder {DEFINITIONS} as a Dag."""

from airflow_sm_pipelines import load_dags

# When a Dag runs, who owns it, its pools and queues: in the files of settings beside the definitions. What they may not
# set, by dag id or by a glob of dag ids: overrides={{"abalone": {{"on_failure_callback": notify_the_team}}}}
globals().update(load_dags("{DEFINITIONS}"))
'''
SETTINGS_TEXT = """\
# Settings for all definitions in this folder and below. Those of one definition, abalone.json, go beside it into
# abalone.airflow.yaml, and those of a second Dag of it, abalone.prod, into abalone.prod.airflow.yaml.
# Each line below is an example: to use one, take the # away. `sm-pipelines lint` checks what is set here.

# owner: ml-team
# tags: [forecasting]

# schedule: 0 6 * * *
# start_date: 2026-01-05 Europe/Berlin
# catchup: false

# parameters:
#   MseThreshold: 5.0

# cache: false
# assets: models

# steps:
#   type:Training: {pool: default_pool, queue: cheap}
#   TrainAbalone: {execution_timeout: 4h, retries: 5, priority_weight: 10}
"""


def run(arguments: argparse.Namespace) -> int:
    """Write them; the exit status is 0, or 2 where one of them is there already, and then nothing is written."""
    folder = Path(arguments.folder)
    if not folder.is_dir():
        raise CommandError(f"there is no folder {arguments.folder!r}")
    files = files_of(folder)
    there = [str(path) for path in files if path.exists() or path.is_symlink()]
    if there:
        raise CommandError(f"{' and '.join(there)} {'is' if len(there) == 1 else 'are'} there already, and stays so")
    definitions = folder / DEFINITIONS
    for maker in makers_below([folder]):
        if maker.is_loader and maker.path == definitions.resolve():
            raise CommandError(
                f"{maker.place} makes Dags of {definitions} already: two would take them from each other"
            )
    if definitions.exists() and not definitions.is_dir():
        raise CommandError(f"{definitions} is no folder")
    is_new = not definitions.exists()
    definitions.mkdir(exist_ok=True)
    for path, text in files.items():
        # Never over a file that has come meanwhile.
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    write_lines([*([f"{definitions}/"] if is_new else []), *map(str, files)])
    write_lines([f"Put definitions into {definitions}, and look at them with: sm-pipelines lint {folder}"])
    return 0


def files_of(folder: Path) -> Mapping[Path, str]:
    """The files that are written, with their texts."""
    return {folder / LOADER: LOADER_TEXT, folder / DEFINITIONS / DEFAULTS: SETTINGS_TEXT}
