"""A dags file as the dag-processor takes it: parsed, serialized, sent to its manager, and written to the database.

The functions are those of Airflow's own processes, called in this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.dag_processing.processor import DagFileParsingResult

BUNDLE = "hostile"
DAG_FILE = 'from airflow_sm_pipelines import load_dags\n\nglobals().update(load_dags("pipelines"))\n'


def process(folder: Path) -> DagFileParsingResult:
    """What the manager gets of the definitions in ``folder / "pipelines"``, through the message of the parser.

    :raises Exception: what ends a parser, whose Dags the manager then does not get
    """
    import msgspec
    import structlog
    from airflow.dag_processing.processor import DagFileParseRequest, DagFileParsingResult, ToManager, _parse_file
    from airflow.sdk.execution_time.comms import _RequestFrame
    from pydantic import TypeAdapter

    file = folder / "hostile_dags.py"
    file.write_text(DAG_FILE)
    request = DagFileParseRequest(file=str(file), bundle_path=folder, bundle_name=BUNDLE)
    result = _parse_file(request, structlog.get_logger())
    assert result is not None
    frame = _RequestFrame(id=1, body=result.model_dump()).as_bytes()
    received = msgspec.msgpack.Decoder(_RequestFrame).decode(memoryview(frame)[4:])
    message = TypeAdapter(ToManager).validate_python(received.body)
    assert isinstance(message, DagFileParsingResult)
    return message


def rows(result: DagFileParsingResult) -> Mapping[str, dict[str, Any]]:
    """What the manager writes of each Dag, by its id: the row's data, of which the scheduler makes a Dag again."""
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.serialization.serialized_objects import DagSerialization

    written: dict[str, dict[str, Any]] = {}
    for dag in result.serialized_dags:
        row = SerializedDagModel(dag)
        data = row.data
        assert isinstance(data, dict)
        assert DagSerialization.from_dict(data).dag_id == dag.dag_id
        written[dag.dag_id] = data
    return written
