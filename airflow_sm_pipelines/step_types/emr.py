"""EMR: a step on a cluster that is there, or on one that is made for it (semantics 2.13, 14.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from typing_extensions import override

from airflow_sm_pipelines.aws.calls import is_missing
from airflow_sm_pipelines.aws.failures import CallError, ExceptionType, StepFailure
from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.adapter import JobAdapter
from airflow_sm_pipelines.step_types.argument_rules import ArgumentRules
from airflow_sm_pipelines.step_types.console_locations import ConsoleLocations
from airflow_sm_pipelines.step_types.emr_requests import (
    LIMIT_MESSAGE,
    emr_request,
    find_cluster,
    find_step,
    reason_of_cluster,
    reason_of_step,
)
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import (
    ApiShape,
    CacheKey,
    Guide,
    RequestPart,
    RetryTypes,
    StepType,
    Variant,
    job_calls,
)
from airflow_sm_pipelines.step_types.stop_target import JobTarget

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.step_types.adapter import Console
    from airflow_sm_pipelines.step_types.stop_target import StopTarget

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
```json
{"Name": "Count", "Type": "EMR", "Arguments": {
  "ClusterId": "j-1ABCDEFGHIJKL",
  "StepConfig": {"HadoopJarStep": {
    "Jar": "command-runner.jar", "Args": ["spark-submit", "s3://bucket/count.py"]}}}}
```

```text
Count  EmrStepOperator
```

The task calls `AddJobFlowSteps` for the cluster, and waits until the EMR step has ended.

**On a cluster that is there** (`ClusterId`): `AddJobFlowSteps`, with `ExecutionRoleArn` where given.
`ActionOnFailure` is as given, else `CONTINUE`. A kill cancels the EMR step (`CancelSteps`). EMR before 5.28 cancels
only steps that have not begun; one that has begun goes on. The cluster is left as it is.

**On a cluster of its own** (`ClusterConfig`): one `RunJobFlow` that has the step in it, with
`KeepJobFlowAliveWhenNoSteps` false. `ActionOnFailure` is as given, else `TERMINATE_CLUSTER`. So the cluster ends with
its step, whichever process dies, and no `AddJobFlowSteps` is made.

- Success, failure, kill and time-out also ask for the cluster's termination (`TerminateJobFlows`). The step does not
  wait until the cluster is down.
- A try that finds the cluster of an earlier try that died goes on with it.
- `Name`, `Steps`, `AutoTerminationPolicy`, `Instances.KeepJobFlowAliveWhenNoSteps` and
  `Instances.TerminationProtected` are refused in a ClusterConfig, as in the SDK.

**Names.** The EMR step, and the cluster where one is made, get a name as jobs do: `pipelines-…`, or a name with
`StepConfig.Name` as its prefix.

**One step per attempt.** EMR has no token that makes a call happen once. So the name, unique to the attempt, is on
record before the call, and botocore makes the call once. A later try looks for the name (`ListClusters`, `ListSteps`)
before it calls again. That leaves one gap: a cluster or step that EMR has made and does not list a second later is
made twice. A cluster that no one knows of ends with its step.

**Failures.** `FAILED`, `CANCELLED` and `INTERRUPTED` fail the step. The reason is the `FailureDetails` (reason,
message, log file), else the state of the cluster and why it is in it. A limit that EMR names in its answer to the
call is `Emr.RESOURCE_LIMIT` for RetryPolicies.

**Result.** The members of DescribeStep's `Step`, and `ClusterId`. `Config.Properties` whose names are those of
secrets are masked in XCom; a step that refers to one gets the real value.

**Permissions.** The calls are `elasticmapreduce:…`. `RunJobFlow` needs `iam:PassRole` for the `ServiceRole` and
`JobFlowRole` (and `AutoScalingRole`) of the ClusterConfig.
""",
)


CLUSTER, STEP = "ClusterId", "StepId"


