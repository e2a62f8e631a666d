"""``make demo``: the example pipeline, run to its end by ``airflow dags test`` against the local AWS endpoint.

Everything stays in the folder ``.demo``: Airflow's home with its SQLite database, and the log of the run.
The exit status is that of the run: 0 when it succeeded.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".demo"
LOG = HOME / "airflow-dags-test.log"
MIGRATED = HOME / "migrated"

AIRFLOW_SETTINGS = {
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME / 'airflow.db'}",
    "AIRFLOW__SAGEMAKER_PIPELINES__POLL_INTERVAL": "0.5",
    "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
}
AWS_SETTINGS = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", type=Path, help="what the jobs do, for the local AWS endpoint")
    parser.add_argument("--dag", default="abalone", help="the Dag to run (default: %(default)s)")
    options = parser.parse_args()

    HOME.mkdir(exist_ok=True)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        os.environ.pop(name, None)
    os.environ.update(AIRFLOW_SETTINGS | AWS_SETTINGS)
    started = time.monotonic()

    from airflow_sm_pipelines.local.endpoint import LocalEndpoint

    with LocalEndpoint(scenario=options.scenario) as endpoint:
        os.environ["AWS_ENDPOINT_URL"] = endpoint.url
        print(f"Local AWS endpoint: {endpoint.url} ({options.scenario.name})")
        print(f"airflow dags test {options.dag}  (log: {LOG.relative_to(ROOT)})", flush=True)
        with everything_into(LOG):
            run_airflow("db", "migrate", unless=MIGRATED)
            run_airflow("dags", "test", options.dag)
        succeeded = report(options.dag)
    print(f"{'Succeeded' if succeeded else 'Failed'} after {time.monotonic() - started:.1f} s")
    return 0 if succeeded else 1


def run_airflow(*arguments: str, unless: Path | None = None) -> None:
    """Airflow's own command line, in this process; what ``unless`` marks as done is not done again."""
    if unless is not None and unless.exists():
        return
    from airflow.__main__ import main as airflow

    before = sys.argv
    sys.argv = ["airflow", *arguments]
    try:
        airflow()
    except SystemExit as ended:
        if ended.code not in (None, 0):
            print(f"airflow {' '.join(arguments)} ended with {ended.code}", file=sys.stderr)
    finally:
        sys.argv = before
    if unless is not None:
        unless.touch()


@contextlib.contextmanager
def everything_into(log: Path) -> Iterator[None]:
    """All output of this process, and of what it starts, goes to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    with log.open("wb") as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, original in zip((1, 2), kept, strict=True):
                os.dup2(original, descriptor)
                os.close(original)


def report(dag_id: str) -> bool:
    """Print a line for each step of the newest run, and tell whether the run succeeded."""
    from airflow.models import DagRun, TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id).order_by(DagRun.id.desc()).limit(1))
        if run is None:
            print(f"There is no run of {dag_id}: see {LOG.relative_to(ROOT)}")
            return False
        tasks = session.scalars(
            select(TaskInstance)
            .where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run.run_id)
            .order_by(TaskInstance.start_date.is_(None), TaskInstance.start_date, TaskInstance.task_id)
        ).all()
        print()
        for task in tasks:
            values = {
                row.key: XComModel.deserialize_value(row)
                for row in session.scalars(
                    select(XComModel).where(
                        XComModel.dag_id == dag_id,
                        XComModel.run_id == run.run_id,
                        XComModel.task_id == task.task_id,
                    )
                )
            }
            print(line_of(task.task_id, str(task.state), seconds(task.start_date, task.end_date), values))
        print()
        if run.state != "success":
            for task in tasks:
                if task.state == "failed":
                    print(f"{task.task_id} failed: {reason_in_log(task.task_id)}")
        return bool(run.state == "success")


def line_of(step: str, state: str, duration: str, values: dict[str, Any]) -> str:
    job = values.get("sagemaker", {}).get("job_name", "-").rsplit(":", 1)[-1]
    return f"{state:8} {step:28} {duration:>7}  {job:58} {produced(values.get('return_value') or {})}".rstrip()


def produced(result: dict[str, Any]) -> str:
    """What a step's result says that it made."""
    if "Outcome" in result:
        return f"branch taken: {'if' if result['Outcome'] else 'else'}"
    if "ModelArtifacts" in result:
        return str(result["ModelArtifacts"]["S3ModelArtifacts"])
    outputs = result.get("ProcessingOutputConfig", {}).get("Outputs", [])
    if outputs:
        uris = [output["S3Output"]["S3Uri"] for output in outputs]
        return uris[0] if len(uris) == 1 else f"{len(uris)} outputs in {os.path.commonpath(uris).replace(':/', '://')}"
    return str(result.get("ModelPackageArn") or result.get("ModelArn") or "")


def seconds(start: datetime | None, end: datetime | None) -> str:
    return f"{(end - start).total_seconds():.1f} s" if start and end else "-"


def reason_in_log(step: str) -> str:
    """The failure of a step in the words of its part of the log, which follows the line that starts it."""
    found, in_step = "see the log", False
    for line in LOG.read_text(errors="replace").splitlines():
        if "starting task_id=" in line:
            in_step = f"starting task_id={step} " in line
        elif in_step and "StepFailure: " in line:
            found = line.split("StepFailure: ", 1)[1]
    return found


if __name__ == "__main__":
    sys.exit(main())
