"""Endpoint: CreateEndpoint, or UpdateEndpoint where there is one of that name (semantics 2.16, 14.8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.console_locations import LOG_CALLS, ConsoleLocations, sagemaker_page
from airflow_sm_pipelines.step_types.deployed import GUIDE
from airflow_sm_pipelines.step_types.deployment import DeploymentAdapter
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import StepType, job_calls, sagemaker

KIND = JobKind(
    noun="endpoint",
    create="CreateEndpoint",
    describe="DescribeEndpoint",
    stop=None,
    name_field="EndpointName",
    describe_field="EndpointName",
    arn_field="EndpointArn",
    status_field="EndpointStatus",
    succeeded=("InService",),
    failed=("Failed", "OutOfService", "UpdateRollbackFailed", "Deleting"),
    role_field=None,
)
UPDATE = "UpdateEndpoint"

CONFIG_FIELD = "EndpointConfigName"


class EndpointAdapter(DeploymentAdapter):
    """An Endpoint step. Its result is the DescribeEndpoint response.

    An update keeps the endpoint's own tags: UpdateEndpoint takes none.
    """

    update = UPDATE
    only_on_create = ("Tags",)

    @override
    def difference(self, described: Mapping[str, Any]) -> str:
        wanted, serving = self.run.request.get(CONFIG_FIELD), described.get(CONFIG_FIELD)
        return "" if serving == wanted else f"its configuration is {serving!r} and not {wanted!r}"

    @override
    def is_on_its_way(self, described: Mapping[str, Any]) -> bool:
        pending = described.get("PendingDeploymentSummary") or {}
        return self.run.request.get(CONFIG_FIELD) in (described.get(CONFIG_FIELD), pending.get(CONFIG_FIELD))


STEP_TYPE = StepType(
    name="Endpoint",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.sagemaker.EndpointStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerEndpointOperator",
    kind=KIND,
    adapter=EndpointAdapter,
    calls=(*job_calls(KIND), *LOG_CALLS, f"sagemaker:{UPDATE}"),
    arguments=sagemaker("CreateEndpoint"),
    properties=sagemaker("DescribeEndpoint"),
    cached=True,
    user_named=True,
    refused_by_pipelines=("DeploymentConfig",),
    console=ConsoleLocations(sagemaker_page("endpoints/{name}"), "/aws/sagemaker/Endpoints/{name}"),
    guide=GUIDE,
)
