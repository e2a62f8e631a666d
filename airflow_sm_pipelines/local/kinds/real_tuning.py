"""Tuning jobs whose training jobs really run: the next begins when one ends, the best is found by its metric."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.local.kinds.action import Action
from airflow_sm_pipelines.local.kinds.search import chosen, job_name
from airflow_sm_pipelines.local.kinds.trials import (
    NOT_A_TRAINING_KEY,
    Trial,
    definitions_of,
    objective_in,
    objective_of,
)
from airflow_sm_pipelines.local.real_jobs import NEVER
from airflow_sm_pipelines.local.scenario import JobRule
from airflow_sm_pipelines.local.state import Job
from airflow_sm_pipelines.local.timeline import Phase, Timeline
from airflow_sm_pipelines.local_runner.rules import Rule

if TYPE_CHECKING:
    from airflow_sm_pipelines.local.kinds.training import TrainingKind

ALL_FAILED = "All training jobs failed. Please take a look at the training job failures to get more details."


class RealTuning:
    """One tuning job that runs. Used under the state's lock."""

    def __init__(self, action: Action, parent: Job, training: TrainingKind, rule: Rule) -> None:
        self._state, self._region, self._parent = action.state, action.region, parent
        self._training, self._rule = training, rule
        config = parent.request["HyperParameterTuningJobConfig"]
        self._limits = config["ResourceLimits"]
        self._trials = self._all(config)
        parent.facts["children"] = []
        waiting = parent.timeline.phases[0]
        parent.timeline = Timeline((waiting, Phase(NEVER, "Completed")))
        parent.finish = parent.write = None

    def begin(self) -> None:
        """Start as many training jobs as may run at once."""
        for _ in range(self._limits["MaxParallelTrainingJobs"]):
            self._next()

    def _all(self, config: dict[str, Any]) -> Iterator[Trial]:
        definitions = definitions_of(self._parent.request)
        most = self._limits.get("MaxNumberOfTrainingJobs", NEVER)
        seed = config.get("RandomSeed", self._parent.name)
        draws = []
        for number, definition in enumerate(definitions):
            ranges = definition.get("HyperParameterRanges") or config.get("ParameterRanges") or {}
            draws.append((definition, chosen(config["Strategy"], ranges, f"{seed}/{number}")))
        made = 0
        while draws and made < most:
            for entry in list(draws):
                definition, values = entry
                tuned = next(values, None)
                if tuned is None:
                    draws.remove(entry)
                elif made < most:
                    made += 1
                    yield self._trial(definition, tuned, made)

    def _trial(self, definition: Any, tuned: dict[str, str], number: int) -> Trial:
        objective = dict(objective_in(definition) or objective_of(self._parent.request))
        training = {key: value for key, value in definition.items() if key not in NOT_A_TRAINING_KEY}
        training["TrainingJobName"] = job_name(self._parent.name, number, list(tuned.items()))
        training["HyperParameters"] = {
            **definition.get("StaticHyperParameters", {}),
            **tuned,
            "_tuning_objective_metric": objective["MetricName"],
        }
        return Trial(training, tuned, objective, None, definition.get("DefinitionName"))

    def _next(self) -> None:
        if self._parent.timeline.current(self._state.clock.now()).status != "InProgress":
            return
        trial = next(self._trials, None)
        if trial is None:
            return
        now = self._state.clock.now()
        action = Action(self._state, self._region, now, trial.request)
        child = self._training.make(action, trial.request, JobRule(), now)
        child.tags = dict(self._parent.tags)
        child.facts = {"trial": trial, "objective": trial.objective, "describe": {"TuningJobArn": self._parent.arn}}
        self._parent.facts["children"].append(child)
        self._training.run_here(action, child, self._rule, lambda: self._ended(child))

    def _ended(self, child: Job) -> None:
        trial: Trial = child.facts["trial"]
        value = child.facts.get("metrics", {}).get(trial.objective["MetricName"])
        if value is not None:
            child.facts["objective"] = {**trial.objective, "Value": value}
        now = self._state.clock.now()
        limit = self._limits.get("MaxRuntimeInSeconds")
        over = limit is not None and now > self._parent.started + limit
        if not over:
            self._next()
        children: list[Job] = self._parent.facts["children"]
        if all(each.timeline.ended(now) for each in children):
            self._end(now, children, over=over)

    def _end(self, now: float, children: list[Job], *, over: bool) -> None:
        status = "Completed"
        if self._parent.timeline.current(now).status == "Stopping" or over:
            status = "Stopped"
        elif all(each.timeline.end.status == "Failed" for each in children):
            status, self._parent.failure_reason = "Failed", ALL_FAILED
        self._state.plan(self._parent, self._parent.timeline.then(now, Phase(now, status)))

    def stop(self, now: float) -> None:
        """Stop what runs; the tuning job ends with the last of them."""
        self._state.plan(self._parent, self._parent.timeline.then(now, Phase(now, "Stopping"), Phase(NEVER, "Stopped")))
        for child in self._parent.facts["children"]:
            if not child.timeline.ended(now):
                self._training.stop_at(self._state, child, now)
