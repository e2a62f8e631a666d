"""Runs in this process, as ``airflow dags test`` does them, and what they leave in the database."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from bench.scale.samples import by_hand
from tests.runs.harness import Airflow, Run

OURS = "pipeline"
BY_HAND = "byhand"
WAITING = "wait_for_completion=True, check_interval=1, print_log=False, deferrable=False"


@contextlib.contextmanager
def airflow() -> Iterator[Airflow]:
    """Airflow's database in a file, an empty dags folder, and the local AWS endpoint, whose jobs end at once."""
    from airflow.utils.db import initdb

    initdb()
    folder = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    folder.mkdir(parents=True)
    with LocalEndpoint(scenario={"defaults": {"duration": 0.01}}) as endpoint:
        os.environ.update(endpoint.environment)
        yield Airflow(folder, endpoint)


def run_ours(to: Airflow, definition: Mapping[str, Any]) -> Run:
    to.endpoint.reset()
    return to.run(definition)


def run_by_hand(to: Airflow, definition: Mapping[str, Any]) -> Run:
    """The same by the provider's operators."""
    to.endpoint.reset()
    (to.folder / "by_hand.py").write_text(by_hand(definition, [BY_HAND], WAITING))
    return to.test(BY_HAND)


def is_right(to: Airflow, run: Run, steps: int) -> tuple[bool, str]:
    """Whether each step has succeeded with one job that ended, and what was seen."""
    jobs = to.endpoint.jobs("training")
    ended = [job for job in jobs if job.status == "Completed"]
    well = sum(state == "success" for state in run.states.values())
    seen = f"{well} of {len(run.states)} tasks succeeded, {len(jobs)} jobs, {len(jobs) - len(ended)} of them not ended"
    return run.state == "success" and well == steps == len(jobs) == len(ended), seen
