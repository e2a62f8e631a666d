"""The Metadata of a step, which is what AWS says of it by its type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airflow_sm_pipelines.api.arns import Arns
from airflow_sm_pipelines.api.runs import Task
from airflow_sm_pipelines.definition.model import Step
from airflow_sm_pipelines.expressions.stringify import to_text

BY_ARN = {
    "Training": "TrainingJob",
    "Processing": "ProcessingJob",
    "Transform": "TransformJob",
    "Tuning": "TuningJob",
    "AutoML": "AutoMLJob",
    "Model": "Model",
    "RegisterModel": "RegisterModel",
    "EndpointConfig": "EndpointConfig",
    "Endpoint": "Endpoint",
    "InferenceComponent": "InferenceComponent",
    "Job": "Job",
    "BedrockCustomModel": "BedrockCustomModel",
    "BedrockCustomModelDeployment": "BedrockCustomModelDeployment",
    "BedrockModelImport": "BedrockModelImport",
    "BedrockProvisionedModelThroughput": "BedrockProvisionedModelThroughput",
}
RESOURCES = {
    "Training": "training-job",
    "Processing": "processing-job",
    "Transform": "transform-job",
    "Tuning": "hyper-parameter-tuning-job",
    "AutoML": "automl-job",
}
_CHECKS = (
    "CheckType",
    "BaselineUsedForDriftCheckStatistics",
    "BaselineUsedForDriftCheckConstraints",
    "CalculatedBaselineStatistics",
    "CalculatedBaselineConstraints",
    "ModelPackageGroupName",
    "ViolationReport",
    "CheckJobArn",
    "SkipCheck",
    "RegisterNewBaseline",
)
_COUNTS = (
    "Status",
    "InputItemCount",
    "TotalStepCount",
    "SucceededStepCount",
    "FailedStepCount",
    "StoppedStepCount",
)
_LINEAGE = ("ActionArns", "ArtifactArns", "ContextArns")
MAX_VALUE_LENGTH = 1024
MAX_MESSAGE_LENGTH = 3072
MAX_CLEANUP_MESSAGE_LENGTH = 2048


def metadata_of(step: Step, task: Task, arns: Arns) -> dict[str, Any] | None:
    """The Metadata of a step, by what its task has left; None where there is nothing of it yet.

    :param arns: those of the pipeline: a job that has not ended has left no ARN, and stands in the same account
    """
    if (member := BY_ARN.get(step.type)) is not None:
        arn = (task.job or {}).get("job_arn") or _arn_of_running(step, task, arns)
        return {member: {"Arn": arn}} if isinstance(arn, str) and arn else None
    make = MAKERS.get(step.type)
    if make is None:
        return None
    made = {name: value for name, value in make(step, task).items() if value is not None}
    return {step.type: made} if made else None


def _arn_of_running(step: Step, task: Task, arns: Arns) -> str | None:
    resource, record = RESOURCES.get(step.type), task.record
    if resource is None or record is None or not record.may_have_job:
        return None
    return arns.resource(f"{resource}/{record.job_name.lower()}")


def _condition(_: Step, task: Task) -> Mapping[str, Any]:
    outcome = _result(task).get("Outcome")
    return {"Outcome": str(outcome)} if isinstance(outcome, bool) else {}


def _callback(step: Step, task: Task) -> Mapping[str, Any]:
    return {"SqsQueueUrl": _text(step.settings.get("SqsQueueUrl")), "OutputParameters": _outputs(task)}


def _lambda(step: Step, task: Task) -> Mapping[str, Any]:
    arn = _text((task.job or {}).get("job_arn")) or _text(step.settings.get("FunctionArn"))
    return {"Arn": arn, "OutputParameters": _outputs(task)}


def _emr(_: Step, task: Task) -> Mapping[str, Any]:
    result = _result(task)
    return {
        "ClusterId": _text(result.get("ClusterId")),
        "StepId": _text(result.get("Id")),
        "StepName": _text(result.get("Name")),
    }


def _emr_serverless(_: Step, task: Task) -> Mapping[str, Any]:
    job = _result(task).get("jobRun")
    job = job if isinstance(job, Mapping) else {}
    return {
        "ApplicationId": _text(job.get("applicationId")),
        "JobRunId": _text(job.get("jobRunId")),
        "JobRunName": _text(job.get("name")),
    }


def _check(_: Step, task: Task) -> Mapping[str, Any]:
    return {name: _result(task).get(name) for name in _CHECKS}


def _fail(_: Step, task: Task) -> Mapping[str, Any]:
    return {} if task.note is None else {"ErrorMessage": task.note.reason[:MAX_MESSAGE_LENGTH]}


def _lineage(_: Step, task: Task) -> Mapping[str, Any]:
    result = _result(task)
    associations = result.get("Associations")
    ends = ("SourceArn", "DestinationArn")
    return {
        **{name: result.get(name) or None for name in _LINEAGE},
        "Associations": (
            [{name: each[name] for name in ends} for each in associations]
            if isinstance(associations, list) and associations
            else None
        ),
    }


def _for_each(_: Step, task: Task) -> Mapping[str, Any]:
    return {name: _result(task).get(name) for name in _COUNTS}


def _cleanup(_: Step, task: Task) -> Mapping[str, Any]:
    result = _result(task)
    reasons = [str(each.get("Reason")) for each in result.get("Failed") or () if isinstance(each, Mapping)]
    failed = {"ErrorCode": "ClientError", "ErrorMessage": "; ".join(reasons)[:MAX_CLEANUP_MESSAGE_LENGTH]}
    return {
        "CleanedSteps": result.get("CleanedSteps") or None,
        "FailedSteps": [{"StepName": str(name), **failed} for name in result.get("FailedSteps") or ()] or None,
        "SkippedSteps": result.get("SkippedSteps") or None,
    }


MAKERS: Mapping[str, Callable[[Step, Task], Mapping[str, Any]]] = {
    "Condition": _condition,
    "Callback": _callback,
    "Lambda": _lambda,
    "EMR": _emr,
    "EMRServerless": _emr_serverless,
    "QualityCheck": _check,
    "ClarifyCheck": _check,
    "Fail": _fail,
    "Lineage": _lineage,
    "ForEach": _for_each,
    "Cleanup": _cleanup,
}


def _result(task: Task) -> Mapping[str, Any]:
    return task.result if isinstance(task.result, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _outputs(task: Task) -> list[dict[str, str]] | None:
    """OutputParameters are texts on the wire, whatever their type is in the definition."""
    outputs = _result(task).get("OutputParameters")
    if not isinstance(outputs, Mapping):
        return None
    return [{"Name": str(name), "Value": to_text(value)[:MAX_VALUE_LENGTH]} for name, value in outputs.items()]
