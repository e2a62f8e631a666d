"""SageMaker Experiments: the experiment and trial that a pipeline's jobs belong to (semantics 1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from airflow_sm_pipelines.aws.calls import is_existing, is_missing, operation
from airflow_sm_pipelines.aws.failures import CallError, ExceptionType, type_of_call_error
from airflow_sm_pipelines.jobs.unanswered import until_answered

if TYPE_CHECKING:
    from airflow_sm_pipelines.jobs.job_run import StepJobRun

PASSING = (ExceptionType.THROTTLING, ExceptionType.SERVICE_FAULT)


def ensure_trial(run: StepJobRun, experiment: str, trial: str) -> bool:
    """Create the experiment and the trial where they are absent, and say whether they are there.

    What AWS refuses (a missing permission, a region without Experiments) is one warning: a job runs as well without.

    :raises StepFailure: where AWS is throttled or at fault, which a retry policy counts
    """
    try:
        if not _is_there(run.client(), trial):
            _create(run, "CreateExperiment", ExperimentName=experiment)
            _create(run, "CreateTrial", ExperimentName=experiment, TrialName=trial)
    except (ClientError, BotoCoreError) as error:
        kind = type_of_call_error(error)
        if kind in PASSING:
            message = f"its experiment {experiment} or trial {trial} could not be made. {CallError.of(error)}"
            raise run.failure(message, kind) from error
        run.log.warning(
            "The job is attached to no experiment: the experiment %s or its trial %s could not be made (%s)."
            " [sagemaker_pipelines] experiments = False turns this off",
            experiment,
            trial,
            CallError.of(error),
        )
        return False
    return True


def _is_there(client: Any, trial: str) -> bool:
    try:
        client.describe_trial(TrialName=trial)
    except ClientError as error:
        if is_missing(error):
            return False
        raise
    return True


def _create(run: StepJobRun, call: str, **request: str) -> None:
    problem = f"sagemaker:{call} of {request} got no answer"
    try:
        until_answered(run, problem, lambda: operation(run.client_calling_once(), call)(**request))
    except ClientError as error:
        # Another step of the run, an earlier run of the pipeline, or a call without an answer was first.
        if not is_existing(error):
            raise
