"""Hyperparameter tuning jobs, with real training jobs below them."""

from __future__ import annotations

import dataclasses
import heapq
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from airflow_sm_pipelines.local.backend import Moto
from airflow_sm_pipelines.local.errors import AwsError
from airflow_sm_pipelines.local.kinds.action import Action, Handler
from airflow_sm_pipelines.local.kinds.base import SimulatedKind
from airflow_sm_pipelines.local.kinds.life import Ending
from airflow_sm_pipelines.local.kinds.listing import cut
from airflow_sm_pipelines.local.kinds.real_tuning import ALL_FAILED, RealTuning
from airflow_sm_pipelines.local.kinds.training import TrainingKind
from airflow_sm_pipelines.local.kinds.trials import Trial, definitions_of, objective_of, trials
from airflow_sm_pipelines.local.scenario import JobRule
from airflow_sm_pipelines.local.state import EndpointState, Job
from airflow_sm_pipelines.local.timeline import Phase, Timeline

COUNTER = {"Completed": "Completed", "Failed": "NonRetryableError", "Stopped": "Stopped"}


class TuningKind(SimulatedKind):
    """CreateHyperParameterTuningJob and its family.

    The training jobs are planned together with their parent: as many at a time as MaxParallelTrainingJobs says,
    the next one when one ends. The parent ends with the last of them. A training job that no rule gives a
    duration gets its share of the parent's.
    """

    kind = "tuning"
    label = "HyperParameterTuningJob"
    resource = "hyper-parameter-tuning-job"
    noun = "hyperparameter tuning job"
    end_time = "HyperParameterTuningEndTime"
    summary_keys = ("Strategy", "TrainingJobStatusCounters", "ObjectiveStatusCounters", "ResourceLimits")

    def __init__(self, training: TrainingKind) -> None:
        self._training = training

    def actions(self) -> Mapping[str, Handler]:
        return {**super().actions(), "ListTrainingJobsForHyperParameterTuningJob": self.list_children}

    def already_there(self, job: Job) -> AwsError:
        return AwsError(
            "ResourceInUse",
            "Hyperparameter tuning job names must be unique within an AWS account and region, "
            f"and a hyperparameter tuning job with this name already exists ({job.arn})",
        )

    def not_there(self, name: str) -> AwsError:
        return AwsError(
            "ResourceNotFound", f"Amazon SageMaker can't find a tuning job called {name}. Type another name."
        )

    def time_limit(self, _request: Mapping[str, Any]) -> float | None:
        return None  # applied to the whole family, once it is planned

    def begin(self, action: Action, name: str) -> Job:
        state, request = action.state, action.parameters
        given = state.rule(self.kind, name)
        parent = self.make(action, request, given or JobRule(), action.now)
        state.add(parent)
        specification = definitions_of(request)[0].get("AlgorithmSpecification", {})
        image = specification.get("TrainingImage", "")
        rule = state.real_jobs.rule_for("Tuning", image, name, parent.tags) if given is None else None
        if rule is None:
            self._plan(action, parent)
        else:
            parent.facts["real"] = RealTuning(action, parent, self._training, rule)
            parent.facts["real"].begin()
        return parent

    def _plan(self, action: Action, parent: Job) -> None:
        limits = parent.request["HyperParameterTuningJobConfig"]["ResourceLimits"]
        lanes = [parent.started] * limits["MaxParallelTrainingJobs"]
        planned = trials(parent.name, parent.request, parent.rule.metrics)
        length = parent.timeline.end.at - parent.started
        share = length / math.ceil(len(planned) / len(lanes))
        children = []
        for trial in planned:
            child = self._child(action, parent, trial, share, heapq.heappop(lanes))
            heapq.heappush(lanes, child.timeline.end.at)
            action.state.add(child)
            children.append(child)
        parent.facts["children"] = children
        self._plan_end(action.state, parent, limits.get("MaxRuntimeInSeconds"))

    def _child(self, action: Action, parent: Job, trial: Trial, share: float, begin: float) -> Job:
        rule = action.state.rule("training", trial.request["TrainingJobName"]) or JobRule(queued=0.0)
        if rule.duration is None:
            rule = dataclasses.replace(rule, duration=share)
        child = self._training.make(action, trial.request, rule, begin)
        child.tags = dict(parent.tags)
        value = rule.metrics.get(trial.objective["MetricName"], (trial.value,))[0]
        child.facts = {
            "trial": trial,
            "metrics": {name: values[0] for name, values in rule.metrics.items()}
            | {trial.objective["MetricName"]: value},
            "objective": {**trial.objective, "Value": value},
            "describe": {"TuningJobArn": parent.arn},
        }
        return child

    def _plan_end(self, state: EndpointState, parent: Job, limit: float | None) -> None:
        children: list[Job] = parent.facts["children"]
        last, end = parent.timeline.end, max(child.timeline.end.at for child in children)
        if limit is not None and end > parent.started + limit:
            end = parent.started + limit
            self._cut(state, parent, end, end)
            last = Phase(end, "Stopped")
        elif last.status == "Completed" and all(c.timeline.end.status == "Failed" for c in children):
            last, parent.failure_reason = Phase(end, "Failed"), ALL_FAILED
        state.plan(parent, Timeline((*parent.timeline.phases[:-1], dataclasses.replace(last, at=end))))

    def _cut(self, state: EndpointState, parent: Job, at: float, stopped: float) -> None:
        """End the family: jobs that would begin after ``at`` never do, running ones are Stopped by ``stopped``."""
        children: list[Job] = parent.facts["children"]
        for child in children:
            if child.created > at:
                state.remove(child)
            elif not child.timeline.ended(at):
                end = Phase(stopped, "Stopped", "Stopped", self._training.message_of("Stopped"))
                stopping = Phase(at, "Stopping", "Stopping", "Stopping the training job")
                state.plan(child, child.timeline.then(at, stopping, end))
        parent.facts["children"] = [child for child in children if child.created <= at]

    def ending(self, rule: JobRule) -> Ending:
        reason = (rule.failure_reason or ALL_FAILED) if rule.outcome == "Failed" else None
        return Ending(rule.outcome, rule.outcome, "", reason)

    def stop_at(self, state: EndpointState, job: Job, now: float) -> None:
        if real := job.facts.get("real"):
            real.stop(now)
            return
        super().stop_at(state, job, now)
        self._cut(state, job, now, job.timeline.end.at)

    def finish(self, job: Job, moto: Moto) -> None:
        """A tuning job leaves nothing behind; its training jobs do."""

    def details(self, job: Job, now: float) -> dict[str, Any]:
        children = [child for child in job.facts["children"] if child.created <= now]
        statuses = [child.timeline.current(now).status for child in children]
        done = [child for child in children if _has_value(child, now)]
        counted = Counter(COUNTER.get(status, "InProgress") for status in statuses)
        result: dict[str, Any] = {
            "Strategy": job.request["HyperParameterTuningJobConfig"]["Strategy"],
            "ResourceLimits": job.request["HyperParameterTuningJobConfig"]["ResourceLimits"],
            "TrainingJobStatusCounters": {
                key: counted[key]
                for key in ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped")
            },
            "ObjectiveStatusCounters": {
                "Succeeded": len(done),
                "Pending": counted["InProgress"],
                "Failed": len(children) - len(done) - counted["InProgress"],
            },
        }
        if done:
            sign = -1 if objective_of(job.request)["Type"] == "Maximize" else 1
            best = min(done, key=lambda child: sign * child.facts["objective"]["Value"])
            result["BestTrainingJob"] = self._child_summary(best, now)
        return result

    def describe(self, action: Action) -> dict[str, Any]:
        answer = super().describe(action)
        return {key: value for key, value in answer.items() if key not in ("Strategy", "ResourceLimits")}

    def list_children(self, action: Action) -> dict[str, Any]:
        """The training jobs of a tuning job; by objective value only those that have one."""
        now, asked = action.now, action.parameters
        children = [child for child in self.existing(action).facts["children"] if child.created <= now]
        if "StatusEquals" in asked:
            children = [c for c in children if c.timeline.current(now).status == asked["StatusEquals"]]
        sort_by = asked.get("SortBy", "Name")
        if sort_by == "FinalObjectiveMetricValue":
            children = [child for child in children if _has_value(child, now)]
            children.sort(key=lambda child: child.facts["objective"]["Value"])
        elif sort_by == "Status":
            children.sort(key=lambda child: child.timeline.current(now).status)
        else:
            children.sort(key=lambda child: child.name if sort_by == "Name" else child.created)
        if asked.get("SortOrder") == "Descending":
            children.reverse()
        page, token = cut(children, asked)
        return {"TrainingJobSummaries": [self._child_summary(child, now) for child in page], **token}

    def _child_summary(self, child: Job, now: float) -> dict[str, Any]:
        trial: Trial = child.facts["trial"]
        result = self._training.status(child, now)
        del result["LastModifiedTime"]
        result["TunedHyperParameters"] = trial.tuned
        if trial.definition:
            result["TrainingJobDefinitionName"] = trial.definition
        ended = child.timeline.ended(now)
        result["ObjectiveStatus"] = "Succeeded" if _has_value(child, now) else "Failed" if ended else "Pending"
        if _has_value(child, now):
            result["FinalHyperParameterTuningJobObjectiveMetric"] = child.facts["objective"]
        return result


def _has_value(child: Job, now: float) -> bool:
    """Whether a training job has completed, and reported the metric that counts."""
    return child.timeline.current(now).status == "Completed" and "Value" in child.facts["objective"]
