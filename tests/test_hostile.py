"""Files that once took down more than themselves, all in one folder, on the way that the dag-processor takes them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.cli.main import main
from airflow_sm_pipelines.loader import load_dags
from airflow_sm_pipelines.naming import safe_dag_id
from tests.as_processed import process, rows
from tests.hostile import Hostile, document, hostile_files
from tests.system.processes import POSTGRES_DEFAULT, POSTGRES_VARIABLE, missing

HOSTILE = {hostile.name: hostile for hostile in hostile_files()}
GOOD = "good"
MAX_CHARACTERS = 200_000
"""Characters of the serialized Dag of any hostile file: it holds what is told twice, for the Dag and for its task."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dags folder with one good definition and all hostile ones."""
    path = tmp_path_factory.mktemp("hostile")
    definitions = path / "pipelines"
    definitions.mkdir()
    (definitions / f"{GOOD}.json").write_text(json.dumps(document()))
    for hostile in HOSTILE.values():
        hostile.write(definitions)
    return path


@pytest.fixture(scope="module")
def written(folder: Path) -> Mapping[str, dict[str, Any]]:
    """What the manager of the dag-processor writes to the database, by dag id."""
    with pytest.MonkeyPatch.context() as patch:
        # All of them are one import here, on a machine that does other things too.
        patch.setenv("AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT", "280")
        result = process(folder)
    assert result.import_errors == {}
    return rows(result)


def unescaped(data: Mapping[str, Any]) -> str:
    """The Dag's documentation as it is read."""
    return str(data["dag"].get("doc_md")).replace("\\", "")


def dag_id_of(hostile: Hostile) -> str:
    if hostile.dag_id:
        return hostile.dag_id
    relative, content = next(iter(hostile.files.items()))
    try:
        name = json.loads(content).get("PipelineName", Path(relative).stem)
    except ValueError:
        name = Path(relative).stem
    return safe_dag_id(name)


def test_a_good_definition_beside_all_of_them_is_a_dag(written: Mapping[str, dict[str, Any]]) -> None:
    assert [task["__var"]["task_id"] for task in written[GOOD]["dag"]["tasks"]] == ["Call"]


@pytest.mark.parametrize("name", HOSTILE)
def test_each_is_a_dag_that_runs_or_tells_its_finding(name: str, written: Mapping[str, dict[str, Any]]) -> None:
    hostile = HOSTILE[name]
    data = written[dag_id_of(hostile)] if len(hostile.files) == 1 else _clash(hostile, written)
    is_error = "definition-error" in data["dag"]["tags"]
    assert is_error == (hostile.expected == "finding")
    assert hostile.told in unescaped(data)
    assert len(json.dumps(data)) < (MAX_CHARACTERS if is_error else 20 * MAX_CHARACTERS)


def _clash(hostile: Hostile, written: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The Dag of the second of the files that ask for one dag id; the id is made up, and no other's."""
    told = [data for data in written.values() if next(iter(hostile.files)) in unescaped(data)]
    [second] = [data for data in told if "definition-error" in data["dag"]["tags"]]
    assert len(second["dag"]["dag_id"]) <= 250
    return second


def test_the_file_of_another_made_up_id_keeps_its_own(written: Mapping[str, dict[str, Any]]) -> None:
    assert "definition-error" not in written["twice--other-twice.json"]["dag"]["tags"]


def test_postgresql_takes_every_one_of_them(written: Mapping[str, dict[str, Any]]) -> None:
    psycopg2 = pytest.importorskip("psycopg2")
    try:
        connection = psycopg2.connect(os.environ.get(POSTGRES_VARIABLE, POSTGRES_DEFAULT))
    except psycopg2.OperationalError as error:
        missing(f"a PostgreSQL server: {error}")
    with connection, connection.cursor() as cursor:
        for dag_id, data in written.items():
            cursor.execute("select %s::varchar(250), (%s::jsonb #>> '{dag,dag_id}')", (dag_id, json.dumps(data)))
            assert cursor.fetchone() == (dag_id, dag_id)
            shown = data["dag"].get("dag_display_name", dag_id), data["dag"].get("description"), data["dag"]["doc_md"]
            cursor.execute("select %s::varchar(2000), %s::text, %s::text", shown)
            assert cursor.fetchone() == shown
    connection.close()


@pytest.mark.parametrize("wanted", ["__file__", "globals", "update", "twice--other-twice.json", "nula-b"])
def test_a_worker_finds_the_dag_that_it_runs(wanted: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", wanted)
    [dag] = load_dags(folder / "pipelines").values()
    assert dag.dag_id == wanted


def test_lint_tells_the_same_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is large has been read above, by the same reader: so it takes the processor only once."""
    linted = [hostile for hostile in HOSTILE.values() if not hostile.is_large]
    assert len(linted) > 100
    for hostile in linted:
        hostile.write(tmp_path)
    good = tmp_path / f"{GOOD}.json"
    good.write_text(json.dumps(document()))
    assert main(["lint", "--format", "json", str(tmp_path)]) == 1
    told = json.loads(capsys.readouterr().out)
    in_error = {finding["file"] for finding in told["findings"] if finding["severity"] == "error"}
    expected = [hostile for hostile in linted if hostile.expected == "finding" and len(hostile.files) == 1]
    assert {str(tmp_path / next(iter(hostile.files))) for hostile in expected} <= in_error
    assert str(good) not in in_error
