"""The rows of ``bench/RESULTS.md``: each module's ``measure()`` yields the figures of one."""

from __future__ import annotations

from msgspec import Struct


class Row(Struct, frozen=True):
    """What is measured, against what, and the target. ``name`` is that of the module."""

    name: str
    what: str
    against: str
    target: str


ROWS = (
    Row(
        "build",
        "definition bytes → built Dag, values judged",
        "the same Dag of the provider's operators in Python",
        "≤ 1.20x",
    ),
    Row(
        "serialization",
        "serialized Dag, time and bytes",
        "`DAG(params=…)` by hand",
        "≤ 0.05x the time, ≤ 0.3x the bytes",
    ),
    Row("worker_parse", "a worker's parse in a folder of 100 and 1,000 definitions", "a folder of one", "≤ 1.1x"),
    Row("dag_processor", "the dag-processor's loop over 1,000 definitions", "1,000 hand-written files", "≤ 0.5x"),
    Row(
        "triggers",
        "AWS calls a minute while jobs run, and the triggerer's memory",
        "the provider's triggers",
        "flat, ≤ 0.05x the calls and ≤ 0.3x the memory at 300 jobs",
    ),
    Row(
        "real_scheduler",
        "a job on the real scheduler, and its task's processes",
        "the provider's operator for the same job",
        "≤ 1.0x",
    ),
    Row("lint", "`sm-pipelines lint`, over bare Python that reads", "bare Python that reads", "≤ 0.3 s + 2 ms a file"),
    Row("growth", "twice as many findings, steps, definitions, jobs", "half as many", "≤ 2.1x"),
    Row("imports", "the loader's and the operators' imports", "over Airflow and the provider", "≤ 60 ms"),
)
