"""InferenceComponent: CreateInferenceComponent or UpdateInferenceComponent (semantics 2.16, 14.8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerBaseOperator
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.operators.deployment import DeploymentOperator
from airflow_sm_pipelines.step_types.inference_component import KIND, UPDATE
from airflow_sm_pipelines.step_types.job_kind import JobState

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.expressions.stringify import Json


class InferenceComponentStepOperator(DeploymentOperator, SageMakerBaseOperator):
    """An InferenceComponent step. Its result is the DescribeInferenceComponent response.

    An update changes the specification and the copies; a component stays on its endpoint and variant.
    """

    kind = KIND
    update = UPDATE
    only_on_create = ("EndpointName", "VariantName", "Tags")

    @override
    def prepare(self, context: Context, client: Any) -> None:
        described = self._look(context, client)
        self._updates = described is not None
        if described is None:
            return
        wanted, own = self.config.get("EndpointName"), described.get("EndpointName")
        if own != wanted:
            failure = StepFailure(
                f"Step {self.task_id!r} failed: the inference component {self.record.job_name} is on the endpoint"
                f" {own!r} and cannot be moved to {wanted!r}. Nothing was changed."
            )
            self.fail_attempt(context, failure)

    @override
    def difference(self, described: Mapping[str, Any]) -> str:
        serving = dict(_identity(described))
        return ", ".join(
            f"{name} is {serving[name]!r} and not {wanted!r}"
            for name, wanted in _identity(self.config)
            if name in serving and serving[name] != wanted
        )

    @override
    def is_on_its_way(self, described: Mapping[str, Any]) -> bool:
        if KIND.state_of(described) is JobState.RUNNING:
            return True
        # The number of copies is no part of the difference: scaling may change it as soon as it is set.
        copies = (described.get("RuntimeConfig") or {}).get("DesiredCopyCount")
        wanted = cast("dict[str, Json]", self.config.get("RuntimeConfig") or {}).get("CopyCount", copies)
        return not self.difference(described) and copies == wanted


def _identity(component: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What tells one deployment from another, as a request and Describe both have it."""
    specification = component.get("Specification") or {}
    container = specification.get("Container") or {}
    found = {
        "ModelName": specification.get("ModelName"),
        "Image": container.get("Image") or (container.get("DeployedImage") or {}).get("SpecifiedImage"),
        "ArtifactUrl": container.get("ArtifactUrl"),
    }
    yield from ((name, value) for name, value in found.items() if value is not None)
