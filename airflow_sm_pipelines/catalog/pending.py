"""The step types that are read and checked, and that no operator runs yet (semantics 2.5, 2.6, 2.10 to 2.17)."""

from __future__ import annotations

from airflow_sm_pipelines.catalog.step_type import ApiShape, RetryTypes, StepType, sagemaker

OUTPUT_PARAMETERS = ("OutputParameters",)
BASELINE_CONSTRAINTS = ("CalculatedBaselineConstraints", "BaselineUsedForDriftCheckConstraints")
BASELINE_STATISTICS = ("CalculatedBaselineStatistics", "BaselineUsedForDriftCheckStatistics")

PENDING = (
    StepType(name="Lambda", extra_properties=OUTPUT_PARAMETERS),
    StepType(name="Callback", extra_properties=OUTPUT_PARAMETERS),
    StepType(
        name="QualityCheck",
        arguments=sagemaker("CreateProcessingJob"),
        extra_properties=BASELINE_CONSTRAINTS + BASELINE_STATISTICS,
        cached=True,
    ),
    StepType(
        name="ClarifyCheck",
        arguments=sagemaker("CreateProcessingJob"),
        extra_properties=BASELINE_CONSTRAINTS,
        cached=True,
    ),
    StepType(
        name="EMR",
        properties=ApiShape("emr", "DescribeStep", "Step"),
        extra_properties=("ClusterId",),
        retries=RetryTypes.ALL,
        cached=True,
    ),
    StepType(name="EMRServerless", properties=ApiShape("emr-serverless", "GetJobRun"), retries=RetryTypes.ALL),
    StepType(
        name="EndpointConfig",
        arguments=sagemaker("CreateEndpointConfig"),
        properties=sagemaker("DescribeEndpointConfig"),
        retries=RetryTypes.ALL,
        cached=True,
    ),
    StepType(
        name="Endpoint",
        arguments=sagemaker("CreateEndpoint"),
        properties=sagemaker("DescribeEndpoint"),
        cached=True,
    ),
    StepType(
        name="InferenceComponent",
        arguments=sagemaker("CreateInferenceComponent"),
        properties=sagemaker("DescribeInferenceComponent"),
    ),
    StepType(name="Lineage", extra_properties=("ActionArns", "ArtifactArns", "ContextArns", "Associations")),
)
