"""The services of docker-compose.yaml under faults: do all runs end right, with one job for each attempt?

    python -m bench.cluster                 20 pipelines while a worker is killed, one is added, Redis is restarted,
                                            PostgreSQL's connections are cut, and the triggerer moves; then 100 jobs
                                            that end at once: is any try lost?
    python -m bench.cluster --at-once 0     the first part alone; --pipelines 0: the second one
    python -m bench.cluster --managed       with a new interpreter for each task, as managed Airflow has it
    python -m bench.cluster --local-executor --pipelines 0   the second part where the scheduler runs the tasks itself

It needs redis-server, and PostgreSQL as the tests do. The code it ends with is 1 where something does not hold.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.runs.harness import pipeline, training
from tests.system.api import AirflowApi
from tests.system.cluster import WORKERS, running
from tests.system.faults import SERVICES, SETTINGS, FaultyCluster, with_faults

JOB_SECONDS = 20.0
# Of the first part. The second one is about the pause that a trigger makes with the default interval.
LOOKS = {"AIRFLOW__SAGEMAKER_PIPELINES__POLL_INTERVAL": "2"}
MANAGED = {"AIRFLOW__CORE__EXECUTE_TASKS_NEW_PYTHON_INTERPRETER": "True"}
LOCAL_EXECUTOR = {"AIRFLOW__CORE__EXECUTOR": "LocalExecutor"}


def both_work(faulty: FaultyCluster) -> Iterator[tuple[str, bool]]:
    """With enough runs also the worker that is killed has taken some."""
    yield "both workers take steps", all(count > 0 for name, count in faulty.taken_by().items() if name in WORKERS)


def at_once(faulty: FaultyCluster, jobs: int) -> Iterator[tuple[str, bool]]:
    """Jobs that have ended when they are first looked at, ten in a run."""
    faulty.runs.clear()
    faulty.endpoint.reset({"defaults": {"duration": 0}})
    faulty.add({"at-once": pipeline(*(training(f"Step{number}") for number in range(10)))})
    for _ in range(jobs // 10):
        faulty.start("at-once")
    ends, tries = faulty.wait_for_end(), faulty.tries()
    faulty.tell(f"runs: {dict(ends)}; tries of tasks: {dict(sorted(tries.items()))}; {faulty.created()} jobs")
    yield f"{jobs} jobs that end at once: no failure", ends == {"success": jobs // 10}
    yield "no second try", set(tries) == {1} and faulty.created() == jobs


@contextmanager
def started(settings: Mapping[str, str], services: Sequence[str]) -> Iterator[FaultyCluster]:
    """A cluster of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalEndpoint(scenario={"defaults": {"duration": JOB_SECONDS}}) as endpoint,
        running(Path(folder), {}, {**endpoint.environment, **settings}, services) as cluster,
        AirflowApi(cluster.machine.url) as airflow,
    ):
        yield FaultyCluster(cluster, endpoint, airflow)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipelines", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=100, metavar="JOBS")
    parser.add_argument("--managed", action="store_true")
    parser.add_argument("--local-executor", action="store_true")
    options = parser.parse_args()
    if options.local_executor and options.pipelines:
        parser.error("The first part is about Celery's workers: give --pipelines 0, too.")
    chosen = ((LOOKS, options.pipelines), (MANAGED, options.managed), (LOCAL_EXECUTOR, options.local_executor))
    settings = dict(SETTINGS)
    for variables, wanted in chosen:
        settings |= variables if wanted else {}
    services = [name for name in SERVICES if not options.local_executor or name not in ("redis", *WORKERS)]
    holds = True
    with started(settings, services) as faulty:
        parts = []
        if options.pipelines:
            parts += [with_faults(faulty, options.pipelines), both_work(faulty)]
        if options.at_once:
            parts.append(at_once(faulty, options.at_once))
        for told, held in chain.from_iterable(parts):
            holds = holds and held
            faulty.tell(f"{'holds' if held else 'DOES NOT HOLD'}: {told}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
