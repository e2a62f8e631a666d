"""The operators of the EMR and EMRServerless steps, before those of the Amazon provider.

What they do stands in :mod:`airflow_sm_pipelines.step_types.emr` and
:mod:`airflow_sm_pipelines.step_types.emr_serverless`.
"""

from __future__ import annotations

from types import MappingProxyType

from airflow.providers.amazon.aws.hooks.emr import EmrHook, EmrServerlessHook
from airflow.providers.amazon.aws.operators.emr import EmrAddStepsOperator, EmrServerlessStartJobOperator

from airflow_sm_pipelines.operators.job import JobStepOperator


class EmrStepOperator(JobStepOperator, EmrAddStepsOperator):
    """An EMR step (:class:`airflow_sm_pipelines.step_types.emr.EmrAdapter`)."""

    provider_arguments = MappingProxyType({"job_flow_id": ""})
    aws_hook_class = EmrHook  # type: ignore[assignment] # of the base class, whose hook is SageMaker's


class EmrServerlessStepOperator(JobStepOperator, EmrServerlessStartJobOperator):  # type: ignore[misc] # whose execute takes an event too
    """An EMRServerless step (:class:`airflow_sm_pipelines.step_types.emr_serverless.EmrServerlessAdapter`)."""

    provider_arguments = MappingProxyType(
        {
            "config": {},
            "application_id": "",
            "execution_role_arn": "",
            "job_driver": {},
            "client_request_token": "none",
        }
    )
    aws_hook_class = EmrServerlessHook  # type: ignore[assignment] # of the base class, whose hook is SageMaker's
