"""The examples of docs/semantics: each definition is run, and gives the requests, XComs and states that its page shows.

A page marks its blocks. ``<!-- endpoint {...} -->`` stands above a definition: what functions answer and jobs do there,
and how often it is run; ``<!-- conf -->`` above the conf of one more run. What comes of the last run is marked with
``request STEP``, ``xcom STEP KEY`` or ``states``; ``tasks`` are attributes of the Dag's tasks. What a page shows of an
object are some of its members, and ``<...>`` in a text stands for what is another one each time.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines import SageMakerPipelineDag
from tests.documentation.blocks import DOCS, Block, blocks_of, name_of
from tests.runs.harness import Airflow, Run

DAG_ID = "abalone"
RESULTS = ("conf", "request", "states", "tasks", "xcom")


def examples() -> list[tuple[Block, list[Block]]]:
    """Each definition with the blocks after it that show what comes of it."""
    found: list[tuple[Block, list[Block]]] = []
    for page in sorted((DOCS / "semantics").glob("*.md")):
        for block in blocks_of(page):
            word = block.mark.partition(" ")[0]
            if word == "endpoint":
                found.append((block, []))
            elif word in RESULTS:
                assert found[-1][0].page == block.page
                found[-1][1].append(block)
    return found


def is_as_shown(shown: Any, seen: Any) -> bool:
    match shown:
        case dict():
            return isinstance(seen, dict) and all(key in seen and is_as_shown(shown[key], seen[key]) for key in shown)
        case list():
            return (
                isinstance(seen, list)
                and len(shown) == len(seen)
                and all(is_as_shown(one, other) for one, other in zip(shown, seen, strict=True))
            )
        case str():
            pattern = ".+".join(re.escape(part) for part in re.split(r"<[^<>]+>", shown))
            return isinstance(seen, str) and re.fullmatch(pattern, seen, re.DOTALL) is not None
    return bool(shown == seen) and isinstance(seen, type(shown))


def request_of(airflow: Airflow, step: str) -> Any:
    """What the last call that was made for a step asked for: the payload of a function, else all of the request."""
    part = f"-{step.replace('_', '-')[:20]}-"
    for request in reversed(airflow.endpoint.requests()):
        if request.action == "Invoke" and request.parameters["FunctionName"].endswith(f":{step.lower()}"):
            return request.parameters["Payload"]
        if request.action.startswith("Create") and part in json.dumps(request.parameters):
            return request.parameters
    return None


def tasks_of(file: Path) -> dict[str, Any]:
    dag = SageMakerPipelineDag(file, dag_id=DAG_ID)
    return {
        task.task_id: {
            "pool": task.pool,
            "trigger_rule": str(getattr(task, "trigger_rule", "")),
            "upstream": sorted(task.upstream_task_ids),
        }
        for task in dag.tasks
    }


def answered(answer: Any, _event: Any) -> Any:
    return answer


def prepare(airflow: Airflow, settings: dict[str, Any]) -> None:
    airflow.endpoint.reset({"defaults": {"duration": 0.05}, "jobs": settings.get("jobs", [])})
    for name, answer in settings.get("functions", {}).items():
        airflow.endpoint.put_function(name, functools.partial(answered, answer))


@pytest.mark.parametrize(
    ("block", "shown"), examples(), ids=lambda value: str(value) if isinstance(value, Block) else ""
)
def test_an_example_is_what_a_run_gives(airflow: Airflow, block: Block, shown: list[Block], tmp_path: Path) -> None:
    settings = json.loads(block.mark.removeprefix("endpoint "))
    definition = json.loads(block.text)
    prepare(airflow, settings)
    file = tmp_path / f"{DAG_ID}.json"
    file.write_text(block.text)
    run: Run | None = None
    for _ in range(settings.get("runs", 1)):
        run = airflow.run(definition, dag_id=DAG_ID)
    for each in shown:
        word, *names = each.mark.split(" ")
        expected = json.loads(each.text)
        if word == "conf":
            run = airflow.run(definition, conf=expected, dag_id=DAG_ID)
            continue
        assert run is not None
        match word:
            case "request":
                seen = request_of(airflow, *names)
            case "xcom":
                seen = run.xcom(*names)
            case "tasks":
                seen = tasks_of(file)
            case _:
                seen = dict(run.states)
        assert is_as_shown(expected, seen), f"{each}: {json.dumps(seen, indent=1, default=str)}"


def test_the_pages_have_examples() -> None:
    """A page without one is of what a Dag is given, not of a definition; its Python is run by tests/documentation."""
    with_one = {block.page for block, shown in examples() if shown}
    others = {name_of(page) for page in (DOCS / "semantics").glob("*.md")} - with_one
    assert others == {
        "docs/semantics/definitions.md",
        "docs/semantics/failures.md",
        "docs/semantics/given-by-airflow.md",
        "docs/semantics/openlineage-and-assets.md",
    }
