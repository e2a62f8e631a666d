"""EMR: a step on a cluster that is there, or on one that is made for it (semantics 2.13, 14.7)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.amazon.aws.hooks.emr import EmrHook
from airflow.providers.amazon.aws.operators.emr import EmrAddStepsOperator
from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import CallError, ExceptionType, StepFailure, type_of_call_error
from airflow_sm_pipelines.jobs.emr import (
    LIMIT_MESSAGE,
    emr_request,
    find_cluster,
    find_step,
    reason_of_cluster,
    reason_of_step,
)
from airflow_sm_pipelines.jobs.job import is_missing
from airflow_sm_pipelines.operators.job import JobStepOperator
from airflow_sm_pipelines.step_types.emr import KIND, KIND_OF_OWN_CLUSTER, RULES

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.jobs.console import Console
    from airflow_sm_pipelines.step_types.job_kind import JobKind

CLUSTER, STEP = "ClusterId", "StepId"


class EmrStepOperator(JobStepOperator, EmrAddStepsOperator):
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

    kind = KIND
    takes_config = False
    provider_arguments = MappingProxyType({"job_flow_id": ""})
    aws_hook_class = EmrHook  # type: ignore[assignment] # of the base class, whose hook is SageMaker's

    @property
    def _owns_cluster(self) -> bool:
        return self.step.arguments.get("ClusterConfig") is not None

    @override
    def _begin_try(self, context: Context) -> None:
        super()._begin_try(context)
        self._bind()

    def _bind(self) -> None:
        """Let the waiting and stopping be about the cluster and step on record."""
        known = self.record.identifiers
        kind: JobKind = KIND_OF_OWN_CLUSTER if self._owns_cluster else KIND
        if self._owns_cluster and CLUSTER in known:
            kind = replace(kind, stopped_with={"JobFlowIds": [known[CLUSTER]]})
        elif STEP in known:
            kind = replace(kind, stopped_with={CLUSTER: known[CLUSTER], "StepIds": [known[STEP]]})
        self.kind = replace(kind, asked_with=known if STEP in known else {})

    def _learn(self, **identifiers: str) -> None:
        self.amend(identifiers={**self.record.identifiers, **identifiers})
        self._bind()

    @override
    def reach(self) -> dict[str, Json]:
        return super().reach() if self.kind.stopped_with else {}

    @override
    def name_prefix(self) -> Value:
        config = self.step.arguments.get("StepConfig")
        return config.get("Name") if isinstance(config, dict) else None

    @override
    def complete_request(self, request: dict[str, Json]) -> dict[str, Json]:
        for path, fault in RULES.broken(request):
            raise StepFailure(f"Step {self.task_id!r} failed: {path} in its Arguments {fault}.")
        try:
            return emr_request(request, self.record.job_name)
        except TypeError as error:
            raise StepFailure(f"Step {self.task_id!r} failed: in its Arguments {error}.") from None

    @override
    def prepare(self, context: Context, client: Any) -> None:
        if not self._owns_cluster:
            # A later try looks for the step on this cluster, though its own Arguments could not be resolved.
            self.amend(identifiers={CLUSTER: str(self.config["JobFlowId"])})

    @override
    def create(self, context: Context, client: Any) -> None:
        once = {**(self.botocore_config or {}), "retries": {"mode": "standard", "total_max_attempts": 1}}
        client = self.access.configured(once).client(self.kind.service)
        if self._owns_cluster:
            self._learn(**{CLUSTER: client.run_job_flow(**self.config)["JobFlowId"]})
        else:
            self._learn(**{STEP: client.add_job_flow_steps(**self.config)["StepIds"][0]})
        self.save(context)

    @override
    def _submit(self, context: Context, client: Any) -> None:
        super()._submit(context, client)
        self._find(context, client)
        if STEP not in self.record.identifiers:
            cluster = self.record.identifiers[CLUSTER]
            self.fail_attempt(
                context,
                StepFailure(
                    f"Step {self.task_id!r} failed: EMR does not list the step of its cluster {cluster} yet.",
                    ExceptionType.SERVICE_FAULT,
                    outcome_unknown=True,
                ),
            )

    @override
    def _left_by_earlier_try(self, context: Context, client: Any) -> dict[str, Any] | None:
        self._find(context, client)
        if STEP not in self.record.identifiers:
            return None
        return super()._left_by_earlier_try(context, client)

    def _find(self, context: Context, client: Any) -> None:
        try:
            self._look_for(client)
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and is_missing(error):
                return
            said = f"the EMR step {self.record.job_name} could not be looked for: {CallError.of(error)}"
            failure = StepFailure(
                f"Step {self.task_id!r} failed: {said}", type_of_call_error(error), outcome_unknown=True
            )
            self.fail_attempt(context, failure)
        self.save(context)

    def _look_for(self, client: Any) -> None:
        """Learn the cluster and the step by the name on record, as far as they are not known and there."""
        name, began_at = self.record.job_name, self.record.started_at
        if self._owns_cluster and CLUSTER not in self.record.identifiers:
            if (cluster := find_cluster(client, name, began_at)) is None:
                return
            self._learn(**{CLUSTER: cluster})
        if STEP not in self.record.identifiers and CLUSTER in self.record.identifiers:
            step = find_step(client, self.record.identifiers[CLUSTER], name, began_at)
            if step is not None:
                self._learn(**{STEP: step})

    @override
    def _wait(self, context: Context, client: Any, described: dict[str, Any] | None) -> Any:
        known = self.record.identifiers
        self.log.info("The EMR step is %s on the cluster %s", known[STEP], known[CLUSTER])
        return super()._wait(context, client, described)

    @override
    def log_address(self, console: Console) -> str | None:
        known = self.record.identifiers
        try:
            cluster = self.access.client(self.kind.service).describe_cluster(ClusterId=known[CLUSTER])["Cluster"]
        except (ClientError, BotoCoreError) as error:
            self.log.info("EMR does not tell where the cluster's log is: %s", CallError.of(error))
            return None
        folder = str(cluster.get("LogUri") or "").rstrip("/")
        return console.s3_folder(f"{folder}/{known[CLUSTER]}/steps/{known[STEP]}") if folder else None

    @override
    def result_of(self, described: dict[str, Any]) -> dict[str, Any]:
        return {**described["Step"], CLUSTER: self.record.identifiers[CLUSTER]}

    @override
    def reason_of(self, described: dict[str, Any]) -> str:
        if reason := reason_of_step(described["Step"]):
            return reason
        try:
            client = self.access.client(self.kind.service)
            response = client.describe_cluster(ClusterId=self.record.identifiers[CLUSTER])
        except (ClientError, BotoCoreError) as error:
            return f"EMR gives no reason, and the cluster could not be looked at ({CallError.of(error)})"
        return reason_of_cluster(response["Cluster"])

    @override
    def _fail_call(self, context: Context, error: ClientError | BotoCoreError) -> NoReturn:
        if isinstance(error, ClientError) and LIMIT_MESSAGE.search(str(error)):
            failure = StepFailure(f"{self._call_failed} {CallError.of(error)}", ExceptionType.EMR_RESOURCE_LIMIT)
            self.fail_attempt(context, failure)
        super()._fail_call(context, error)

    # The end ------------------------------------------------------------------------------------------------

    @override
    def _end(self, context: Context, described: dict[str, Any]) -> Any:
        result = super()._end(context, described)
        self._terminate_own_cluster()
        return result

    @override
    def fail_attempt(self, context: Context, failure: StepFailure) -> NoReturn:
        # What has no type is not retried: then nobody comes back for the cluster.
        if not failure.outcome_unknown or failure.exception_type is None:
            self._terminate_own_cluster()
        super().fail_attempt(context, failure)

    def _terminate_own_cluster(self) -> None:
        cluster = self.record.identifiers.get(CLUSTER)
        if not self._owns_cluster or cluster is None:
            return
        try:
            self.access.client(self.kind.service).terminate_job_flows(JobFlowIds=[cluster])
        except (ClientError, BotoCoreError) as error:
            self.log.warning(
                "The cluster %s could not be terminated, and ends with its step: %s", cluster, CallError.of(error)
            )
        else:
            self.log.info("The cluster %s was asked to terminate", cluster)

    @override
    def _stop_job(self) -> None:
        if self._job_in_flight is not None and not self.kind.stopped_with:
            # The kill or the time-out came before the reply to the call that made the step.
            try:
                self._look_for(self.access.client(self.kind.service))
            except (ClientError, BotoCoreError) as error:
                self.log.warning("EMR could not be asked for the step %s: %s", self._job_in_flight, error)
            if not self.kind.stopped_with:
                self.log.info("EMR knows of no step %s to stop", self._job_in_flight)
                return
        super()._stop_job()