class EmrAdapter(JobAdapter):
    """An EMR step. Its result is DescribeStep's ``Step`` with ``ClusterId`` beside its members.

    With ClusterId the EMR step is added to that cluster, cancelled on a kill, and the cluster is left as it is. With
    ClusterConfig the cluster is made with this one step in it and ends with it (``emr_request``), so also when every
    worker dies; its termination is asked for at the end of the task besides, and is how a kill stops the step.

    Neither AddJobFlowSteps nor RunJobFlow can be told to do a thing only once. So botocore makes each call once, under
    a name that is unique to the attempt and on record before, and a later try looks for that name before it makes
    the call again. What cannot be guaranteed: a cluster or step that EMR does not list yet when the later try looks
    (a second after the lost reply at the earliest) is made twice; a cluster of which the task knows nothing ends with
    its step.
    """

    @property
    def _owns_cluster(self) -> bool:
        return self.run.step.arguments.get("ClusterConfig") is not None

    @property
    @override
    def kind(self) -> JobKind:
        known = self.run.record.identifiers
        kind = super().kind
        stop_params: dict[str, Any] = {}
        if self._owns_cluster and CLUSTER in known:
            stop_params = {"JobFlowIds": [known[CLUSTER]]}
        elif STEP in known:
            stop_params = {CLUSTER: known[CLUSTER], "StepIds": [known[STEP]]}
        return kind.bound(describe_params=dict(known) if STEP in known else {}, stop_params=stop_params)

    @override
    def name_prefix(self) -> Value:
        config = self.run.step.arguments.get("StepConfig")
        return config.get("Name") if isinstance(config, dict) else None

    @override
    def complete_request(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return emr_request(request, self.run.record.job_name)
        except TypeError as error:
            raise self.run.failure(f"in its Arguments {error}.") from None

    @override
    def prepare(self) -> None:
        if not self._owns_cluster:
            # A later try looks for the step on this cluster, though its own Arguments could not be resolved.
            self.run.identify(**{CLUSTER: str(self.run.request["JobFlowId"])})

    @override
    def create(self) -> None:
        client = self.run.client_calling_once()
        if self._owns_cluster:
            self.run.identify(**{CLUSTER: client.run_job_flow(**self.run.request)["JobFlowId"]})
        else:
            self.run.identify(**{STEP: client.add_job_flow_steps(**self.run.request)["StepIds"][0]})
        self.run.save()

    @override
    def refusal(self, error: ClientError | BotoCoreError) -> StepFailure:
        if LIMIT_MESSAGE.search(str(error)):
            message = f"{self.kind.service}:{self.create_call} was refused. {CallError.of(error)}"
            return self.run.failure(message, ExceptionType.EMR_RESOURCE_LIMIT)
        return super().refusal(error)

    @override
    def confirm(self) -> None:
        self._find_by_name()
        if STEP not in self.run.record.identifiers:
            cluster = self.run.record.identifiers[CLUSTER]
            message = f"EMR does not list the step of its cluster {cluster} yet."
            raise self.run.failure(message, ExceptionType.SERVICE_FAULT, outcome_unknown=True)

    @override
    def find(self) -> dict[str, Any] | None:
        self._find_by_name()
        return super().find() if STEP in self.run.record.identifiers else None

    def _find_by_name(self) -> None:
        try:
            self.locate()
        except self.run.call_errors as error:
            if is_missing(error):
                return
            raise
        self.run.save()
        known = self.run.record.identifiers
        if STEP in known:
            self.run.log.info("The EMR step is %s on the cluster %s", known[STEP], known[CLUSTER])

    @override
    def locate(self) -> None:
        """Learn the cluster and the step by the name on record, as far as they are not known and there."""
        run, client = self.run, self.run.client()
        name, began_at = run.record.job_name, run.record.started_at
        if self._owns_cluster and CLUSTER not in run.record.identifiers:
            if (cluster := find_cluster(client, name, began_at)) is None:
                return
            run.identify(**{CLUSTER: cluster})
        if STEP not in run.record.identifiers and CLUSTER in run.record.identifiers:
            step = find_step(client, run.record.identifiers[CLUSTER], name, began_at)
            if step is not None:
                run.identify(**{STEP: step})

    @override
    def result(self, described: dict[str, Any]) -> dict[str, Any]:
        return {**described["Step"], CLUSTER: self.run.record.identifiers[CLUSTER]}

    @override
    def failed_result(self, described: dict[str, Any]) -> dict[str, Any]:
        return self.result(described)

    @override
    def reason(self, described: dict[str, Any]) -> str:
        if reason := reason_of_step(described["Step"]):
            return reason
        try:
            response = self.run.client().describe_cluster(ClusterId=self.run.record.identifiers[CLUSTER])
        except self.run.call_errors as error:
            return f"EMR gives no reason, and the cluster could not be looked at ({CallError.of(error)})"
        return reason_of_cluster(response["Cluster"])

    @override
    def leftover(self) -> StopTarget | None:
        cluster = self.run.record.identifiers.get(CLUSTER)
        if not self._owns_cluster or cluster is None:
            return None
        kind = replace(KIND_OF_OWN_CLUSTER, noun="cluster").bound(stop_params={"JobFlowIds": [cluster]})
        return JobTarget(kind, cluster, self.run.access)

    @override
    def stop_target(self) -> StopTarget | None:
        return super().stop_target() if self.kind.stop_params else None

    @override
    def log_address(self, console: Console) -> str | None:
        known = self.run.record.identifiers
        try:
            cluster = self.run.client().describe_cluster(ClusterId=known[CLUSTER])["Cluster"]
        except self.run.call_errors as error:
            self.run.log.info("EMR does not say where the cluster's log is: %s", CallError.of(error))
            return None
        folder = str(cluster.get("LogUri") or "").rstrip("/")
        return console.s3_folder(f"{folder}/{known[CLUSTER]}/steps/{known[STEP]}") if folder else None


STEP_TYPE = StepType(
    name="EMR",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.emr.EmrStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.emr.EmrAddStepsOperator",
    kind=KIND,
    adapter=EmrAdapter,
    calls=(*job_calls(KIND), *LOOKING),
    parts=(
        RequestPart("StepConfig", ApiShape("emr", "AddJobFlowSteps"), ("Steps",), filled=("Name", "ActionOnFailure")),
        RequestPart("ClusterConfig", ApiShape("emr", "RunJobFlow"), filled=("Name",)),
    ),
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
