"""What happens as Airflow renders the fields of a step's task: a try begins, and its request is resolved.

Whatever is wrong is kept for the step to fail with when it is executed: here, Airflow would report it as a fault of a
Jinja template.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from airflow_sm_pipelines.aws.failures import CallError, StepFailure, type_of_call_error
from airflow_sm_pipelines.definition.evaluation_errors import ConditionError, UnresolvedError
from airflow_sm_pipelines.graph.selection import Role
from airflow_sm_pipelines.operators.allowed import check_allowed
from airflow_sm_pipelines.operators.item_of_task import iteration_of
from airflow_sm_pipelines.operators.request import shown
from airflow_sm_pipelines.operators.run_conditions import unmet_conditions
from airflow_sm_pipelines.operators.run_secrets import learn_secrets
from airflow_sm_pipelines.operators.selection_decision import decide

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.jobs.step_run import StepRun
    from airflow_sm_pipelines.operators.step import StepOperator


def resolve_request(operator: StepOperator, context: Context) -> Json:
    """Begin a try of the operator's step; what to show as its request.

    That is the request itself, or why there is none: the step is not selected, a run condition does not hold.
    """
    learn_secrets(operator, context)
    fault = _take_item(operator, context)
    this_try = operator.begin_try(context)
    run = this_try.run
    try:
        if fault is not None:
            raise fault
        this_try.decision = decide(run, context, operator.upstream_task_ids, operator.run_parameters(context))
    except StepFailure as wrong:
        this_try.run_fault = wrong
        return operator.shown_template()
    if this_try.decision.role is not Role.RUN:
        return this_try.decision.shown()
    this_try.unmet = unmet_conditions(operator, run, context)
    if this_try.unmet:
        return {"Skipped": [str(one) for one in this_try.unmet]}
    return _resolved(operator, run, context)


def _take_item(operator: StepOperator, context: Context) -> StepFailure | None:
    """Where the task is a child of a ForEach step, make the operator that of the child; what keeps it from that."""
    if operator.iteration is None:
        try:
            operator.iteration = iteration_of(context, operator.pipeline, operator.step.name)
        except StepFailure as fault:
            return fault
        if operator.iteration is not None:
            operator.step = operator.iteration.child_of(operator.step)
    return None


def _resolved(operator: StepOperator, run: StepRun, context: Context) -> Json:
    try:
        scope = operator.scope(context, run.record, {})
        check_allowed(operator, scope)
        resolved = operator.resolve(context, scope)
        operator.masking.learn(resolved)
        return shown(resolved, operator.masking)
    except StepFailure as failure:
        run.resolution_error = failure
    except (UnresolvedError, ConditionError) as error:
        run.resolution_error = run.failure(str(error))
    except RecursionError:
        run.resolution_error = run.failure("its request is nested too deeply to be resolved.")
    except (ClientError, BotoCoreError) as error:
        run.resolution_error = run.failure(str(CallError.of(error)), type_of_call_error(error))
    return operator.shown_template()
