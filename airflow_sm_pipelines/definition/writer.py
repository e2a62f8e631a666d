"""Typed pipelines back to the JSON of a definition.

Reading what is written gives the same pipeline. Writing what was read gives the same JSON value, in this one spelling:
absent and null keys are left out (top-level Parameters and Metadata are always there), a parameter has its Type and its
default in that type, ``Not`` has a Condition, ``NotIn`` is a Not of an In, ``In`` has QueryValue and Values,
ExceptionType is an array, both branches of a Condition are there, property paths quote keys with single quotes, and
keys that the reader warned of are gone. What a describe-pipeline response says around a definition is not written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.expressions import to_json
from airflow_sm_pipelines.definition.model import Compare, In, Not, Or, Trigger

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.model import (
        CacheConfig,
        Condition,
        DependsOn,
        Parameter,
        Pipeline,
        PropertyFile,
        RetryPolicy,
        Step,
    )


def to_document(pipeline: Pipeline) -> dict[str, object]:
    """The definition of a pipeline as JSON values."""
    document: dict[str, object] = {
        "Version": pipeline.version,
        "Metadata": dict(pipeline.metadata),
        "Parameters": [parameter_to_json(parameter) for parameter in pipeline.parameters.values()],
    }
    if pipeline.experiment is not None:
        names = {
            "ExperimentName": to_json(pipeline.experiment.experiment_name),
            "TrialName": to_json(pipeline.experiment.trial_name),
        }
        document["PipelineExperimentConfig"] = _present(names)
    if pipeline.mlflow is not None:
        names = {
            "MlflowResourceArn": to_json(pipeline.mlflow.resource_arn),
            "MlflowExperimentName": to_json(pipeline.mlflow.experiment_name),
        }
        document["MlflowConfig"] = _present(names)
    document["Steps"] = [step_to_json(step) for step in pipeline.steps]
    return _present(document)


def step_to_json(step: Step) -> dict[str, object]:
    """One step as JSON values, those inside it included."""
    document: dict[str, object] = {
        "Name": step.name,
        "Type": step.type,
        "Arguments": _arguments(step),
        "DisplayName": step.display_name,
        "Description": step.description,
        "DependsOn": [_depends_on(entry) for entry in step.depends_on] or None,
        "CacheConfig": None if step.cache is None else _cache(step.cache),
        "PropertyFiles": [_property_file(file) for file in step.property_files] or None,
    }
    if step.retry_policies is not None:
        document["RetryPolicies"] = [_retry_policy(policy) for policy in step.retry_policies]
    return {**_present(document), **{key: to_json(value) for key, value in step.settings.items()}}


def _depends_on(entry: DependsOn) -> object:
    # As the SDK writes it: Completed is the plain name.
    return entry.step if entry.trigger is Trigger.COMPLETED else {"Step": entry.step, "Trigger": entry.trigger.value}


def condition_to_json(condition: Condition) -> dict[str, object]:
    """One condition as JSON values."""
    return {name: to_json(member) for name, member in condition_to_object(condition).items()}


def condition_to_object(condition: Condition) -> dict[str, Value]:
    """One condition as a definition writes it, with its expressions as they were read."""
    match condition:
        case Compare(comparison, left, right):
            return {"Type": comparison.value, "LeftValue": left, "RightValue": right}
        case In(query, values):
            return {"Type": "In", "QueryValue": query, "Values": values}
        case Not(inner):
            return {"Type": "Not", "Condition": condition_to_object(inner)}
        case Or(conditions):
            return {"Type": "Or", "Conditions": tuple(condition_to_object(inner) for inner in conditions)}


def _present(document: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in document.items() if value is not None}


def _arguments(step: Step) -> object:
    if step.branches is not None:
        return {
            "Conditions": [condition_to_json(condition) for condition in step.branches.conditions],
            "IfSteps": [step_to_json(inner) for inner in step.branches.if_steps],
            "ElseSteps": [step_to_json(inner) for inner in step.branches.else_steps],
        }
    if step.for_each is not None:
        loop = {
            "IterableItems": to_json(step.for_each.items),
            "MaxConcurrency": to_json(step.for_each.max_concurrency),
            "Selector": to_json(step.for_each.selector),
            "ForEachBody": [step_to_json(inner) for inner in step.for_each.body],
        }
        return _present(loop)
    return to_json(step.arguments)


def parameter_to_json(parameter: Parameter) -> dict[str, object]:
    """One parameter as JSON values."""
    document: dict[str, object] = {"Name": parameter.name, "Type": parameter.type.value}
    if parameter.has_default:
        document["DefaultValue"] = parameter.default
    if parameter.enum_values:
        document["EnumValues"] = list(parameter.enum_values)
    if parameter.description is not None:
        document["Description"] = parameter.description
    return document


def _retry_policy(policy: RetryPolicy) -> dict[str, object]:
    return _present(
        {
            "ExceptionType": list(policy.exception_types),
            "IntervalSeconds": policy.interval_seconds,
            "BackoffRate": policy.backoff_rate,
            "MaxAttempts": policy.max_attempts,
            "ExpireAfterMin": policy.expire_after_minutes,
        }
    )


def _cache(cache: CacheConfig) -> dict[str, object]:
    return _present({"Enabled": to_json(cache.enabled), "ExpireAfter": cache.expire_after})


def _property_file(file: PropertyFile) -> dict[str, object]:
    return {"PropertyFileName": file.name, "OutputName": file.output_name, "FilePath": file.file_path}
