"""SageMaker Experiments: the experiment and trial that a pipeline's jobs belong to (semantics 1.3)."""

from __future__ import annotations

import logging
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from airflow_sm_pipelines.aws.calls import is_existing, is_missing
from airflow_sm_pipelines.aws.failures import CallError

log = logging.getLogger(__name__)


def ensure_trial(client: Any, experiment: str, trial: str) -> bool:
    """Create the experiment and the trial where they are absent, and say whether they are there.

    What AWS refuses (a missing permission, a region without Experiments) is one warning: a job runs as well without.
    """
    try:
        if not _is_there(client, trial):
            _create(client.create_experiment, ExperimentName=experiment)
            _create(client.create_trial, ExperimentName=experiment, TrialName=trial)
    except (ClientError, BotoCoreError) as error:
        log.warning(
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


def _create(call: Any, **request: str) -> None:
    try:
        call(**request)
    except ClientError as error:
        # Another step of the run, or an earlier run of the pipeline, was first.
        if not is_existing(error):
            raise
