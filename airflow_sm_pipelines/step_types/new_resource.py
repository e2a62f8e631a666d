"""Steps that make what was not there before, under a name of the user's (semantics 14.8)."""

from __future__ import annotations

from typing_extensions import override

from airflow_sm_pipelines.step_types.adapter import JobAdapter


class NewResourceAdapter(JobAdapter):
    """A step that makes what was not there before.

    Whether a given name is free is looked at before the submission is on record. So what a later try finds under a
    recorded name is the step's own, made by a call whose reply was lost or whose worker died; and what the first try
    finds is not. (Where someone else takes the name between the two tries, that is not told apart.)
    """

    @override
    def prepare(self) -> None:
        existing = self.run.describe_once() if self.run.name_is_given else None
        if existing is not None:
            raise self.run.failure(
                f"cannot create already existing {self.kind.noun} {self.run.record.job_name!r}"
                f" ({existing.get(self.kind.arn_field)}, of {existing.get('CreationTime')}). Nothing was changed."
                " A name that contains Execution.PipelineExecutionId is new in every run."
            )
