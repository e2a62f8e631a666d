"""A folder of documents through the Dag processor into PostgreSQL, and out again by the API; each Dag is triggered."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import quote

from airflow.models.serialized_dag import SerializedDagModel

from tests.fuzz.site import api, forget, one, write
from tests.fuzz.ways.parsing import GOOD, Folder, Parsing

PAGES = (
    "/api/v2/dags/{id}/details",
    "/api/v2/dags/{id}/tasks",
    "/ui/structure/structure_data?dag_id={id}",
    "/api/v2/dagSources/{id}",
)


class Storing(Parsing):
    """The input is that of :class:`Parsing`."""

    documents = 10
    looked_at = 3
    counted = documents

    def take(self, given: Folder) -> str:
        result = self.parsed(given)
        write(result)
        try:
            listed = one(api().get("/api/v2/dags", params={"limit": 100}))["dags"]
            ids = {dag.dag_id for dag in result.serialized_dags}
            assert {dag["dag_id"] for dag in listed} == ids
            assert one(api().get("/api/v2/importErrors"))["total_entries"] == 0
            # Which ones are looked at follows from the input, so that a find comes again.
            chance = random.Random(repr(given))
            for dag_id in chance.sample(sorted(ids), min(self.looked_at, len(ids))):
                _look_at(dag_id)
        finally:
            forget()
        return "stored"


def _look_at(dag_id: str) -> None:
    """The Dag is read as the scheduler reads it, shown, and run: at least its run begins."""
    read = SerializedDagModel.get_dag(dag_id)
    assert read is not None
    assert read.dag_id == dag_id
    for page in PAGES:
        one(api().get(page.format(id=quote(dag_id, safe=""))))
    path = f"/api/v2/dags/{quote(dag_id, safe='')}/dagRuns"
    run: Any = one(api().post(path, json={"logical_date": None}), 200, 400)
    assert dag_id != GOOD or "dag_run_id" in run, run
    if "dag_run_id" in run:
        tasks = one(api().get(f"{path}/{quote(run['dag_run_id'], safe='')}/taskInstances", params={"limit": 100}))
        assert tasks["total_entries"] == len(read.tasks) or any(task.is_mapped for task in read.tasks)
