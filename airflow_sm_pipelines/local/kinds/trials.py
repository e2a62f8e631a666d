"""The training jobs a tuning job tries: hyperparameters spread over their ranges, and what they score.

Nothing is random: the same request gives the same jobs, names and values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NOT_A_TRAINING_KEY = {
    *("DefinitionName", "TuningObjective", "HyperParameterRanges", "StaticHyperParameters"),
    "HyperParameterTuningResourceConfig",
}
NO_OBJECTIVE = {"Type": "Minimize", "MetricName": "objective"}


@dataclass(frozen=True)
class Trial:
    """One training job of a tuning job: its request, the hyperparameters that were chosen, its objective value.

    One that really runs has its value when it has ended, in its metrics.
    """

    request: dict[str, Any]
    tuned: dict[str, str]
    objective: dict[str, str]
    value: float | None
    definition: str | None


def objective_of(request: Mapping[str, Any]) -> dict[str, str]:
    """A tuning job's objective, ``{"Type", "MetricName"}``."""
    config = request["HyperParameterTuningJobConfig"]
    for place in (config.get("HyperParameterTuningJobObjective"), *map(objective_in, definitions_of(request))):
        if place:
            return dict(place)
    return NO_OBJECTIVE


def trials(name: str, request: Mapping[str, Any], metrics: Mapping[str, tuple[float, ...]]) -> list[Trial]:
    """What a tuning job tries; ``metrics`` are the scenario's values, by metric, one per training job."""
    config = request["HyperParameterTuningJobConfig"]
    definitions = definitions_of(request)
    limits = config["ResourceLimits"]
    count = limits.get("MaxNumberOfTrainingJobs", limits["MaxParallelTrainingJobs"])
    result = []
    for index in range(count):
        definition = definitions[index % len(definitions)]
        objective = dict(objective_in(definition) or objective_of(request))
        ranges = definition.get("HyperParameterRanges") or config.get("ParameterRanges") or {}
        tuned = _chosen(ranges, index, count)
        digest = hashlib.sha256(f"{name}/{index}/{sorted(tuned.items())}".encode()).hexdigest()
        given = metrics.get(objective["MetricName"])
        training = {key: value for key, value in definition.items() if key not in NOT_A_TRAINING_KEY}
        training["TrainingJobName"] = f"{name}-{index + 1:03}-{digest[:8]}"
        training["HyperParameters"] = {
            **definition.get("StaticHyperParameters", {}),
            **tuned,
            "_tuning_objective_metric": objective["MetricName"],
        }
        value = given[index % len(given)] if given else int(digest[8:14], 16) / 0x1000000
        result.append(Trial(training, tuned, objective, value, definition.get("DefinitionName")))
    return result


def definitions_of(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The training jobs that a tuning job is about, one or several."""
    return (
        [request["TrainingJobDefinition"]] if "TrainingJobDefinition" in request else request["TrainingJobDefinitions"]
    )


def objective_in(definition: Mapping[str, Any]) -> Mapping[str, str] | None:
    """The objective of one of several."""
    return definition.get("TuningObjective")


def _chosen(ranges: Mapping[str, Any], index: int, count: int) -> dict[str, str]:
    share = (index + 0.5) / count
    tuned = {}
    for entry in ranges.get("ContinuousParameterRanges", ()):
        low, high = float(entry["MinValue"]), float(entry["MaxValue"])
        tuned[entry["Name"]] = repr(low + (high - low) * share)
    for entry in ranges.get("IntegerParameterRanges", ()):
        low, high = int(entry["MinValue"]), int(entry["MaxValue"])
        tuned[entry["Name"]] = str(low + int((high - low + 1) * share))
    for entry in ranges.get("CategoricalParameterRanges", ()):
        tuned[entry["Name"]] = entry["Values"][index % len(entry["Values"])]
    return tuned
