"""EMR: a step on a cluster that is there, or on one that is made for it (semantics 2.13, 14.7)."""

from __future__ import annotations

from msgspec.structs import replace

from airflow_sm_pipelines.step_types.argument_rules import ArgumentRules
from airflow_sm_pipelines.step_types.console_locations import ConsoleLocations
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import (
    ApiShape,
    CacheKey,
    Guide,
    RetryTypes,
    StepType,
    Variant,
    job_calls,
)

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

GUIDE = Guide(
    "EMR",
    """\
**On a cluster that is there** (`ClusterId`): `AddJobFlowSteps`, with `ExecutionRoleArn` where given;
`ActionOnFailure` as given, else `CONTINUE`. A kill cancels the EMR step (`CancelSteps`; EMR before 5.28 cancels only
steps that have not begun, and the step goes on). The cluster is left as it is.

**On a cluster of its own** (`ClusterConfig`): one `RunJobFlow` that has the step in it, with
`KeepJobFlowAliveWhenNoSteps` false and `ActionOnFailure` as given, else `TERMINATE_CLUSTER`. So the cluster ends with
its step whatever dies, and no `AddJobFlowSteps` is made. Success, failure, kill and time-out ask for its termination
besides (`TerminateJobFlows`); a try that finds the cluster of one that died goes on with it. The step does not wait
until the cluster is down. `Name`, `Steps`, `AutoTerminationPolicy`, `Instances.KeepJobFlowAliveWhenNoSteps` and
`Instances.TerminationProtected` are refused in a ClusterConfig, as in the SDK.

**Names.** The EMR step, and the cluster where one is made, get a name as jobs do: `pipelines-…`, or `StepConfig.Name`
as the prefix of it.

**One step per attempt.** EMR has no token that makes a call happen once. The name, unique to the attempt, is on
record before the call; botocore makes the call once; and a later try looks for the name (`ListClusters`, `ListSteps`)
before it calls again. That leaves one gap: a cluster or step that EMR has made and does not list a second later is
made twice. A cluster that no one knows of ends with its step.

**Failures.** `FAILED`, `CANCELLED` and `INTERRUPTED` fail the step with the `FailureDetails` (reason, message, log
file), else with the state of the cluster and why it is in it. A limit that EMR names in its answer to the call is
`Emr.RESOURCE_LIMIT` for RetryPolicies.

**Result.** The members of DescribeStep's `Step`, and `ClusterId`. `Config.Properties` whose names are those of
secrets are masked in XCom, and read back for a step that refers to them.

**Permissions.** The calls are `elasticmapreduce:…`; `RunJobFlow` needs `iam:PassRole` for the `ServiceRole` and
`JobFlowRole` (and `AutoScalingRole`) of the ClusterConfig.
""",
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
    guide=GUIDE,
)
