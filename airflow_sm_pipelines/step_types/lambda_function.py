"""Lambda: the invocation of a function (semantics 2.10)."""

from __future__ import annotations

from airflow_sm_pipelines.step_types.console_locations import ConsoleLocations
from airflow_sm_pipelines.step_types.step_type import RetryTypes, StepType

LONGEST_RUN_SECONDS = 600
"""How long a function may take to answer."""

STEP_TYPE = StepType(
    name="Lambda",
    operator="airflow_sm_pipelines.operators.lambda_function.LambdaStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.lambda_function.LambdaInvokeFunctionOperator",
    calls=("lambda:Invoke",),
    extra_properties=("OutputParameters",),
    retries=RetryTypes.CALLS,
    limits=(f"{LONGEST_RUN_SECONDS // 60} minutes for the function to answer",),
    console=ConsoleLocations("lambda/home?region={region}#/functions/{name}", "/aws/lambda/{name}"),
)
