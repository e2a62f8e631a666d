"""The step types as data: one file for each, and one line in the table below. No Airflow, no AWS.

A type that is not known is read as the definition has it, its properties are not checked, and no operator runs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.step_types.registry import StepTypeRegistry

if TYPE_CHECKING:
    from airflow_sm_pipelines.step_types.step_type import StepType

STEP_TYPES = StepTypeRegistry(
    {
        name: f"{__name__}.{module}"
        for name, module in (
            ("AutoML", "automl"),
            ("BedrockCustomModel", "bedrock_custom_model"),
            ("BedrockCustomModelDeployment", "bedrock_custom_model_deployment"),
            ("BedrockModelImport", "bedrock_model_import"),
            ("BedrockProvisionedModelThroughput", "bedrock_provisioned_model_throughput"),
            ("Callback", "callback"),
            ("ClarifyCheck", "clarify_check"),
            ("Cleanup", "cleanup"),
            ("Condition", "condition"),
            ("EMR", "emr"),
            ("EMRServerless", "emr_serverless"),
            ("Endpoint", "endpoint"),
            ("EndpointConfig", "endpoint_config"),
            ("Fail", "fail"),
            ("ForEach", "for_each"),
            ("InferenceComponent", "inference_component"),
            ("Job", "job"),
            ("Lambda", "lambda_function"),
            ("Lineage", "lineage"),
            ("Model", "model"),
            ("Processing", "processing"),
            ("QualityCheck", "quality_check"),
            ("RegisterModel", "register_model"),
            ("Training", "training"),
            ("Transform", "transform"),
            ("Tuning", "tuning"),
        )
    }
)
"""The step types that are known, those of entry points and those that users registered included."""


def register_step_type(step_type: StepType, *, replace: bool = False) -> None:
    """Make a step type known in this process, or put another operator in the place of a known one's.

    Call it in the dags file, before the definitions are loaded, or in a module that the file imports: a worker parses
    the file too. What does not run the dags file (``lint``, ``iam``, ``explain``, the triggerer) knows a type by an
    entry point of the group ``airflow_sm_pipelines.step_types``.

    :param step_type: the record of the type
    :param replace: whether it may take the place of another type of its name
    :raises StepTypeError: for a name that is taken, or a type that nothing can run
    """
    STEP_TYPES.register(step_type, replace=replace)


def unregister_step_type(name: str) -> None:
    """Undo :func:`register_step_type`; what stood under the name before is known again.

    :raises StepTypeError: for a name that was not registered
    """
    STEP_TYPES.unregister(name)
