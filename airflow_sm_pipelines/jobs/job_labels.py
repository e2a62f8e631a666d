"""Whose job it is, for those who read logs, metrics and spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from airflow_sm_pipelines.jobs.step_run import StepRun


class JobLabels(Struct, frozen=True):
    """The job's name, the pipeline, step and type of step, and which attempt of the step it is."""

    job: str = ""
    pipeline: str = ""
    step: str = ""
    step_type: str = "unknown"
    attempt: int = 0

    @staticmethod
    def of(run: StepRun) -> JobLabels:
        """The labels of a step's try."""
        return JobLabels(run.record.job_name, run.pipeline.name, run.step.name, run.step.type, run.record.attempt)

    def fields(self) -> dict[str, str | int]:
        """What is known of them, as fields of log lines and attributes of spans."""
        found: dict[str, str | int] = {
            "pipeline": self.pipeline,
            "step": self.step,
            "job": self.job,
            "attempt": self.attempt,
        }
        return {name: value for name, value in found.items() if value}

    def fields_of_step(self) -> dict[str, str | int]:
        """The same but for the job: a step of any type has these, as soon as its try begins."""
        return {name: value for name, value in self.fields().items() if name != "job"}

    def to_json(self) -> dict[str, Any]:
        """All but the job's name, which a trigger has already."""
        return {
            "pipeline": self.pipeline,
            "step": self.step,
            "step_type": self.step_type,
            "attempt": self.attempt,
        }
