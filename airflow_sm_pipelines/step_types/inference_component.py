"""InferenceComponent: CreateInferenceComponent, or UpdateInferenceComponent where it exists (semantics 2.16, 14.8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from typing_extensions import override

from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.console_locations import LOG_CALLS, ConsoleLocations, sagemaker_page
from airflow_sm_pipelines.step_types.deployed import GUIDE
from airflow_sm_pipelines.step_types.deployment import DeploymentAdapter
from airflow_sm_pipelines.step_types.job_kind import JobKind, JobState
from airflow_sm_pipelines.step_types.step_type import StepType, job_calls, sagemaker

KIND = JobKind(
    noun="inference component",
    create="CreateInferenceComponent",
    describe="DescribeInferenceComponent",
    stop=None,
    name_field="InferenceComponentName",
    describe_field="InferenceComponentName",
    arn_field="InferenceComponentArn",
    status_field="InferenceComponentStatus",
    succeeded=("InService",),
    failed=("Failed", "Deleting"),
    role_field=None,
)
UPDATE = "UpdateInferenceComponent"


class InferenceComponentAdapter(DeploymentAdapter):
    """An InferenceComponent step. Its result is the DescribeInferenceComponent response.

    An update changes the specification and the copies; a component stays on its endpoint and variant.
    """

    update = UPDATE
    only_on_create = ("EndpointName", "VariantName", "Tags")

    @override
    def prepare(self) -> None:
        described = self.run.describe()
        self.updates = described is not None
        if described is None:
            return
        wanted, own = self.run.request.get("EndpointName"), described.get("EndpointName")
        if own != wanted:
            raise self.run.failure(
                f"the inference component {self.run.record.job_name} is on the endpoint {own!r} and cannot be moved to"
                f" {wanted!r}. Nothing was changed."
            )

    @override
    def difference(self, described: Mapping[str, Any]) -> str:
        serving = dict(_identity(described))
        return ", ".join(
            f"{name} is {serving[name]!r} and not {wanted!r}"
            for name, wanted in _identity(self.run.request)
            if name in serving and serving[name] != wanted
        )

    @override
    def is_on_its_way(self, described: Mapping[str, Any]) -> bool:
        if KIND.state_of(described) is JobState.RUNNING:
            return True
        # The number of copies is no part of the difference: scaling may change it as soon as it is set.
        copies = (described.get("RuntimeConfig") or {}).get("DesiredCopyCount")
        wanted = (self.run.request.get("RuntimeConfig") or {}).get("CopyCount", copies)
        return not self.difference(described) and copies == wanted


def _identity(component: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What distinguishes one deployment from another, as a request and Describe both have it."""
    specification = component.get("Specification") or {}
    container = specification.get("Container") or {}
    found = {
        "ModelName": specification.get("ModelName"),
        "Image": container.get("Image") or (container.get("DeployedImage") or {}).get("SpecifiedImage"),
        "ArtifactUrl": container.get("ArtifactUrl"),
    }
    yield from ((name, value) for name, value in found.items() if value is not None)


STEP_TYPE = StepType(
    name="InferenceComponent",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.sagemaker.InferenceComponentStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerBaseOperator",
    kind=KIND,
    adapter=InferenceComponentAdapter,
    calls=(*job_calls(KIND), *LOG_CALLS, f"sagemaker:{UPDATE}"),
    arguments=sagemaker("CreateInferenceComponent"),
    properties=sagemaker("DescribeInferenceComponent"),
    user_named=True,
    console=ConsoleLocations(sagemaker_page("endpoints/{EndpointName}"), "/aws/sagemaker/InferenceComponents/{name}"),
    guide=GUIDE,
)
