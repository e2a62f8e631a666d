"""The step types of the service, as data."""

from __future__ import annotations

from typing import Literal, TypeAlias

STEP_TYPES = (
    "Training",
    "Processing",
    "Transform",
    "Tuning",
    "AutoML",
    "Model",
    "RegisterModel",
    "Condition",
    "Fail",
    "Lambda",
    "Callback",
    "QualityCheck",
    "ClarifyCheck",
    "EMR",
    "EMRServerless",
    "EndpointConfig",
    "Endpoint",
    "InferenceComponent",
    "Lineage",
    "ForEach",
    "Job",
    "BedrockCustomModel",
    "BedrockCustomModelDeployment",
    "BedrockProvisionedModelThroughput",
    "BedrockModelImport",
)
"""The types whose shape is known."""

NAME_ONLY_TYPES = ("Athena", "Cleanup", "HubContent")
"""The types of which AWS's API model tells the name and nothing of their Arguments."""

KNOWN_TYPES = frozenset(STEP_TYPES)

COMMON_KEYS = frozenset(
    {
        "Name",
        "Type",
        "Arguments",
        "DisplayName",
        "Description",
        "DependsOn",
        "RetryPolicies",
        "CacheConfig",
        "PropertyFiles",
    }
)
"""The keys of a step of any type."""

SettingKind: TypeAlias = Literal["text", "flag", "outputs", "check"]

_CHECK_SETTINGS: dict[str, SettingKind] = {
    "CheckType": "check",
    "ModelPackageGroupName": "text",
    "SkipCheck": "flag",
    "FailOnViolation": "flag",
    "RegisterNewBaseline": "flag",
    "SuppliedBaselineConstraints": "text",
}

SETTINGS: dict[str, dict[str, SettingKind]] = {
    "Lambda": {"FunctionArn": "text", "OutputParameters": "outputs"},
    "Callback": {"SqsQueueUrl": "text", "OutputParameters": "outputs"},
    "QualityCheck": {**_CHECK_SETTINGS, "SuppliedBaselineStatistics": "text"},
    "ClarifyCheck": {**_CHECK_SETTINGS, "ModelName": "text"},
}
"""The keys that stand beside Arguments, per type: a text or a flag (or an expression for one), output parameters,
or the kind of a check."""

REQUIRED_SETTINGS = {
    "Lambda": "FunctionArn",
    "Callback": "SqsQueueUrl",
    "QualityCheck": "CheckType",
    "ClarifyCheck": "CheckType",
}

CHECK_TYPES = {
    "QualityCheck": ("DATA_QUALITY", "MODEL_QUALITY"),
    "ClarifyCheck": ("DATA_BIAS", "MODEL_BIAS", "MODEL_EXPLAINABILITY"),
}


def cannot_be_run(step_type: str) -> str:
    """What to say of a step type that no operator runs, wherever it is met: at load, and when its task is reached."""
    found = f"unknown step type {step_type!r}"
    if step_type in NAME_ONLY_TYPES:
        found = f"nothing is known of the step type {step_type!r} but its name"
    register = f"airflow_sm_pipelines.register_step_type(StepType(name={step_type!r}, operator=...))"
    return f"{found}; to run it, register an operator of your own: {register}"
