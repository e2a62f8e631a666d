"""ForEach: one step for each item of a list (semantics 2.17). Experimental: the SDK does not make it yet."""

from __future__ import annotations

from airflow_sm_pipelines.definition.steps import MAX_CONCURRENCY
from airflow_sm_pipelines.step_types.step_type import StepType

CHILD_OUTPUTS = "ChildOutputs"
SELECTED = "Selected"

STEP_TYPE = StepType(
    name="ForEach",
    operator="airflow_sm_pipelines.operators.for_each.ForEachStepOperator",
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
    limits=(
        "one step in the body",
        f"MaxConcurrency 1 to {MAX_CONCURRENCY}",
        "`[core] max_map_length` items, 1024 by default",
    ),
)
