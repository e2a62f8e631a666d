"""1,000 definitions that are Dag files of their own, by Airflow 3.4's importer."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.scale.lines import Judged, Line, Told, scaled, seconds
from bench.scale.parts.folder import DEFINITIONS, STEPS, peak
from bench.scale.samples import by_hand, chain

WHAT = "1,000 definitions by Airflow 3.4's importer"
CLASS = "airflow_sm_pipelines.importer.SageMakerPipelineImporter"
CONFIGURED = json.dumps([{"classpath": CLASS, "extensions": [".json"]}])


def measure(size: float) -> Iterator[Told]:
    os.environ["AIRFLOW__DAG_PROCESSOR__DAG_IMPORTER_CONFIGS"] = CONFIGURED
    count = scaled(DEFINITIONS, size)
    definition = chain(STEPS)
    with TemporaryDirectory() as made:
        ours, theirs = Path(made) / "ours", Path(made) / "theirs"
        for new in (ours, theirs):
            new.mkdir()
        for number in range(count):
            name = f"pipeline-{number:04}"
            (ours / f"{name}.json").write_text(json.dumps(definition))
            (theirs / f"{name}.py").write_text(by_hand(definition, [name], ""))
        # What a process imports once is no definition's.
        dags_of(ours, next(iter(ours.iterdir())))
        dags_of(theirs, next(iter(theirs.iterdir())))
        before, started = peak(), time.process_time()
        found = dags_of(ours)
        cpu, grown = time.process_time() - started, peak() - before
        started = time.process_time()
        by_hands = dags_of(theirs)
        cpu_by_hand = time.process_time() - started
    yield Line("apache-airflow", version("apache-airflow"))
    what = f"{count} definitions of {STEPS} steps, each a Dag file → built Dags, CPU (by hand: as many files)"
    yield Line(what, seconds(cpu), seconds(cpu_by_hand))
    yield Line("for each definition", seconds(cpu / count), seconds(cpu_by_hand / count))
    yield Line("peak memory above that before", f"{grown:.0f} MB")
    yield Judged("each definition is a Dag", len(found) == len(by_hands) == count, f"{len(found)} Dags")


def dags_of(folder: Path, file: Path | None = None) -> list[str]:
    """The ids of the Dags of a folder, or of one file of it.

    :raises AssertionError: where Airflow tells an import error
    """
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=file or folder, bundle_path=folder, bundle_name="scale")
    assert not bag.import_errors, bag.import_errors
    return list(bag.dags)
