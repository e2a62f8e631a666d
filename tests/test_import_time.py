"""A folder near Airflow's import time-out: warned of from half of it on, and stopped before it."""

from __future__ import annotations

import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

from airflow_sm_pipelines import DefinitionError, load_dags
from airflow_sm_pipelines.import_time import ImportTime, import_time_of
from airflow_sm_pipelines.loader import load_in_time
from tests.runs.harness import pipeline, training
from tests.test_loader import unescaped, write

NAMES = ("a", "b", "c", "d")
MISSING = "test_import_time--flows--import-timeout"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in reversed(NAMES):
        write(tmp_path / "flows" / f"{name}.json", pipeline(training("A")))
    return tmp_path / "flows"


class Clock:
    """Each look at it takes a second."""

    def __init__(self, start: float) -> None:
        self._seconds = count(start)

    def __call__(self) -> float:
        return next(self._seconds)


def serialized(dag: DAG) -> Any:
    return DagSerialization.serialize_dag(dag)


def load(folder: Path, used: Any, limit: float = 100, **given: Any) -> dict[str, DAG]:
    return load_in_time(ImportTime(limit, used), [sys._getframe()], folder, **{"dag_kwargs": {}, **given})


def test_less_than_half_of_the_time_says_nothing(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert set(load(folder, lambda: 49.9)) == set(NAMES)
    assert "dagbag_import_timeout" not in caplog.text


def test_from_half_of_the_time_on_the_log_says_what_to_do(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert set(load(folder, lambda: 50)) == set(NAMES)
    [record] = [each for each in caplog.records if "dagbag_import_timeout" in each.message]
    assert record.levelname == "WARNING"
    assert str(folder) in record.message
    assert "50.0 s of the 100 s" in record.message
    assert "4 definitions were built" in record.message
    assert "pattern" in record.message


# The files are read at four looks at the clock. Then there is one before each definition.
@pytest.mark.parametrize(("start", "built"), [(78, ""), (76, ""), (75, "a"), (74, "ab"), (73, "abc")])
def test_the_first_definitions_are_there_and_a_dag_tells_of_the_others(
    folder: Path, caplog: pytest.LogCaptureFixture, start: float, built: str
) -> None:
    everything = load(folder, lambda: 0)

    dags = load(folder, Clock(start), overrides={"d": {}})

    assert list(dags) == [*built, MISSING]
    assert all(serialized(dags[name]) == serialized(everything[name]) for name in built)
    told = unescaped(dags[MISSING].doc_md)
    assert told.startswith("Some Dags of this folder are missing.")
    assert "4 files of the folder flows that match '**/*.json'" in told
    assert "several dags files" in told
    assert "definition-error" in dags[MISSING].tags
    assert f"{len(built)} definitions were built, and the others are left out" in caplog.text


def test_what_the_dag_tells_does_not_depend_on_how_far_one_came(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = [serialized(load(folder, Clock(start))[MISSING]) for start in (76, 73)]
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", MISSING)
    monkeypatch.setenv("AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT", "0.001")

    of_worker = load_dags(folder)

    assert list(of_worker) == [MISSING]
    assert [serialized(of_worker[MISSING])] * 2 == told


def test_a_worker_builds_its_dag_whatever_the_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "d")
    monkeypatch.setenv("AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT", "0.001")
    assert list(load_dags(folder)) == ["d"]


def test_no_time_out_is_none(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert set(load(folder, lambda: 1e9, limit=0)) == set(NAMES)
    assert "dagbag_import_timeout" not in caplog.text


def test_on_error_raise_raises_it(folder: Path) -> None:
    with pytest.raises(DefinitionError) as raised:
        load(folder, lambda: 80, on_error="raise")
    assert [finding.code for finding in raised.value.findings] == ["import-timeout"]


def test_airflow_imports_such_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT", "1000")
    file = folder.parent / "pipelines.py"
    # Airflow's own timer goes first, as if its importer had begun 900 seconds ago.
    file.write_text(
        "import signal\n\nfrom airflow_sm_pipelines import load_dags\n\n"
        "assert 990 < signal.getitimer(signal.ITIMER_REAL)[0] <= 1000\nsignal.setitimer(signal.ITIMER_REAL, 100)\n"
        "globals().update(load_dags('flows'))\n"
    )

    bag = DagBag(dag_folder=file, bundle_name="flows")

    assert bag.import_errors == {}
    assert list(bag.dags) == ["pipelines--flows--import-timeout"]


def test_without_airflows_timer_the_time_counts_from_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT", "12.5")
    monkeypatch.setattr(signal, "getitimer", lambda _: (0.0, 0.0))
    import_time = import_time_of("pipelines.py")
    first = import_time.used()
    assert import_time.limit == 12.5
    assert 0 <= first <= import_time.used()
