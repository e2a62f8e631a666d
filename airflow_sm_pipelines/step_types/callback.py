"""Callback: a message to a queue, and the wait for its answer (semantics 2.11)."""

from __future__ import annotations

from airflow_sm_pipelines.step_types.console_locations import ConsoleLocations
from airflow_sm_pipelines.step_types.step_type import RetryTypes, StepType

STEP_TYPE = StepType(
    name="Callback",
    operator="airflow_sm_pipelines.operators.callback.CallbackStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.base_aws.AwsBaseOperator",
    # The last three are made where a reply queue is set.
    calls=("sqs:SendMessage", "sqs:ReceiveMessage", "sqs:ChangeMessageVisibilityBatch", "sqs:DeleteMessage"),
    extra_properties=("OutputParameters",),
    retries=RetryTypes.CALLS,
    limits=(
        "50 outputs in an answer, each with a name of 256 characters and a value of 1024",
        "`callback_timeout` for the answer, 7 days by default",
    ),
    console=ConsoleLocations("sqs/v3/home?region={region}#/queues/{QueueUrl}"),
)
