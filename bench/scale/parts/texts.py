"""Large texts: a definition of 1 MB, and jobs whose requests, and so their Describe responses, have 200 KB."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from bench.scale.lines import Judged, Line, Told, scaled, seconds, size_of
from bench.scale.one_process import BY_HAND, OURS, airflow, is_right, run_by_hand, run_ours
from bench.scale.parts.definition import fastest
from bench.scale.samples import by_hand, fan, texts

WHAT = "A definition of 1 MB, and Describe responses of 200 KB"
STEPS = 50
TEXTS, LENGTH = 8, 2500
RUN_STEPS = 3
RUN_TEXTS = 80
TABLES = {
    "XCom": ("xcom", "value"),
    "task_state_store": ("task_state_store", "value"),
    "rendered fields": ("rendered_task_instance_fields", "rendered_fields"),
}


def measure(size: float) -> Iterator[Told]:
    from airflow.serialization.serialized_objects import DagSerialization

    from airflow_sm_pipelines import SageMakerPipelineDag

    definition = fan(scaled(STEPS, size), HyperParameters=texts(TEXTS, LENGTH))
    text = json.dumps(definition)
    source = compile(by_hand(definition, [BY_HAND], ""), "by_hand.py", "exec")

    def plain() -> Any:
        names: dict[str, Any] = {}
        exec(source, names)  # noqa: S102 # the file that this module has written
        return names[BY_HAND]

    def ours() -> Any:
        return SageMakerPipelineDag(text, dag_id=OURS)

    taken = fastest({"ours": ours, "plain": plain})
    what = f"a definition of {size_of(len(text))}, {len(definition['Steps'])} steps → built Dag, CPU"
    yield Line(what, seconds(taken["ours"]), seconds(taken["plain"]))
    dags = {"ours": ours(), "plain": plain()}
    taken = fastest({name: partial(DagSerialization.to_dict, dag) for name, dag in dags.items()})
    sizes = [len(json.dumps(DagSerialization.to_dict(dag))) for dag in dags.values()]
    yield Line("serialized, CPU", seconds(taken["ours"]), seconds(taken["plain"]))
    yield Line("serialized, bytes", size_of(sizes[0]), size_of(sizes[1]))
    yield from run_of_large_jobs(scaled(RUN_TEXTS, size))


def run_of_large_jobs(count: int) -> Iterator[Told]:
    definition = fan(RUN_STEPS, HyperParameters=texts(count, LENGTH))
    request = len(json.dumps(definition["Steps"][0]["Arguments"]))
    with airflow() as to:
        for whose, run_it in (("ours", run_ours), ("the provider's", run_by_hand)):
            holds, seen = is_right(to, run_it(to, definition), RUN_STEPS)
            yield Judged(f"each step of {whose} has succeeded, with one job", holds, seen)
        for table, (name, column) in TABLES.items():
            mine, theirs = left(name, column, OURS), left(name, column, BY_HAND)
            what = f"{table} of a step whose request has {size_of(request)}"
            yield Line(what, size_of(sum(mine.values())), size_of(sum(theirs.values())))
            for key in sorted(mine | theirs) if table == "XCom" else ():
                yield Line(f"… XCom `{key}`", size_of(mine.get(key, 0)), size_of(theirs.get(key, 0)))


def left(table: str, column: str, dag_id: str) -> dict[str, float]:
    """The bytes of a step's rows in a table, by their key where they have one."""
    from airflow.utils.session import create_session
    from sqlalchemy import text

    key = "''" if table == "rendered_task_instance_fields" else "key"
    query = f"SELECT {key}, sum(length({column})) FROM {table} WHERE dag_id = :dag_id GROUP BY 1"  # noqa: S608 # names of this module
    with create_session() as session:
        return {str(name): float(size) / RUN_STEPS for name, size in session.execute(text(query), {"dag_id": dag_id})}
