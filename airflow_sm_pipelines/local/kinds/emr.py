"""EMR clusters and their steps. moto's clusters are up at once, and its steps run for ever."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, ClassVar

from airflow_sm_pipelines.local.errors import AwsError, invalid
from airflow_sm_pipelines.local.kinds.action import Action, Handler
from airflow_sm_pipelines.local.kinds.emr_life import ClusterPlan, StepPlan, live
from airflow_sm_pipelines.local.kinds.emr_views import cluster_summary, page_of, refused, step_summary
from airflow_sm_pipelines.local.kinds.listing import moment
from airflow_sm_pipelines.local.scenario import JobRule
from airflow_sm_pipelines.local.state import EndpointState, Job, arn, merged
from airflow_sm_pipelines.local.timeline import Phase, Timeline

CLUSTER, STEP = "emr-cluster", "emr-step"
OUTCOMES = {"Completed": "COMPLETED", "Failed": "FAILED", "Stopped": "CANCELLED"}
MAX_ACTIVE_STEPS = 256
# The request of a cluster that was there before the endpoint.
EXISTING: dict[str, Any] = {"Name": "existing", "Instances": {"KeepJobFlowAliveWhenNoSteps": True}}
SHOWN = ("LogUri", "ReleaseLabel", "Applications", "Tags", "ServiceRole", "Configurations", "StepConcurrencyLevel")


class EmrKind:
    """RunJobFlow, AddJobFlowSteps and their families.

    A rule for ``emr-cluster`` is found by the cluster's Name: ``queued`` is how long it takes to come up, ``stopping``
    to go down, the outcome Failed a bootstrap failure. A rule for ``emr-step`` is found by the step's Name.
    """

    missing: ClassVar[tuple[str, ...]] = (
        *("AddInstanceFleet", "AddInstanceGroups", "AddTags", "DescribeJobFlows", "GetAutoTerminationPolicy"),
        *("ListBootstrapActions", "ListInstanceFleets", "ListInstanceGroups", "ListInstances", "ModifyCluster"),
        *("PutAutoTerminationPolicy", "PutManagedScalingPolicy", "RemoveTags", "SetKeepJobFlowAliveWhenNoSteps"),
        *("SetTerminationProtection", "SetVisibleToAllUsers"),
    )

    def __init__(self) -> None:
        self._ids = itertools.count(1)

    def actions(self) -> Mapping[str, Handler]:
        """The actions by name."""
        return {
            "RunJobFlow": self.run_job_flow,
            "DescribeCluster": self.describe_cluster,
            "ListClusters": self.list_clusters,
            "TerminateJobFlows": self.terminate_job_flows,
            "AddJobFlowSteps": self.add_job_flow_steps,
            "DescribeStep": self.describe_step,
            "ListSteps": self.list_steps,
            "CancelSteps": self.cancel_steps,
        }

    # Clusters -----------------------------------------------------------------------------------------------

    def run_job_flow(self, action: Action) -> dict[str, Any]:
        """Start a cluster; two calls start two, whatever their names."""
        instances = action.parameters["Instances"]
        if "InstanceGroups" in instances and "InstanceFleets" in instances:
            raise invalid("You can specify either instance groups or instance fleets, not both.")
        job = self._new_cluster(action, f"j-{next(self._ids):013X}", action.parameters)
        self._add_steps(action, job, action.parameters.get("Steps", []))
        return {"JobFlowId": job.name, "ClusterArn": job.arn}

    def _new_cluster(self, action: Action, name: str, request: dict[str, Any]) -> Job:
        state, now = action.state, action.now
        rule = state.rule(CLUSTER, request["Name"]) or JobRule()
        plan = ClusterPlan(
            created=now,
            ready=now + (state.defaults.queued if rule.queued is None else rule.queued),
            stopping=state.defaults.stopping if rule.stopping is None else rule.stopping,
            keep_alive=request["Instances"].get("KeepJobFlowAliveWhenNoSteps", False),
            concurrency=request.get("StepConcurrencyLevel", 1),
            broken=rule.outcome == "Failed",
        )
        place = arn(action.region, f"cluster/{name}", "elasticmapreduce")
        job = _resource(CLUSTER, name, action, place, request, rule)
        job.facts.update(plan=plan, steps=[])
        state.add(job)
        _plan_anew(state, job)
        return job

    def _cluster(self, action: Action, name: str, error: AwsError | None = None) -> Job:
        job = action.state.find(CLUSTER, action.region, name, action.now)
        if job is None and action.state.exists_before(CLUSTER, name):
            job = self._new_cluster(action, name, EXISTING)
        if job is None:
            raise error or refused(f"Cluster id '{name}' is not valid.")
        return job

    def describe_cluster(self, action: Action) -> dict[str, Any]:
        """The cluster as its request made it, and its state."""
        job = self._cluster(action, action.parameters["ClusterId"])
        request = {key: job.request[key] for key in SHOWN if key in job.request}
        plan: ClusterPlan = job.facts["plan"]
        cluster = {**cluster_summary(job, action.now), **request, "AutoTerminate": not plan.keep_alive}
        return {"Cluster": merged(cluster, job.rule.describe)}

    def list_clusters(self, action: Action) -> dict[str, Any]:
        """A page of clusters, the newest first."""
        asked = action.parameters
        after, before = moment(asked.get("CreatedAfter"), 0.0), moment(asked.get("CreatedBefore"), float("inf"))
        wanted = asked.get("ClusterStates")
        found = [
            cluster_summary(job, action.now)
            for job in reversed(list(action.state.all(CLUSTER, action.region, action.now)))
            if after <= job.created <= before and (not wanted or job.timeline.current(action.now).status in wanted)
        ]
        return page_of("Clusters", found, asked)

    def terminate_job_flows(self, action: Action) -> dict[str, Any]:
        """Begin to shut clusters down; those that have ended already stay as they are."""
        error = invalid("Specified job flow ID does not exist.")
        jobs = [self._cluster(action, name, error) for name in action.parameters["JobFlowIds"]]
        if any(job.request["Instances"].get("TerminationProtected") for job in jobs):
            raise invalid("Could not shut down one or more job flows since they are termination protected.")
        for job in jobs:
            if not _is_ending(job, action.now):
                job.facts["plan"].terminated = action.now
                _plan_anew(action.state, job)
        return {}

    # Steps --------------------------------------------------------------------------------------------------

    def add_job_flow_steps(self, action: Action) -> dict[str, Any]:
        """Queue steps on a cluster."""
        error = invalid("Specified job flow ID does not exist.")
        job = self._cluster(action, action.parameters["JobFlowId"], error)
        if _is_ending(job, action.now):
            raise invalid("A job flow that is shutting down, terminated, or finished may not be modified.")
        active = [step for step in job.facts["steps"] if not step.timeline.ended(action.now)]
        if len(active) + len(action.parameters["Steps"]) > MAX_ACTIVE_STEPS:
            raise invalid(
                "Maximum number of active steps(State = 'Running', 'Pending' or 'Cancel_Pending') for cluster exceeded."
            )
        return {"StepIds": self._add_steps(action, job, action.parameters["Steps"])}

    def _add_steps(self, action: Action, cluster: Job, requests: list[dict[str, Any]]) -> list[str]:
        added = []
        for request in requests:
            rule = action.state.rule(STEP, request["Name"]) or JobRule()
            defaults = action.state.defaults
            name = f"s-{next(self._ids):013X}"
            step = _resource(STEP, name, action, f"{cluster.arn}/step/{name}", request, rule)
            step.facts["cluster"] = cluster.name
            step.facts["role"] = action.parameters.get("ExecutionRoleArn")
            step.facts["plan"] = StepPlan(
                added=action.now,
                duration=defaults.duration if rule.duration is None else rule.duration,
                outcome=OUTCOMES[rule.outcome],
                on_failure=request.get("ActionOnFailure", "CONTINUE"),
                stopping=defaults.stopping if rule.stopping is None else rule.stopping,
            )
            action.state.add(step)
            cluster.facts["steps"].append(step)
            added.append(name)
        _plan_anew(action.state, cluster)
        return added

    def describe_step(self, action: Action) -> dict[str, Any]:
        """One step."""
        cluster = self._cluster(action, action.parameters["ClusterId"])
        name = action.parameters["StepId"]
        step = next((step for step in cluster.facts["steps"] if step.name == name), None)
        if step is None:
            raise refused(f"Step id '{name}' is not valid.")
        described = step_summary(step, cluster, action.now)
        if step.facts["role"]:
            described["ExecutionRoleArn"] = step.facts["role"]
        return {"Step": merged(described, step.rule.describe)}

    def list_steps(self, action: Action) -> dict[str, Any]:
        """A page of a cluster's steps, the newest first."""
        asked = action.parameters
        cluster = self._cluster(action, asked["ClusterId"])
        found = [
            step_summary(step, cluster, action.now)
            for step in reversed(cluster.facts["steps"])
            if (not asked.get("StepStates") or step.timeline.current(action.now).status in asked["StepStates"])
            and (not asked.get("StepIds") or step.name in asked["StepIds"])
        ]
        return page_of("Steps", found, asked)

    def cancel_steps(self, action: Action) -> dict[str, Any]:
        """Begin to cancel steps; says of each whether it can be."""
        cluster = self._cluster(action, action.parameters["ClusterId"])
        steps = {step.name: step for step in cluster.facts["steps"]}
        answers = []
        for name in action.parameters["StepIds"]:
            step = steps.get(name)
            if step is None:
                raise refused(f"Step id '{name}' is not valid.")
            if step.timeline.ended(action.now):
                state = step.timeline.end.status
                answers.append({"StepId": name, "Status": "FAILED", "Reason": f"Step is in state {state}."})
                continue
            plan: StepPlan = step.facts["plan"]
            plan.cancelled = plan.cancelled if plan.cancelled is not None else action.now
            answers.append({"StepId": name, "Status": "SUBMITTED"})
        _plan_anew(action.state, cluster)
        return {"CancelStepsInfoList": answers}


def _resource(kind: str, name: str, action: Action, place: str, request: dict[str, Any], rule: JobRule) -> Job:
    now = action.now
    return Job(kind, name, action.region, place, request, rule, now, now, Timeline((Phase(now, "STARTING"),)))


def _plan_anew(state: EndpointState, cluster: Job) -> None:
    steps: list[Job] = cluster.facts["steps"]
    timeline, lives = live(cluster.facts["plan"], [step.facts["plan"] for step in steps])
    state.plan(cluster, timeline)
    for step, life in zip(steps, lives, strict=True):
        state.plan(step, life)


def _is_ending(cluster: Job, now: float) -> bool:
    return cluster.timeline.current(now).status.startswith("TERMINAT")
