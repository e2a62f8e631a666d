"""``make demo``: the example pipeline, run to its end against the local AWS endpoint.

Without a scenario it is ``diabetes``, whose jobs really run; with one it is ``abalone``, whose jobs do what the
scenario says. The run is that of ``airflow sm-pipelines run``, with the folder ``.demo`` as its Airflow home. The exit
status is that of the run: 0 when it succeeded.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from demo_files import DEFINITION, JOBS_PYTHON, ROOT, save, upload

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.running.definition_run import run_definition
from airflow_sm_pipelines.running.showing import show

SIMULATED = ROOT / "dags" / "pipelines" / "abalone.json"
IMAGES = "*sagemaker-scikit-learn*"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", type=Path, nargs="?", help="what the jobs do, for the local AWS endpoint")
    parser.add_argument("--conf", type=_json, default={}, metavar="JSON", help="values of parameters")
    parser.add_argument("--home", type=Path, default=ROOT / ".demo", help="where the run's Airflow and results are")
    parser.add_argument(
        "--isolation",
        default="auto",
        choices=("auto", "bubblewrap", "paths"),
        help="how the jobs are kept apart from this machine: docs/local-mode.md",
    )
    options = parser.parse_args()
    is_real = options.scenario is None
    definition, told = (DEFINITION, "the jobs run") if is_real else (SIMULATED, options.scenario.name)
    with LocalEndpoint(scenario=real_jobs(options.isolation) if is_real else options.scenario) as endpoint:
        print(f"Local AWS endpoint: {endpoint.url} ({told})")
        if is_real:
            upload(endpoint.client("s3"))
        with run_definition(
            definition, conf=options.conf, endpoint=endpoint.url, settings={"poll_interval": "0.5"}, home=options.home
        ) as run:
            print(f"{definition.relative_to(ROOT)}  (log: {_short(run.log)})", flush=True)
            status = show(run)
        if is_real:
            _tell_results(endpoint, options.home / "results")
    return status


def real_jobs(isolation: str) -> dict[str, Any]:
    """A scenario by which the jobs with an image of scikit-learn run, by a Python that has it."""
    rule = {"image": IMAGES, "run": "process", "python": str(JOBS_PYTHON)}
    return {"runner": {"rules": [rule], "isolation": isolation}}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is no JSON: {error}") from None


def _short(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def _tell_results(endpoint: LocalEndpoint, results: Path) -> None:
    """Keep what the jobs have left, and print the metric, what it has led to, and where all of it is."""
    save(results, endpoint.jobs(), endpoint.client("s3"), endpoint.client("logs"))
    for report in sorted(results.glob("s3/*/**/evaluation.json")):
        metrics: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))["regression_metrics"]
        print(f"Mean squared error on the held-out rows: {metrics['mse']['value']:.2f}")
    for package in endpoint.jobs("model-package"):
        print(f"Registered: {package.arn}")
    print(f"Logs of the jobs:    {_short(results / 'logs')}")
    print(f"Objects in their S3: {_short(results / 's3')}")


if __name__ == "__main__":
    sys.exit(main())
