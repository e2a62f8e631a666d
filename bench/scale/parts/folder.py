"""A folder of 1,000 definitions, and what is told when its import takes most of the time that Airflow gives it."""

from __future__ import annotations

import json
import logging
import os
import resource
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from bench.scale.lines import Judged, Line, Told, scaled, seconds
from bench.scale.samples import LOADER, by_hand, chain

WHAT = "A folder of 1,000 definitions"
DEFINITIONS = 1000
STEPS = 5
OPTION = "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT"
DAGS_FILE = "dags.py"


class Loaded(Struct, frozen=True):
    """What came of an import of a dags file: CPU and real seconds, the ids of its Dags, warnings of the time-out."""

    cpu: float
    real: float
    dags: Sequence[str]
    warned: int

    @property
    def errors(self) -> list[str]:
        """The ids of the Dags that tell of the time-out."""
        return [dag_id for dag_id in self.dags if dag_id.endswith("import-timeout")]


class Warnings(logging.Handler):
    """The package's warnings of the time-out, counted."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.told = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.told += "dagbag_import_timeout" in record.getMessage()


def measure(size: float) -> Iterator[Told]:
    count = scaled(DEFINITIONS, size)
    definition = chain(STEPS)
    with TemporaryDirectory() as made:
        folder, files = Path(made) / "ours", Path(made) / "files"
        for new in (folder / "definitions", files):
            new.mkdir(parents=True)
        (folder / DAGS_FILE).write_text(LOADER.format(folder="definitions"))
        # What a process imports once is no definition's.
        (folder / "definitions" / "pipeline-0000.json").write_text(json.dumps(definition))
        (files / "pipeline_0000.py").write_text(by_hand(definition, ["pipeline-0000"], ""))
        loaded(folder, 0)
        dags_of(files / "pipeline_0000.py")
        for number in range(count):
            (folder / "definitions" / f"pipeline-{number:04}.json").write_text(json.dumps(definition))
            (files / f"pipeline_{number:04}.py").write_text(by_hand(definition, [f"pipeline-{number:04}"], ""))
        before = peak()
        whole = loaded(folder, 0)
        grown = peak() - before
        started = time.process_time()
        built = sum(len(dags_of(path)) for path in sorted(files.iterdir()))
        theirs = time.process_time() - started
        what = f"{count} definitions of {STEPS} steps → built Dags, CPU (by hand: as many files)"
        yield Line(what, seconds(whole.cpu), seconds(theirs))
        yield Line("for each definition", seconds(whole.cpu / count), seconds(theirs / built))
        yield Line("the same, real time", seconds(whole.real))
        yield Line("peak memory above that before", f"{grown:.0f} MB")
        seen = f"{len(whole.dags)} Dags of {count} definitions"
        yield Judged("each definition is a Dag", len(whole.dags) == count, seen)
        for share, limit in (("1.6 x", 1.6 * whole.real), ("0.5 x", 0.5 * whole.real)):
            near = loaded(folder, limit)
            told = f"{len(near.dags)} Dags after {seconds(near.real)}, {near.warned} warnings"
            told += f", {len(near.errors)} of the Dags tells how to split the folder" if near.errors else ""
            what = f"with [core] dagbag_import_timeout at {share} of that ({seconds(limit)})"
            yield Line(what, told)
            yield Judged(f"{what} it is told, and not all Dags are lost", is_right(near, count, limit), told)


def is_right(near: Loaded, count: int, limit: float) -> bool:
    """Whether it ended before its time-out, with all Dags or with one that tells, and with a warning from half on."""
    is_whole = not near.errors and len(near.dags) == count
    is_part = len(near.errors) == 1 and 1 < len(near.dags) <= count
    return near.real < limit and (is_part or is_whole) and (near.warned >= 1 or near.real < limit / 2)


def loaded(folder: Path, limit: float) -> Loaded:
    """An import as Airflow's own importer does it, with so many seconds as its time-out; 0 is none."""
    os.environ[OPTION] = str(limit)
    kept = Warnings()
    logger = logging.getLogger("airflow_sm_pipelines")
    logger.addHandler(kept)
    try:
        started, cpu = time.monotonic(), time.process_time()
        dags = dags_of(folder / DAGS_FILE)
        return Loaded(time.process_time() - cpu, time.monotonic() - started, dags, kept.told)
    finally:
        logger.removeHandler(kept)
        os.environ[OPTION] = "0"


def dags_of(path: Path) -> list[str]:
    """The ids of the Dags of a dags file.

    :raises AssertionError: where Airflow tells an import error
    """
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=path, bundle_path=path.parent, bundle_name="scale")
    assert not bag.import_errors, bag.import_errors
    return list(bag.dags)


def peak() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
