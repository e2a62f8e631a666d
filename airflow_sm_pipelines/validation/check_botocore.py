"""What a step needs and the installed botocore does not know yet."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from airflow_sm_pipelines.validation.api_model import api_model
from airflow_sm_pipelines.validation.shapes import installed_botocore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.model import Pipeline, Step
    from airflow_sm_pipelines.step_types.step_type import StepType

_INSTANCES = frozenset({"InstancePreferences", "SelectedInstanceCount", "SelectedInstanceType"})
NEWER_MEMBERS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "bedrock:CreateCustomModel": frozenset({"CustomModelDataSource"}),
        "emr-serverless:CreateApplication": frozenset({"applicationLevelDigestResolution"}),
        "emr:RunJobFlow": frozenset({"SessionEnabled"}),
        "sagemaker:CreateEndpointConfig": frozenset(
            {
                "EnableDetailedObservability",
                "InstancePools",
                "PrefixAwareRoutingConfig",
                "VariantInstanceProvisionTimeoutInSeconds",
            }
        ),
        "sagemaker:CreateHyperParameterTuningJob": _INSTANCES,
        "sagemaker:CreateInferenceComponent": frozenset({"ContainerMetricsConfig", "InstanceType", "Specifications"}),
        "sagemaker:CreateModel": frozenset({"ContainerMetricsConfig"}),
        "sagemaker:CreateModelPackage": frozenset({"ManagedStorageType"}),
        "sagemaker:CreateProcessingJob": _INSTANCES,
        "sagemaker:CreateTrainingJob": _INSTANCES | {"SequenceLength"},
    }
)
"""Members of requests that this package's tables have and the oldest botocore that is supported lacks.

A test holds it to whatever older botocore is installed.
"""


def check_botocore(pipeline: Pipeline, step_types: Mapping[str, StepType], collector: FindingCollector) -> None:
    """An error for each step whose calls the installed botocore lacks: it could only fail when it is reached.

    The message names the first version that has them (``StepType.botocore``).
    """
    for step in pipeline.all_steps:
        known = step_types.get(step.type)
        if known is None or known.botocore is None or not is_installed_older(known.botocore):
            continue
        call = known.calls[0].partition(":")[2]
        collector.error(
            f"a {step.type} step calls {call}, which botocore has from {known.botocore} on, and"
            f" {installed_botocore()} is installed: install newer boto3, botocore and aiobotocore",
            f"{step.path}.Type",
            step=step.name,
            code="old-botocore",
        )


def may_lack_members(step: Step, known: StepType) -> bool:
    """Whether a step uses a member that an older botocore, which is installed, may not know."""
    apis = (known.arguments, *(part.api for part in known.parts))
    newer = {name for api in apis if api for name in NEWER_MEMBERS.get(f"{api.service}:{api.operation}", ())}
    return bool(newer) and is_installed_older(api_model().botocore) and not newer.isdisjoint(_names(step.arguments))


def _names(value: Value) -> Iterator[str]:
    left: list[Value] = [value]
    while left:
        match left.pop():
            case Mapping() as members:
                yield from members
                left += members.values()
            case tuple() as elements:
                left += elements


def is_installed_older(version: str) -> bool:
    """Whether a botocore is installed, and it is older than this version."""
    installed = installed_botocore()
    return installed is not None and _parts(installed) < _parts(version)


def _parts(version: str) -> tuple[int, ...]:
    """The numbers of a version: botocore's have three, and nothing else."""
    return tuple(int(part) for part in version.split(".") if part.isdigit())
