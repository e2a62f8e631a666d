"""Data that a step meets as it runs: a JSON file in S3, a Lambda function's answer, the items of a ForEach step.

The first two come through real clients.
"""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import botocore.loaders
import botocore.session
from airflow.sdk import DAG
from msgspec import msgpack

from airflow_sm_pipelines import SageMakerPipelineDag
from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.definition.text import storable
from airflow_sm_pipelines.expressions.for_each import ForEachError, items_of
from airflow_sm_pipelines.local.endpoint import aws_environment
from airflow_sm_pipelines.operators.step import StepOperator
from tests.definition.build import condition, document, equals, for_each, get, parameter, step
from tests.fuzz.documents import OUTPUTS, PARAMETERS
from tests.fuzz.storable import check_storable, check_told
from tests.fuzz.wild import TEXTS, scalar, value, written
from tests.fuzz.wild_aws import WildAws

JSON_GET = {"Std:JsonGet": {"S3Uri": "s3://bucket/file.json", "Path": "a"}}
MEMBERS = [output["OutputName"] for output in OUTPUTS]
DEFINITION = document(
    condition(
        "Compare",
        (
            {"Type": "LessThan", "LeftValue": JSON_GET, "RightValue": 1},
            {"Type": "In", "QueryValue": JSON_GET, "Values": [1, "x"]},
        ),
    ),
    condition("Same", (equals(JSON_GET, "x"),)),
    step("Tell", "Fail", {"ErrorMessage": {"Std:Join": {"On": "", "Values": ["a", JSON_GET]}}}),
    step("Call", "Lambda", {}, FunctionArn="f", OutputParameters=OUTPUTS),
    step("Give", "Lambda", {"x": JSON_GET, "y": {"Std:Join": {"On": "", "Values": [JSON_GET]}}}, FunctionArn="f"),
    for_each("Loop", (step("Body", "Lambda", {"x": get("ForEach.CurrentItem")}, FunctionArn="f"),)),
    Parameters=[*PARAMETERS, parameter("Items", DefaultValue='["a"]')],
)


@dataclass
class Store:
    """A task's state store: what is put there has to be storable, and comes back as it was stored."""

    kept: dict[str, Any] = field(default_factory=dict)

    def get(self, key: str, default: Any = None) -> Any:
        return json.loads(self.kept[key]) if key in self.kept else default

    def set(self, key: str, value_: Any, **_: Any) -> None:
        check_storable(value_)
        self.kept[key] = json.dumps(value_)


@dataclass
class TaskInstance:
    """As much of a task's own instance as a step uses."""

    task_id: str
    try_number: int = 1
    max_tries: int = 3
    map_index: int = -1
    dag_id: str = "wild"
    run_id: str = "r"
    items: Any = None
    """What the first task of a ForEach step has left."""

    def xcom_push(self, key: str, value: Any) -> None:  # Airflow's name for it
        check_storable(value)

    def xcom_pull(self, **_: Any) -> Any:
        return self.items

    def skip_downstream(self, *_: Any) -> None:
        return None


class Meeting:
    """The input is the step that meets the data, and the data's bytes."""

    counted = 1

    def __init__(self) -> None:
        self._aws = WildAws()
        os.environ.update(aws_environment(self._aws.url))
        loader = botocore.loaders.create_loader()
        # A Lambda step makes a client for each call: what botocore reads from its files is read once.
        botocore.session.create_loader = lambda _path: loader
        self._dag: DAG = SageMakerPipelineDag(DEFINITION, dag_id="wild")
        # The last task of a ForEach step looks at the states of its children, of which there are none here.
        tasks = (task for task in self._dag.tasks if task.task_id != "Loop.ForEach.result")
        self._tasks = [task for task in tasks if isinstance(task, StepOperator)]
        for task in self._tasks:
            # A task's copy shares the clients that its original has.
            task.access.client("s3")

    def make(self, chance: random.Random) -> tuple[str, bytes]:
        task = chance.choice([task.task_id for task in self._tasks])
        made = scalar(chance) if chance.random() < 0.8 else value(chance)
        if task == "Call":
            content = written({name: made if chance.random() < 0.5 else scalar(chance) for name in MEMBERS})
            if chance.random() < 0.1:
                content = written({"errorMessage": made, "errorType": scalar(chance)})
        elif task.startswith("Loop"):
            content = written([made, scalar(chance)])
        else:
            content = written({"a": made})
        if chance.random() < 0.1:
            content = written(made) or chance.choice(TEXTS)
        data = content.encode("utf-8", "surrogatepass")
        return task, data if chance.random() < 0.95 else data[: chance.randrange(len(data) + 1)] + b"\xff\xfe"

    def take(self, given: tuple[str, bytes]) -> str:
        os.environ.update(aws_environment(self._aws.url))
        task_id, self._aws.content = given
        operator: Any = self._dag.task_dict[task_id].prepare_for_execution()
        ti = TaskInstance(task_id)
        if task_id == "Loop.Body":
            ti = TaskInstance(task_id, map_index=0, items=_items(self._aws.content))
        run = SimpleNamespace(dag_id="wild", run_id="r", conf={}, run_after=datetime.now(UTC))
        params = {name: param.value for name, param in self._dag.params.items()}
        # The Param's schema would refuse a text that cannot be stored, so it gets none.
        params["Items"] = storable(self._aws.content.decode("utf-8", "replace"))
        context = {
            "ti": ti,
            "task_instance": ti,
            "task": operator,
            "dag_run": run,
            "params": params,
            "dag": self._dag,
            "task_state_store": Store(),
            "run_id": "r",
        }
        # A rendered field passes between processes, and is kept as text.
        msgpack.encode(operator.resolve_request(context))
        try:
            check_storable(operator.execute(context))
        except StepFailure as failure:
            check_told(failure)
            return "failure"
        return "result"


def _items(content: bytes) -> Any:
    try:
        return items_of(storable(content.decode("utf-8", "replace")))
    except ForEachError:
        return None
