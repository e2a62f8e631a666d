"""A step that runs an AWS job, as an Airflow task: Airflow's side of the life of the job.

What only a try needs is imported where it is used: every parse of a dags file would pay for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from typing_extensions import override

from airflow_sm_pipelines.operators.links import LINKS
from airflow_sm_pipelines.operators.request import shown
from airflow_sm_pipelines.operators.step import StepOperator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context

    from airflow_sm_pipelines.cache.store import StepCache
    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.jobs.lifecycle import JobLifecycle, JobWait
    from airflow_sm_pipelines.jobs.observers import CachedResult
    from airflow_sm_pipelines.operators.life import LifeTry
    from airflow_sm_pipelines.place import Place


# What a subclass of the version before could define here; ignored in silence, its job would be another one.
MOVED_HOOKS = frozenset(
    {"kind", "name_prefix", "complete_request", "prepare", "create", "result_of", "reason_of", "place_values", "reach"}
)


class JobStepOperator(StepOperator):
    """A step that runs one AWS job per attempt, deferrable or not.

    It stands before an operator of the Amazon provider, which it is an instance of, and takes the place of its
    ``execute``: the provider's creates a second job after a crash, leaves jobs running on kill, stops waiting after
    60 polls, takes a stopped job for a success when not deferred, and writes times as ``repr``.

    What the step does stands in :class:`~airflow_sm_pipelines.jobs.lifecycle.JobLifecycle`.
    """

    runs_provider_init = False
    # Any, since operators of the Amazon provider declare theirs by the very classes.
    operator_extra_links: Any = LINKS

    _try: LifeTry[JobLifecycle] | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if moved := sorted(MOVED_HOOKS.intersection(vars(cls))):
            raise TypeError(
                f"{cls.__name__} defines {', '.join(moved)}, which the operator of a job does not call any more: what"
                " differs by step type stands in a subclass of airflow_sm_pipelines.step_types.adapter.JobAdapter,"
                " named by StepType(adapter=...)"
            )

    @property
    def job_try(self) -> LifeTry[JobLifecycle]:
        if self._try is None:
            raise RuntimeError(f"the step {self.task_id} has not begun a try")
        return self._try

    @override
    def begin_try(self, context: Context) -> LifeTry[JobLifecycle]:
        from airflow_sm_pipelines.cache.reuse import StepResultCache
        from airflow_sm_pipelines.expressions.results import to_result
        from airflow_sm_pipelines.jobs.admission import Admission
        from airflow_sm_pipelines.jobs.job_run import StepJobRun
        from airflow_sm_pipelines.jobs.lifecycle import JobLifecycle
        from airflow_sm_pipelines.operators.assets import AssetEvents
        from airflow_sm_pipelines.operators.job_signals import JobSignals
        from airflow_sm_pipelines.operators.life import LifeTry
        from airflow_sm_pipelines.operators.links import ConsoleLinks, JobLinks
        from airflow_sm_pipelines.operators.stop_note import stop_notes
        from airflow_sm_pipelines.operators.task_ports import XComOutput, permits_of, task_try

        links = ConsoleLinks(self.step_type.console, XComOutput(context))
        observers = (JobSignals(), JobLinks(links, self.settings.log_tail_lines), AssetEvents(context), *stop_notes())
        run = StepJobRun(
            task_try(context),
            self.parts(),
            scopes=lambda record, names: self.scope(context, record, names),
            observers=observers,
            **self.collaborators(context),
        )
        cache = StepResultCache(
            lambda: _open_cache(context, self.pipeline.place, self._name_in_cache),
            lambda: self._count_children(context),
            self._show_reuse,
        )
        life = JobLifecycle(
            run,
            cache=cache,
            to_result=to_result,
            time_limit=self.execution_timeout,
            admission=Admission.of_job(
                run, permits_of(context, self.log, may_defer=self.deferrable), may_pause=self.deferrable
            ),
        )
        # The signal of a kill may come from here on, and is then to be understood.
        self._try = LifeTry(life, context, links)
        life.begin()
        return self._try

    @override
    def resolve(self, context: Context, scope: TaskScope) -> Json:
        from airflow_sm_pipelines.observing.spans import span

        with span("sm_pipelines.resolve"):
            return self.job_try.life.resolve()

    @override
    def run_step(self, context: Context) -> Any:
        """Create the job, or adopt the one that an earlier try has left, and wait for it."""
        from airflow_sm_pipelines.jobs.admission import Pause
        from airflow_sm_pipelines.jobs.step_lifecycle import Finished
        from airflow_sm_pipelines.observing.spans import span
        from airflow_sm_pipelines.operators.life import as_airflow_has_it

        life = self.job_try.life

        def run() -> dict[str, Any]:
            with span("sm_pipelines.submit"):
                outcome = life.submit_or_adopt()
            if isinstance(outcome, Finished):
                return outcome.result
            if isinstance(outcome, Pause):
                self.pause(outcome)
            if self.deferrable:
                self._defer(outcome)
            with span("sm_pipelines.wait"):
                return life.wait(outcome)

        return as_airflow_has_it(run)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Come back from the trigger, of a pause or of the job.

        Without an event, no trigger fired: Airflow has resumed the next try of one that it took for dead just as that
        one deferred. That try finds the job.
        """
        from airflow_sm_pipelines.jobs.admission import Held
        from airflow_sm_pipelines.jobs.step_lifecycle import Finished
        from airflow_sm_pipelines.jobs.waiting import WaitEnd
        from airflow_sm_pipelines.observing.spans import span
        from airflow_sm_pipelines.operators.life import as_airflow_has_it
        from airflow_sm_pipelines.pace.trigger import PAUSED

        if event is None:
            return self.run_step(context)
        if PAUSED in event:
            self.job_try.life.admission.held = Held.from_json(event[PAUSED])
            return self.begin_step(context, has_capacity=True)
        end, seen, deadline = WaitEnd(event["end"]), str(event["seen"]), event.get("deadline")

        def finish() -> dict[str, Any]:
            with span("sm_pipelines.finish"):
                outcome = self.job_try.life.resume(end, seen, deadline)
            if not isinstance(outcome, Finished):
                self._defer(outcome)
            return outcome.result

        return as_airflow_has_it(finish)

    def _defer(self, wait: JobWait) -> NoReturn:
        from airflow_sm_pipelines.jobs.deferral import settled_at
        from airflow_sm_pipelines.jobs.job_labels import JobLabels
        from airflow_sm_pipelines.jobs.trigger import JobTrigger
        from airflow_sm_pipelines.step_types.stop_target import ApplicationTarget

        run, leftover = self.job_try.life.run, self.job_try.life.adapter.leftover()
        self.defer(
            trigger=JobTrigger(
                kind=wait.kind.to_json(),
                job_name=wait.job_name,
                access=self.access.to_json(),
                poll_interval=wait.pace.interval,
                poll_interval_max=wait.pace.longest,
                deadline=wait.bounds.deadline,
                slack=wait.bounds.max_runtime_grace,
                application=leftover.application if isinstance(leftover, ApplicationTarget) else None,
                labels=JobLabels.of(run).to_json(),
                by_lists=run.settings.poll_by_list,
                events_queue=run.settings.job_events_queue_url,
                not_before=settled_at(run.clock.time(), wait.pace.interval),
            ),
            method_name="execute_complete",
        )
        raise AssertionError("defer() always raises")

    @override
    def fail_attempt(self, context: Context, failure: Any) -> NoReturn:
        self.job_try.life.fail(failure)

    def on_kill(self) -> None:
        """Stop the job when the task is killed or its time is over, but not when a later try goes on with it."""
        # Before a try has begun nothing is there that is its own. What an earlier one left is on record.
        if self._try is not None:
            from airflow_sm_pipelines.operators.life import kill

            kill(self._try, self.log)

    # The step cache -------------------------------------------------------------------------------------------

    def _show_reuse(self, found: CachedResult) -> None:
        """Let the UI say under Rendered Templates that the request was not made, and link to the source."""
        self.job_try.cache_source_run = str(found.source["run_id"])
        source = {**found.source, "job_name": found.job.get("job_name")}
        request: Any = self.request
        self.request = shown({"CacheHit": source, "Request": request}, self.masking)
        self.overwrite_rtif_after_execution = True

    @property
    def _name_in_cache(self) -> str:
        # The children of a ForEach step, each with a name of its own, share the results of their body.
        return self.step.name if self.iteration is None else self.iteration.body

    def _count_children(self, context: Context) -> int:
        if self.iteration is None:
            return 0
        ti = context["ti"]
        return ti.get_ti_count(dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id])

    # What Airflow asks once the task has ended ----------------------------------------------------------------

    @property
    def link_addresses(self) -> Mapping[str, str]:
        """What the links of the task's page show, by their XCom keys."""
        return {} if self._try is None else self._try.links.addresses

    @property
    def cache_source_run(self) -> str | None:
        """The run whose result is reused, None where the step's own job ran."""
        return None if self._try is None else self._try.cache_source_run

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:  # noqa: ARG002 # Airflow's
        """The inputs and outputs of a job that has succeeded."""
        return self._lineage(None if self._try is None else self._try.life.result)

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> OperatorLineage[Any, Any]:  # noqa: ARG002 # Airflow's
        """The inputs of a job that has failed, and where it was to write."""
        return self._lineage(None)

    def _lineage(self, result: Mapping[str, Any] | None) -> OperatorLineage[Any, Any]:
        from airflow_sm_pipelines.operators.openlineage import lineage_of

        return lineage_of(self.step_type.datasets, {} if self._try is None else self._try.life.run.request, result)


def _open_cache(context: Context, place: Place, step: str) -> StepCache:
    from airflow_sm_pipelines.cache.store import StepCache, cache_asset

    return StepCache(context["asset_state_store"][cache_asset(place)], step)
