"""What a step is to do in its run, and everything that keeps the run from being what was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk.configuration import conf

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.expressions.parameters import ignored_values, unknown_names
from airflow_sm_pipelines.graph.selection import SelectionError
from airflow_sm_pipelines.jobs.masking import Masking
from airflow_sm_pipelines.operators.copied_results import SelectionDecision, Task, decision_for

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow.sdk import Context

    from airflow_sm_pipelines.jobs.step_run import StepRun


def decide(run: StepRun, context: Context, upstream: Collection[str]) -> SelectionDecision:
    """What a step does in its run.

    ``upstream`` are the ids of the tasks that its task waits for. What has begun was judged before it did, and goes on,
    whatever has become of the source run meanwhile.

    :raises StepFailure: with all that is wrong with what the run was given
    """
    if run.record.job_name or run.record.failures:
        return SelectionDecision()
    faults = []
    given, parameters = context["dag_run"].conf or {}, run.pipeline.parameters
    # Airflow's Params judge the values of a run, and let pass a name that is none of them.
    if fault := unknown_names(parameters, given, Masking(run.settings.not_secret).is_secret):
        faults.append(fault)
    if not conf.getboolean("core", "dag_run_conf_overrides_params") and (
        fault := ignored_values(parameters, given, context["params"])
    ):
        faults.append(fault)
    part = SelectionDecision()
    try:
        step = run.step.name if run.iteration is None else run.iteration.parent
        part = decision_for(context, run.pipeline.graph, Task(step, upstream))
    except SelectionError as error:
        faults += error.faults
    if faults:
        raise StepFailure(f"The run cannot start: {' '.join(faults)}")
    return part
