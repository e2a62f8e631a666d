"""EMR: a step on a cluster that is there, or on one that is made for it (semantics 2.13, 14.7)."""

from __future__ import annotations

from msgspec.structs import replace

from airflow_sm_pipelines.step_types.argument_rules import ArgumentRules
from airflow_sm_pipelines.step_types.console_locations import ConsoleLocations
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import ApiShape, CacheKey, RetryTypes, StepType, Variant, job_calls

KIND = JobKind(
    noun="EMR step",
    create="AddJobFlowSteps",
    describe="DescribeStep",
    stop="CancelSteps",
    name_field="Name",
    describe_field="StepId",
    arn_field="Step.Arn",
    status_field="Step.Status.State",
    succeeded=("COMPLETED",),
    failed=("FAILED", "CANCELLED", "INTERRUPTED"),
    service="emr",
    tags_field=None,
    name_limit=256,
    role_field=None,
    reason_field="Step.Status.FailureDetails.Message",
    result_field="Step",
)
KIND_OF_OWN_CLUSTER = replace(KIND, create="RunJobFlow", stop="TerminateJobFlows", tags_field="Tags")
# By its name, the step that an earlier try has made; the cluster's log, and why it ended.
LOOKING = ("emr:ListSteps", "emr:DescribeCluster")

RULES = ArgumentRules(
    required=("StepConfig", "StepConfig.HadoopJarStep"),
    one_of=(
        ("ClusterId", "ClusterConfig"),
        ("ClusterConfig.Instances.InstanceGroups", "ClusterConfig.Instances.InstanceFleets"),
    ),
    only_with=(("ExecutionRoleArn", "ClusterId"),),
    forbidden=(
        "ClusterConfig.Name",
        "ClusterConfig.Steps",
        "ClusterConfig.AutoTerminationPolicy",
        "ClusterConfig.Instances.KeepJobFlowAliveWhenNoSteps",
        "ClusterConfig.Instances.TerminationProtected",
    ),
)

STEP_TYPE = StepType(
    name="EMR",
    operator="airflow_sm_pipelines.operators.emr.EmrStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.emr.EmrAddStepsOperator",
    kind=KIND,
    calls=(*job_calls(KIND), *LOOKING),
    properties=ApiShape("emr", "DescribeStep", "Step"),
    extra_properties=("ClusterId",),
    variants=(
        Variant(
            ("ClusterConfig",),
            KIND_OF_OWN_CLUSTER,
            calls=(*job_calls(KIND_OF_OWN_CLUSTER), *LOOKING, "emr:ListClusters"),
        ),
    ),
    passed_roles=(
        "ExecutionRoleArn",
        *(f"ClusterConfig.{role}" for role in ("ServiceRole", "JobFlowRole", "AutoScalingRole")),
    ),
    retries=RetryTypes.ALL,
    cached=True,
    cache_key=CacheKey(
        arguments=(
            "ClusterId",
            "ClusterConfig",
            "StepConfig",
        )
    ),
    rules=RULES,
    limits=("256 pending and active steps in a cluster",),
    console=ConsoleLocations("emr/home?region={region}#/clusterDetails/{ClusterId}"),
)
