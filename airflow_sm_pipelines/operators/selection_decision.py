"""What a step is to do in its run, and everything that keeps the run from being what was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk.configuration import conf

from airflow_sm_pipelines.aws.failures import RunRefused
from airflow_sm_pipelines.definition.parameters import RESERVED
from airflow_sm_pipelines.expressions.parameters import ignored_values, unknown_names
from airflow_sm_pipelines.graph.selection import SelectionError
from airflow_sm_pipelines.operators.copied_results import SelectionDecision, Task, decision_for
from airflow_sm_pipelines.operators.masking import Masking

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow.sdk import Context

    from airflow_sm_pipelines.jobs.step_run import StepRun
    from airflow_sm_pipelines.operators.run_parameters import RunParameters


def decide(
    run: StepRun, context: Context, upstream: Collection[str], templates: RunParameters | None = None
) -> SelectionDecision:
    """What a step does in its run.

    ``upstream`` are the ids of the tasks that its task waits for. What has begun was judged before it did, and goes on,
    whatever has become of the source run meanwhile.

    :raises RunRefused: with all that is wrong with what the run was given
    """
    if run.has_begun:
        return SelectionDecision()
    if run.pipeline.place.group_id is not None:
        _refuse_selection(run.pipeline.place.group_id, context)
        if templates is not None and (faults := templates.faults()):
            raise RunRefused(f"The pipeline cannot begin: {' '.join(faults)}")
        return SelectionDecision()
    faults = []
    given, parameters = context["dag_run"].conf or {}, run.pipeline.parameters
    # Airflow's Params judge the values of a run, and let pass a name that is none of them.
    is_secret = Masking(run.settings.not_secret).is_secret
    if fault := unknown_names(parameters, given, is_secret, run.pipeline.own_params):
        faults.append(fault)
    if not conf.getboolean("core", "dag_run_conf_overrides_params") and (
        fault := ignored_values(parameters, given, context["params"])
    ):
        faults.append(fault)
    faults += [] if templates is None else templates.faults()
    decision = SelectionDecision()
    try:
        step = run.step.name if run.iteration is None else run.iteration.loop
        own = run.pipeline.parameters_task
        decision = decision_for(context, run.pipeline, Task(step, [each for each in upstream if each != own]))
    except SelectionError as error:
        faults += error.faults
    if faults:
        raise RunRefused(f"The run cannot start: {' '.join(faults)}")
    return decision


def _refuse_selection(group_id: str, context: Context) -> None:
    """:raises RunRefused: for a run of a Dag of the user's that asks for a selection of steps"""
    given = {**context["params"], **(context["dag_run"].conf or {})}
    asked = [name for name in sorted(RESERVED) if given.get(name) is not None]
    if asked:
        raise RunRefused(
            f"The run cannot start: it is given {' and '.join(asked)}, and a selection of steps is for a Dag that is a"
            f" pipeline. In the task group {group_id}, clear the steps that are to run again."
        )
