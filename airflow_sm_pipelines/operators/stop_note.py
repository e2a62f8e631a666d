"""How an attempt's job is stopped, left with the attempt itself.

Since Airflow 3.4 a clear may discard what a task keeps from one try to the next, and with it the record by which a job
is found that nobody waits for any more. The XComs of the cleared attempt stay: this one is for the triggerer, which
looks for such jobs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow import __version__ as airflow_version
from typing_extensions import override

from airflow_sm_pipelines.jobs.observers import JobObserver

if TYPE_CHECKING:
    from airflow_sm_pipelines.jobs.job_run import StepJobRun

STOP_NOTE_KEY = "sagemaker_stop"
JOB_NAME, TARGET = "job_name", "target"
CLEARS_DISCARD = tuple(int(part) for part in airflow_version.split(".")[:2]) >= (3, 4)


class StopNote(JobObserver):
    """Leaves the note as soon as there is a job."""

    @override
    def job_known(self, run: StepJobRun) -> None:
        if target := run.record.stop_target:
            run.output.push(STOP_NOTE_KEY, {JOB_NAME: run.record.job_name, TARGET: target})


def stop_notes() -> tuple[JobObserver, ...]:
    """The observer, where this Airflow discards what tasks keep."""
    return (StopNote(),) if CLEARS_DISCARD else ()
