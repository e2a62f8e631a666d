"""The step cache on Airflow's real components: runs at once, restarts, the API that the UI asks, and clearing."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import pytest

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.runs.harness import pipeline, training
from tests.system.conftest import SharedAirflow
from tests.system.deployment import Deployment
from tests.system.processes import shown_on_failure

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

T = TypeVar("T")

DAG_ID, TASK = "cached", "Train"
JOB_SECONDS = 600
DAG_FILE = f"""
from airflow_sm_pipelines import SageMakerPipelineDag

dag = SageMakerPipelineDag("training.json", dag_id={DAG_ID!r})
"""
DEFINITION = pipeline(training(TASK, CacheConfig={"Enabled": True, "ExpireAfter": "P1M"}))


@dataclass(frozen=True)
class Bench:
    """A deployment and the endpoint that its jobs run on."""

    deployment: Deployment
    endpoint: LocalEndpoint

    def trigger(self) -> str:
        return self.deployment.airflow.trigger(DAG_ID)

    def run(self) -> str:
        """The id of a new run that has succeeded."""
        run_id = self.trigger()
        self.wait_for_success(run_id)
        return run_id

    def wait_for_success(self, run_id: str) -> None:
        end = self.deployment.processes.wait_until(
            lambda: self.deployment.airflow.ended(DAG_ID, run_id), f"end of {run_id}", timeout=300
        )
        assert end == "success"

    def until(self, check: Callable[[], T | None], what: str) -> T:
        return self.deployment.processes.wait_until(check, what, timeout=300)

    def links(self, run_id: str) -> dict[str, str | None]:
        """The task's links by their names; None for one that is not there."""
        path = f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{TASK}/links"
        links: dict[str, str | None] = self.deployment.airflow.call("GET", path)["extra_links"]
        return links

    def wait_for_jobs(self, count: int) -> None:
        self.deployment.processes.wait_until(
            lambda: len(self.endpoint.jobs("training")) == count or None, f"{count} jobs", timeout=300
        )

    def xcom(self, run_id: str, key: str) -> Any:
        path = f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{TASK}/xcomEntries/{key}"
        return self.deployment.airflow.call("GET", path, params={"deserialize": True})["value"]


@pytest.fixture
def bench(shared_airflow: SharedAirflow, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """The Airflow that all system tests share, with the Dag of this module."""
    deployment, endpoint = shared_airflow.deployment, shared_airflow.endpoint
    endpoint.reset({"defaults": {"duration": JOB_SECONDS}})
    deployment.add("step_cache", {"dag.py": DAG_FILE, "training.json": json.dumps(DEFINITION)}, {DAG_ID})
    with shown_on_failure(deployment.processes, request):
        yield Bench(deployment, endpoint)


def test_the_cache_lives_across_runs_and_restarts_until_it_is_cleared(bench: Bench) -> None:
    airflow = bench.deployment.airflow
    # Two at once both run: neither has a result yet.
    both = [bench.trigger(), bench.trigger()]
    bench.wait_for_jobs(2)
    bench.endpoint.advance(JOB_SECONDS)
    for run_id in both:
        bench.wait_for_success(run_id)

    hit = bench.run()
    assert len(bench.endpoint.jobs("training")) == 2
    source = bench.xcom(hit, "sagemaker")["cache_source"]["run_id"]
    assert source in both
    page = f"/dags/{DAG_ID}/runs/{source.replace(':', '%3A').replace('+', '%2B')}/tasks/{TASK}"
    # Airflow writes links and rendered fields once the task has succeeded.
    link = bench.until(lambda: bench.links(hit)["Cache source run"], "a link to the run of the result")
    assert link == f"{bench.deployment.site.url}{page}"
    bench.until(
        lambda: "CacheHit" in airflow.task(DAG_ID, hit, TASK)["rendered_fields"]["request"], "the request tells of it"
    )
    bench.deployment.wait_for_log(DAG_ID, hit, TASK, f"Cache hit: the result of the run {source} is used")
    # The asset gives access to the store and nothing else: a run updates none.
    assert airflow.call("GET", "/assets/events")["total_entries"] == 0

    for component in ("scheduler", "api-server", "triggerer"):
        bench.deployment.processes.kill(bench.deployment.process(component))
        bench.deployment.start(component)
    bench.deployment.processes.wait_until(lambda: _answers(bench) or None, "Airflow is back", timeout=300)
    bench.run()
    assert len(bench.endpoint.jobs("training")) == 2

    # A cleared task runs again where the kept result is its own, and the new result takes its place.
    airflow.clear_task(DAG_ID, source, TASK)
    bench.wait_for_jobs(3)
    bench.endpoint.advance(JOB_SECONDS)
    bench.wait_for_success(source)

    site = bench.deployment.site
    command = ["airflow", "sm-pipelines", "cache", "clear", DAG_ID, TASK]
    bench.deployment.processes.run("cache-clear", command, site.environment, site.home, timeout=300)
    last = bench.trigger()
    bench.wait_for_jobs(4)
    bench.endpoint.advance(JOB_SECONDS)
    bench.wait_for_success(last)


def _answers(bench: Bench) -> bool:
    try:
        return bench.deployment.airflow.healthy()
    except httpx.HTTPError:
        return False
