"""What the service itself adds to a job's request, besides its name and role: tags, the experiment, MLflow."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from airflow_sm_pipelines.expressions.values import resolve
from airflow_sm_pipelines.jobs.experiments import ensure_trial
from airflow_sm_pipelines.jobs.tags import own_tags, with_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.jobs.job_run import StepJobRun

EXPERIMENT, MLFLOW = "ExperimentConfig", "MlflowConfig"
ROLE_ARN = re.compile(r"arn:[\w-]+:iam::(\d{12}):role/")


def enrich_request(run: StepJobRun, request: dict[str, Json], scope: TaskScope, *, warns: bool) -> dict[str, Json]:
    """A step's request with the pipeline's tags, experiment and MLflow settings, where its API takes them.

    ``warns`` is False where the request is resolved again, after the job was made: then nothing is warned of.
    """
    if run.settings.experiments:
        request = _with_mlflow(run, _with_experiment(run, request, scope), scope)
    else:
        joined = {EXPERIMENT, MLFLOW}.intersection(run.kind.linkable_configs)
        request = {name: member for name, member in request.items() if name not in joined}
    return _with_tags(run, request, scope, warns=warns)


def without_unreachable_experiment(run: StepJobRun, request: dict[str, Json]) -> dict[str, Json]:
    """The request as it is sent: its experiment and trial are there now, or it names none."""
    config = request.get(EXPERIMENT)
    if not (_experiment_is_wanted(run) and isinstance(config, dict)):
        return request
    if ensure_trial(run, str(config["ExperimentName"]), str(config["TrialName"])):
        return request
    return {name: member for name, member in request.items() if name != EXPERIMENT}


def _experiment_is_wanted(run: StepJobRun) -> bool:
    config = run.pipeline.experiment
    return (
        EXPERIMENT in run.kind.linkable_configs
        and run.settings.experiments
        and config is not None
        and config.experiment_name is not None
        and config.trial_name is not None
    )


def _with_experiment(run: StepJobRun, request: dict[str, Json], scope: TaskScope) -> dict[str, Json]:
    if not _experiment_is_wanted(run):
        return request
    given = request.get(EXPERIMENT)
    names = {name: scope.experiment(name) for name in ("ExperimentName", "TrialName")}
    # A step can name nothing but the trial component: the experiment and trial are the pipeline's.
    return {**request, EXPERIMENT: {**(given if isinstance(given, dict) else {}), **names}}


def _with_mlflow(run: StepJobRun, request: dict[str, Json], scope: TaskScope) -> dict[str, Json]:
    config = run.pipeline.mlflow
    if MLFLOW not in run.kind.linkable_configs or config is None:
        return request
    members: dict[str, Value] = {
        "MlflowResourceArn": config.resource_arn,
        "MlflowExperimentName": config.experiment_name,
    }
    if (experiment := scope.given_execution.mlflow_experiment_name) is not None:
        members["MlflowExperimentName"] = experiment
    names = {name: resolve(value, scope) for name, value in members.items() if value is not None}
    given = request.get(MLFLOW)
    return {**request, MLFLOW: {**names, **(given if isinstance(given, dict) else {})}} if names else request


def _with_tags(run: StepJobRun, request: dict[str, Json], scope: TaskScope, *, warns: bool) -> dict[str, Json]:
    if run.kind.tags_field is None:
        return request
    tags: dict[str, str] = {}
    if run.settings.job_tags:
        tags = own_tags(
            pipeline=run.pipeline.name,
            step=run.step.name,
            execution_arn=execution_arn_for(run, request, scope),
            dag_id=run.task.dag_id,
            run_id=run.task.run_id,
        )
    # What comes last is left out first.
    tags |= {key: value for key, value in run.settings.extra_job_tags.items() if key not in tags}
    tagged, left_out = with_tags(request, run.kind, tags)
    if left_out and warns:
        run.log.warning("AWS takes 50 tags at most: the job goes without %s", ", ".join(left_out))
    return tagged


def execution_arn_for(run: StepJobRun, request: Mapping[str, Json], scope: TaskScope) -> str | None:
    """The execution's ARN for a request that says of its own whose it is; None where the account is not known."""
    try:
        return scope.execution_arn_in(account_in(run, request))
    except (ClientError, BotoCoreError) as error:
        run.log.warning("The request goes without the execution's ARN: the account is not known (%s)", error)
        return None


def account_in(run: StepJobRun, request: Mapping[str, Json]) -> str | None:
    """The account of the job's role, which is the pipeline's: so no call is made to ask for it."""
    role_field = run.kind.role_field
    for role in (request.get(role_field) if role_field else None, run.pipeline.role_arn):
        if isinstance(role, str) and (found := ROLE_ARN.match(role)):
            return found[1]
    return None
