"""What the life of a job shows those who watch the deployment: metrics, fields of log lines, attributes of spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from airflow_sm_pipelines.jobs.job_labels import JobLabels
from airflow_sm_pipelines.jobs.observers import JobEnd, JobObserver
from airflow_sm_pipelines.observing import metrics
from airflow_sm_pipelines.observing.log_fields import bind_fields
from airflow_sm_pipelines.observing.spans import describe_span

if TYPE_CHECKING:
    from airflow_sm_pipelines.jobs.job_run import StepJobRun


class JobSignals(JobObserver):
    """Signals of one try of a job's step."""

    @override
    def job_named(self, run: StepJobRun) -> None:
        fields = JobLabels.of(run).fields()
        bind_fields(**fields)
        describe_span(**fields)

    @override
    def job_begun(self, run: StepJobRun) -> None:
        # The adapter may have learnt the job's name, or its id, by the call alone.
        self.job_named(run)
        metrics.JOBS_BEGUN.add(step_type=run.step.type)

    @override
    def job_adopted(self, run: StepJobRun) -> None:
        metrics.JOBS_ADOPTED.add(step_type=run.step.type)

    @override
    def cache_asked(self, run: StepJobRun, *, hit: bool) -> None:
        (metrics.CACHE_HITS if hit else metrics.CACHE_MISSES).add(step_type=run.step.type)

    @override
    def job_ended(self, run: StepJobRun, end: JobEnd) -> None:
        metrics.JOBS_ENDED.add(step_type=run.step.type, end=end.value)
