"""What two definitions make Airflow do differently: parameters, steps, requests, policies, edges; not their texts."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from airflow_sm_pipelines.definition.expressions import to_json
from airflow_sm_pipelines.definition.secrets import MASKED
from airflow_sm_pipelines.definition.writer import condition_to_json, parameter_to_json, step_to_json
from airflow_sm_pipelines.report.json_diff import ABSENT, differences, display_text
from airflow_sm_pipelines.report.masked import masked
from airflow_sm_pipelines.report.retries import retries_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_sm_pipelines.definition.model import Parameter, Step
    from airflow_sm_pipelines.definition.secret_names import IsSecret
    from airflow_sm_pipelines.graph import Graph, Plan
    from airflow_sm_pipelines.report.json_diff import Difference


class Kind(Enum):
    """What of a definition differs."""

    PIPELINE = "pipeline"
    PARAMETER = "parameter"
    STEP = "step"
    REQUEST = "request"
    POLICY = "policy"
    EDGE = "edge"


class Change(Struct, frozen=True):
    """One difference: of which parameter, step or edge (``Train -> Register``), at which JSON path of it, and what the
    definitions have there. Without a path the whole was added or removed.
    """

    kind: Kind
    name: str
    left: Any
    right: Any
    path: str = ""

    @property
    def verb(self) -> str:
        if self.left is ABSENT and not self.path:
            return "added"
        return "removed" if self.right is ABSENT and not self.path else "changed"

    def __str__(self) -> str:
        what = " ".join(part for part in (self.kind.value, self.name) if part)
        if not self.path:
            return f"{self.verb}: {what}"
        return f"{self.verb}: {what} {self.path}: {display_text(self.left)} -> {display_text(self.right)}"

    def to_json(self) -> dict[str, Any]:
        sides = {"left": self.left, "right": self.right}
        place = {"path": self.path} if self.path else {}
        values = {name: value for name, value in sides.items() if value is not ABSENT and self.path}
        return {"change": self.verb, "kind": self.kind.value, "name": self.name, **place, **values}


def changes(left: Plan, right: Plan, is_secret: IsSecret) -> list[Change]:
    """How the second plan differs from the first.

    White space, the order of keys, and two spellings of one thing (:mod:`airflow_sm_pipelines.definition.writer`) are
    no differences. A secret that differs is shown, without its text.
    """
    hidden = _changes(masked(left, is_secret), masked(right, is_secret))
    shown = {(one.kind, one.name, one.path): one for one in hidden}
    return [
        shown.get((one.kind, one.name, one.path)) or Change(one.kind, one.name, MASKED, MASKED, one.path)
        for one in _changes(left, right)
    ]


def _changes(left: Plan, right: Plan) -> Iterator[Change]:
    yield from _compared(Kind.PIPELINE, "", _around(left), _around(right))
    ours, theirs = left.pipeline.parameters, right.pipeline.parameters
    for name in dict.fromkeys((*ours, *theirs)):
        yield from _compared(Kind.PARAMETER, name, _parameter(ours.get(name)), _parameter(theirs.get(name)))
    steps = [_steps(plan.graph) for plan in (left, right)]
    for name in dict.fromkeys((*steps[0], *steps[1])):
        one, other = steps[0].get(name), steps[1].get(name)
        if one is None or other is None:
            yield Change(Kind.STEP, name, ABSENT if one is None else one.type, ABSENT if other is None else other.type)
            continue
        yield from _compared(Kind.STEP, name, _step(one, left.graph), _step(other, right.graph))
        yield from _compared(Kind.REQUEST, name, _request(one), _request(other))
        yield from _compared(Kind.POLICY, name, _policies(one), _policies(other))
    edges = [_edges(plan.graph) for plan in (left, right)]
    for edge in dict.fromkeys((*edges[0], *edges[1])):
        yield from _compared(Kind.EDGE, edge, edges[0].get(edge, ABSENT), edges[1].get(edge, ABSENT))


def _compared(kind: Kind, name: str, left: Any, right: Any) -> Iterator[Change]:
    if left is ABSENT or right is ABSENT:
        if left is not right:
            yield Change(kind, name, left, right)
        return
    for found in differences(left, right):
        yield _change(kind, name, found)


def _change(kind: Kind, name: str, found: Difference) -> Change:
    return Change(kind, name, found.left, found.right, found.path)


def _around(plan: Plan) -> dict[str, Any]:
    """What holds for all steps. A name is no part of it: two files of one definition may be called anything."""
    pipeline = plan.pipeline
    experiment, mlflow = pipeline.experiment, pipeline.mlflow
    values = {
        "RoleArn": pipeline.role_arn,
        "MaxParallelExecutionSteps": pipeline.max_parallel_steps,
        "ExperimentName": None if experiment is None else to_json(experiment.experiment_name),
        "TrialName": None if experiment is None else to_json(experiment.trial_name),
        "MlflowResourceArn": None if mlflow is None else to_json(mlflow.resource_arn),
        "MlflowExperimentName": None if mlflow is None else to_json(mlflow.experiment_name),
    }
    return {name: value for name, value in values.items() if value is not None}


def _parameter(parameter: Parameter | None) -> Any:
    return ABSENT if parameter is None else parameter_to_json(parameter)


def _steps(graph: Graph) -> dict[str, Step]:
    """All of them, those in the bodies of ForEach steps included."""
    found: dict[str, Step] = {}
    for step in graph.steps:
        found[step.name] = step
        found |= {one.name: one for one in (() if step.for_each is None else step.for_each.body)}
    return found


def _step(step: Step, graph: Graph) -> dict[str, Any]:
    written = step_to_json(step)
    kept = {name: written[name] for name in ("Type", "DisplayName", "Description", "PropertyFiles") if name in written}
    branch, loop = graph.branch_of.get(step.name), graph.loop_of.get(step.name)
    place = {"branch": None if branch is None else f"{branch.condition}: {branch.label}", "body of": loop}
    return kept | {name: value for name, value in place.items() if value is not None}


def _request(step: Step) -> dict[str, Any]:
    """Arguments and the keys beside them, as the document names them; the steps inside are compared on their own."""
    beside = {key: to_json(value) for key, value in step.settings.items()}
    if step.branches is not None:
        arguments: Any = {"Conditions": [condition_to_json(condition) for condition in step.branches.conditions]}
    elif step.for_each is not None:
        loop = step.for_each
        arguments = {"IterableItems": to_json(loop.items), "MaxConcurrency": loop.max_concurrency}
        if loop.selector is not None:
            arguments["Selector"] = to_json(loop.selector)
    else:
        arguments = to_json(step.arguments)
    return {"Arguments": arguments, **beside}


def _policies(step: Step) -> dict[str, Any]:
    """Retries by exception type, with the defaults that hold, so that two spellings of one policy are the same."""
    retries: dict[str, Any] = {}
    for retry in retries_of(step):
        values = {
            "IntervalSeconds": retry.interval,
            "BackoffRate": retry.backoff,
            "MaxAttempts": retry.attempts,
            "ExpireAfterMin": retry.minutes,
        }
        for name in retry.exception_types:
            retries.setdefault(name, {key: value for key, value in values.items() if value is not None})
    written = step_to_json(step)
    cache = {"CacheConfig": written["CacheConfig"]} if "CacheConfig" in written else {}
    return {"RetryPolicies": retries, **cache}


def _edges(graph: Graph) -> Mapping[str, Any]:
    """Each edge with the ends of the first step upon which the second one runs."""
    needs = {name: graph.needs_of(name) for name in (*graph.upstream, *graph.loop_of)}
    return {
        f"{need.step} -> {name}": {"upon": sorted(end.value for end in need.accepts)}
        for name, wanted in needs.items()
        for need in wanted
    }
