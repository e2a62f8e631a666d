"""ForEach: one step for each item of a list (semantics 2.17). Experimental: the SDK does not make it yet."""

from __future__ import annotations

from airflow_sm_pipelines.catalog.step_type import StepType

CHILD_OUTPUTS = "ChildOutputs"
SELECTED = "Selected"

STEP_TYPE = StepType(
    name="ForEach",
    operator="airflow_sm_pipelines.steps.for_each.ForEachStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.base_aws.AwsBaseOperator",
    # The calls are those of the type of its body.
    extra_properties=(
        CHILD_OUTPUTS,
        SELECTED,
        "Status",
        "InputItemCount",
        "TotalStepCount",
        "SucceededStepCount",
        "FailedStepCount",
        "StoppedStepCount",
    ),
)
