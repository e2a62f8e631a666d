"""Cleanup: what earlier steps of the execution wrote to S3 is deleted (semantics 2.18)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.definition.expressions import Member, PropertyReference
from airflow_sm_pipelines.expressions.scope import JOB_KEY, RESULT_KEY
from airflow_sm_pipelines.expressions.values import resolve
from airflow_sm_pipelines.jobs.cleanup import Deletions, Source
from airflow_sm_pipelines.operators.copied_results import SOURCE_MEMBER
from airflow_sm_pipelines.operators.step import StepOperator
from airflow_sm_pipelines.step_types.cleanup import RESOURCES, S3, SOURCES, STEP_NAME, URIS, listed_sources
from airflow_sm_pipelines.step_types.member_paths import member_at, members_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json

CACHE_MEMBER = "cache_source"
NO_RESULT = "it has no result in this run"


class CleanupStepOperator(StepOperator):
    """A Cleanup step. Its result is a :class:`airflow_sm_pipelines.jobs.cleanup.CleanupReport`.

    A source whose result is not of a job of this run is skipped, and its S3Uris are not even resolved.
    """

    _sources: tuple[Source, ...] = ()

    @override
    def resolve(self, context: Context, scope: TaskScope) -> Json:
        self._sources = tuple(self._source(entry, context, scope) for _, entry in listed_sources(self.step.arguments))
        return {RESOURCES: {S3: [source.shown() for source in self._sources]}}

    def _source(self, entry: Mapping[str, Value], context: Context, scope: TaskScope) -> Source:
        name = str(entry.get(STEP_NAME))
        job: Any = context["ti"].xcom_pull(task_ids=self.pipeline.task_of(name), key=JOB_KEY)
        skipped = self._skipped(job)
        if skipped is not None:
            return Source(name, skipped=skipped)
        # A source that was killed, or whose time was over, has no result, and its job has written all the same.
        result = scope.result_of(name)
        if not isinstance(result, dict):
            return Source(name, skipped=NO_RESULT)
        kind = SOURCES[job["step_type"]]
        described = {
            part: scope.step_property(PropertyReference(name, (Member(part),)))
            for part in {path.partition(".")[0] for path in (kind.name_field, kind.outputs)}
            if part in result
        }
        job_name = described.get(kind.name_field)
        if not job_name or job_name != job["job_name"]:
            return Source(name, skipped="its result is not that of the job that it ran in this run")
        places = tuple(place for place in members_at(described, kind.outputs) if isinstance(place, str))
        if not places:
            return Source(name, skipped="it declares no output in S3")
        if kind.own_folder:
            places = tuple(f"{place.removesuffix('/')}/{job_name}/" for place in places)
        vpc = kind.vpc is not None and bool(member_at(result, kind.vpc))
        uris: Any = resolve(entry.get(URIS), scope)
        given = None if uris is None else tuple(uris) if isinstance(uris, list) else (uris,)
        return Source(name, str(job_name), places, kind.own_folder, given, vpc=vpc)

    def _skipped(self, job: Any) -> str | None:
        """Why a source whose job has left these facts is none in this run, None where it is one."""
        if not isinstance(job, dict):
            return NO_RESULT
        if job.get(CACHE_MEMBER) is not None:
            return "its result is that of an earlier run, from the step cache"
        if job.get(SOURCE_MEMBER) is not None:
            return "its result was copied from another run"
        if job.get("step_type") not in SOURCES or not job.get("job_name"):
            return "it ran no job whose outputs can be cleaned up"
        return None

    @override
    def run_step(self, context: Context) -> Any:
        self.check_lost_tries()
        self.check_resolved(context)
        self.step_run.save()
        scope = self.scope(context, self.record, {})
        deletions = Deletions(self.client(context, "s3"), self.step_run, scope.execution_id)
        report = deletions.carry_out(self._sources)
        result = self.give(context, report.to_json())
        for line in report.lines():
            self.log.info("%s", line)
        if (failure := report.failure()) is not None:
            message, exception_type = failure
            # What was done is there to be read, though the step fails.
            context["ti"].xcom_push(key=RESULT_KEY, value=result)
            self.fail_attempt(context, StepFailure(f"Step {self.step.name!r} failed: {message}", exception_type))
        self.deliver(context)
        return result
