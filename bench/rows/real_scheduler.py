"""One training job on a real Airflow, by our step and by the provider's operator, in turn.

Scheduler with LocalExecutor, triggerer, dag-processor and API server on PostgreSQL; the local AWS endpoint's job takes
some seconds. Both defer and look each second; else the provider's operator has its defaults. ``queued → Create`` is
from Airflow's time of queueing until AWS gets the call, ``job end → success`` from the job's end in AWS until the
task's. The two processes of a task (until it defers, and after it) write at their ends what they cost
(:mod:`bench.task_figures`).
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from bench import task_figures
from bench.measuring import Figure, ratios
from tests.runs.harness import IMAGE, ROLE, pipeline, training
from tests.system.deployment import Deployment, deployed

ROUNDS = 10
JOB_SECONDS = 6
CREATE = "CreateTrainingJob"
TASK = "Train"
LIMIT = 1.0
PATIENCE = 300
LOADER = "from airflow_sm_pipelines import load_dags\n\nglobals().update(load_dags('definitions'))\n"
PROVIDERS = f"""
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTrainingOperator
from airflow.sdk import DAG

with DAG("provider", schedule=None):
    SageMakerTrainingOperator(
        task_id={TASK!r},
        deferrable=True,
        check_interval=1,
        config={{
            "TrainingJobName": "job-{{{{ ti.id }}}}",
            "AlgorithmSpecification": {{"TrainingImage": {IMAGE!r}, "TrainingInputMode": "File"}},
            "OutputDataConfig": {{"S3OutputPath": "s3://bucket/out"}},
            "ResourceConfig": {{"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}},
            "StoppingCondition": {{"MaxRuntimeInSeconds": 3600}},
            "RoleArn": {ROLE!r},
        }},
    )
"""


class Taken(Struct, frozen=True):
    """Seconds of a task, and what its two processes cost by name (see :mod:`bench.task_figures`)."""

    until_create: float
    until_success: float
    processes: tuple[dict[str, Any], dict[str, Any]]


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        taken = _taken(Path(folder))
    for what, of in (("queued → Create", _until_create), ("job end → success", _until_success)):
        yield _figure(what, "{:.2f} s", taken, of)
    for number, which in enumerate(("until it defers", "after it")):
        for key, what, form in (
            ("peak", "peak memory", "{:.0f} MiB"),
            ("private", "memory of its own", "{:.0f} MiB"),
            ("modules", "modules imported", "{:.0f}"),
            ("cpu", "CPU time", "{:.2f} s"),
        ):
            limit = LIMIT if key in ("peak", "modules") else None
            yield _figure(f"task's process {which}: {what}", form, taken, _of_process(number, key), limit)


def _until_create(each: Taken) -> float:
    return each.until_create


def _until_success(each: Taken) -> float:
    return each.until_success


def _of_process(number: int, key: str) -> Callable[[Taken], float]:
    return lambda each: float(each.processes[number][key])


def _figure(
    what: str, form: str, taken: dict[str, list[Taken]], of: Callable[[Taken], float], limit: float | None = LIMIT
) -> Figure:
    ours, other = ([of(each) for each in taken[side]] for side in ("ours", "provider"))
    texts = [form.format(statistics.median(values)) for values in (ours, other)]
    return Figure(what, texts[0], texts[1], ratios(ours, other), limit)


def _taken(folder: Path) -> dict[str, list[Taken]]:
    plugins, figures = folder / "plugins", folder / "figures"
    plugins.mkdir()
    figures.touch()
    shutil.copy(task_figures.__file__, plugins)
    files: dict[str, str | bytes] = {
        "dags.py": LOADER,
        "definitions/ours.json": json.dumps(pipeline(training(TASK))),
        "provider.py": PROVIDERS,
    }
    settings = {
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins),
        "AIRFLOW__SAGEMAKER_PIPELINES__POLL_INTERVAL": "1",
        "AIRFLOW__SAGEMAKER_PIPELINES__POLL_INTERVAL_MAX": "1",
        task_figures.VARIABLE: str(figures),
    }
    taken: dict[str, list[Taken]] = {"ours": [], "provider": []}
    with (
        LocalEndpoint(scenario={"defaults": {"duration": JOB_SECONDS}}) as endpoint,
        deployed(folder / "airflow", {**endpoint.environment, **settings}, files) as deployment,
    ):
        deployment.processes.wait_until(
            lambda: deployment.airflow.dag_ids() >= taken.keys(), "the Dags are listed", timeout=PATIENCE
        )
        for number in range(ROUNDS + 1):
            for dag_id, of_side in taken.items():
                one = _run(deployment, endpoint, dag_id, figures)
                if number:
                    of_side.append(one)
    return taken


def _run(deployment: Deployment, endpoint: LocalEndpoint, dag_id: str, figures: Path) -> Taken:
    airflow, wait_until = deployment.airflow, deployment.processes.wait_until
    known = len(endpoint.requests("sagemaker", CREATE))
    run_id = airflow.trigger(dag_id)
    created = wait_until(
        lambda: (endpoint.requests("sagemaker", CREATE)[known:] or (None,))[0], "the Create", timeout=PATIENCE
    )
    # The time of queueing is written again when the task comes back from its trigger.
    queued = _time(airflow.task(dag_id, run_id, TASK)["queued_when"])
    end = wait_until(lambda: airflow.ended(dag_id, run_id), "the run's end", timeout=PATIENCE)
    if end != "success":
        raise RuntimeError(f"{dag_id}: {end}\n{airflow.task_log(dag_id, run_id, TASK)}")
    succeeded = _time(airflow.task(dag_id, run_id, TASK)["end_date"])
    job = endpoint.jobs("training")[-1]
    if job.name != created.parameters["TrainingJobName"] or job.ended is None:
        raise RuntimeError(f"{job} is not the job of {created}")
    lines = wait_until(lambda: _lines(figures), "what the two processes cost", timeout=PATIENCE)
    figures.write_text("")
    return Taken(created.time - queued, succeeded - job.ended, lines)


def _lines(figures: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Once both processes of a task have ended."""
    text = figures.read_text()
    if text.count("\n") < 2:
        return None
    first, second = map(json.loads, text.splitlines())
    # So that the next run begins on a machine that is at rest.
    time.sleep(1)
    return first, second


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
