"""A folder of hostile files on Airflow's real components: each is told or runs, and all else goes on.

Hostile answers and messages to a live triggerer are in test_callbacks.py.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.hostile import FUNCTION, Hostile, call, document, hostile_files
from tests.system.deployment import Deployment, deployed
from tests.system.processes import shown_on_failure

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

GOOD = "good"
DAG_FILE = """
from airflow_sm_pipelines import load_dags

globals().update(load_dags("pipelines"))
"""
# One of each kind: to run them all would only take longer.
RUN = ("positive-argument", "negative-condition", "2-to-64-default", "integer-float-default", "long-display-name",
       "markdown-file", "__file__", "load_dags", "deep")  # fmt: skip
FAILED = "nul-in-step-type"


@dataclass(frozen=True)
class Bench:
    """The deployment, and the hostile files by name."""

    deployment: Deployment
    hostile: dict[str, Hostile]

    def until(self, check: Any, what: str) -> Any:
        """Wait for what ought to happen within seconds, while no component ends."""
        return self.deployment.processes.wait_until(check, what, timeout=300)

    def ends(self, dag_id: str, run_id: str) -> str:
        airflow = self.deployment.airflow
        state: str = self.until(lambda: airflow.ended(dag_id, run_id), f"end of {dag_id}")
        return state

    def dags(self) -> dict[str, dict[str, Any]]:
        """The listed Dags by id."""
        answers: list[dict[str, Any]] = []
        while True:
            where = {"limit": 100, "offset": len(answers), "exclude_stale": True}
            page = self.deployment.airflow.call("GET", "/dags", params=where)["dags"]
            answers += page
            if not page:
                return {dag["dag_id"]: dag for dag in answers}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """One Airflow whose folder holds a good definition and every hostile file."""
    folder = tmp_path_factory.mktemp("airflow")
    with LocalEndpoint() as endpoint:
        endpoint.put_function(FUNCTION.rpartition(":")[2], lambda _event: {"n": 1})
        hostile = {file.name: file for file in hostile_files() if not file.is_large}
        files: dict[str, str | bytes] = {"dags.py": DAG_FILE, f"pipelines/{GOOD}.json": json.dumps(document(call()))}
        for file in hostile.values():
            files |= {f"pipelines/{path}": content for path, content in file.files.items()}
        with (
            deployed(folder, endpoint.environment, files) as deployment,
            shown_on_failure(deployment.processes, request),
        ):
            bench = Bench(deployment, hostile)
            bench.until(lambda: GOOD in bench.dags(), "the good Dag is listed")
            yield bench


def told_of(bench: Bench, dag_id: str) -> str:
    """A Dag's documentation as plain text."""
    details = bench.deployment.airflow.call("GET", f"/dags/{dag_id}/details")
    return (details["doc_md"] or "").replace("\\", "")


def test_each_hostile_file_is_a_dag_that_tells_its_findings_or_is_good(bench: Bench) -> None:
    dags = bench.dags()
    assert bench.deployment.airflow.import_errors() == []
    files = sum(len(file.files) for file in bench.hostile.values()) + 1
    assert len(dags) == files, f"{files} definitions, and {len(dags)} Dags: {sorted(dags)}"
    wrong = []
    for file in bench.hostile.values():
        if file.dag_id:
            tags = {tag["name"] for tag in dags[file.dag_id]["tags"]}
            in_error = "definition-error" in tags
            if in_error != (file.expected == "finding") or file.told not in told_of(bench, file.dag_id):
                wrong.append((file.name, file.expected, told_of(bench, file.dag_id)[:500]))
    assert not wrong
    bench.deployment.processes.check_running()


def test_the_good_and_the_odd_run_and_the_broken_fail_with_their_finding(bench: Bench) -> None:
    airflow = bench.deployment.airflow
    ids = [GOOD, *(bench.hostile[name].dag_id for name in RUN)]
    broken = bench.hostile[FAILED]
    runs = {dag_id: airflow.trigger(dag_id) for dag_id in [*ids, broken.dag_id]}
    states = {dag_id: bench.ends(dag_id, run_id) for dag_id, run_id in runs.items()}
    assert states == {**dict.fromkeys(ids, "success"), broken.dag_id: "failed"}
    bench.deployment.wait_for_log(broken.dag_id, runs[broken.dag_id], "definition_error", broken.told)
    bench.deployment.processes.check_running()
