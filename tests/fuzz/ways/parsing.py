"""A folder of documents as the Dag processor takes it: parsed, serialized, packed, unpacked, and read again."""

from __future__ import annotations

import copy
import json
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

import structlog
from airflow.dag_processing.processor import DagFileParseRequest, DagFileParsingResult, ToManager, _parse_file
from airflow.models.serialized_dag import SerializedDagModel
from airflow.sdk.execution_time.comms import _RequestFrame
from airflow.serialization.serialized_objects import BaseSerialization, DagSerialization
from msgspec import msgpack
from pydantic import TypeAdapter

from tests.fuzz.documents import small, wild_document
from tests.fuzz.storable import check_json
from tests.fuzz.wild import TEXTS

BUNDLE = "dags-folder"
FILE = """from airflow_sm_pipelines import load_dags

globals().update(load_dags("pipelines"{arguments}))
"""
ARGUMENTS = ("", ', unsupported_steps="placeholder"', ', schedule="@daily"', ', tags=["x"], unsupported_keys="error"')
GOOD = "a-good-one"
NAMES = (
    "__file__", "load_dags", "globals", "dags", "x.md", "é", "a b", "..x", "x" * 200, "README.md", "{{ ds }}", "x\ny",
    "x\x1b", "__init__", "a'b\"c", "BaseOperator", "airflow", "json", "\udcff\udcfe", "\u202e", "-",
    "x" * 120 + "/" + "y" * 140,
)  # fmt: skip
MESSAGES: TypeAdapter[Any] = TypeAdapter(ToManager)
WIDTHS = {
    "dag_display_name": 2000,
    "_dag_display_property_value": 2000,
    "dag_id": 250,
    "task_id": 250,
    "task_display_name": 2000,
}

Folder = dict[str, Any]


class Parsing:
    """The input is a folder: the dags file's text, and documents by file name, the good one among them."""

    documents = 8
    counted = documents

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="fuzz-dags-"))

    def make(self, chance: random.Random) -> Folder:
        names = [f"d{number}" for number in range(self.documents - 1)]
        for _ in range(2):
            names[chance.randrange(len(names))] = chance.choice(NAMES)
        texts = {f"{name}.json": wild_document(chance) for name in names}
        if chance.random() < 0.2:
            wrapper = {"PipelineName": chance.choice(TEXTS), "PipelineDefinition": json.dumps(chance.choice(small()))}
            texts["w.json"] = json.dumps(wrapper)
        file = FILE.format(arguments=chance.choice(ARGUMENTS))
        return {"dags.py": file, **texts, f"{GOOD}.json": json.dumps(small()[0])}

    def take(self, given: Folder) -> str:
        result = self.parsed(given)
        for dag in result.serialized_dags:
            _check_dag(dag.data)
        return "parsed"

    def parsed(self, given: Folder) -> DagFileParsingResult:
        """What reaches the Dag processor's manager: nothing is lost of the folder, and no file is in error."""
        shutil.rmtree(self.root, ignore_errors=True)
        expected = 0
        for name, text in given.items():
            path = self.root / name if name.endswith(".py") else self.root / "pipelines" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8", "surrogatepass"))
            expected += _is_definition(name, text)
        request = DagFileParseRequest(file=str(self.root / "dags.py"), bundle_path=self.root, bundle_name=BUNDLE)
        result = _parse_file(request, structlog.get_logger("task"))
        assert result is not None
        message = self._sent(result)
        assert not message.import_errors, message.import_errors
        ids = [dag.dag_id for dag in message.serialized_dags]
        assert GOOD in ids, ids
        assert len(ids) == expected, f"{expected} definitions, {len(ids)} Dags: {ids}"
        good = next(dag for dag in message.serialized_dags if dag.dag_id == GOOD)
        assert "definition-error" not in good.data["dag"]["tags"], good.data["dag"].get("doc_md")
        return message

    @staticmethod
    def _sent(result: DagFileParsingResult) -> DagFileParsingResult:
        """The result after its way from the parse process to the manager."""
        frame = _RequestFrame(id=0, body=result.model_dump()).as_bytes()
        body = msgpack.decode(memoryview(frame)[4:], type=_RequestFrame).body
        message: DagFileParsingResult = MESSAGES.validate_python(body)
        return message


def _is_definition(name: str, text: str) -> bool:
    """Whether a file has to become a Dag, good or in error."""
    # A hidden file is none, whatever it holds.
    if not name.endswith(".json") or name.startswith("."):
        return False
    try:
        # Python's own refuses a number of more than 4,300 digits; a document without steps is none for all that.
        document = json.loads(text.encode("utf-8", "surrogatepass"), parse_int=len)
    except (ValueError, RecursionError):
        return True
    return not isinstance(document, dict) or "Steps" in document or "PipelineDefinition" in document


def _check_dag(data: Any) -> None:
    """The serialized Dag can be stored as it is, and what is read again is what was written."""
    check_json(data)
    _check_widths(data)
    assert SerializedDagModel.hash(copy.deepcopy(data))
    stored = json.loads(json.dumps(data))
    read = DagSerialization.from_dict(copy.deepcopy(stored))
    assert read.dag_id == stored["dag"]["dag_id"]
    assert {*read.task_dict} == {task["__var"]["task_id"] for task in stored["dag"]["tasks"]}
    for task in (task["__var"] for task in stored["dag"]["tasks"]):
        known: Any = read.task_dict[task["task_id"]]
        assert known.downstream_task_ids == {*task.get("downstream_task_ids", ())}
        assert known.task_display_name == task.get("_task_display_name", task["task_id"])
        assert "request" not in task or known.request == task["request"]
    for name, param in stored["dag"].get("params", ()):
        assert read.params.get_param(name).schema == BaseSerialization.deserialize(param["schema"])


def _check_widths(node: Any) -> None:
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, dict):
            for name, member in current.items():
                if name in WIDTHS and isinstance(member, str) and len(member) > WIDTHS[name]:
                    raise ValueError(f"{name} has {len(member)} characters, more than Airflow's column")
                stack.append(member)
        elif isinstance(current, list):
            stack.extend(current)
