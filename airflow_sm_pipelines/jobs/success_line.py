"""The line with which a job's success ends in the log: how long, how much is paid for, on what, and what came of it.

All of it is what the Describe response has; what it has not is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

END, START, CREATION = "EndTime", "StartTime", "CreationTime"
MAX_SHOWN = 5
"""Artifacts or metrics that are shown; of the others, how many there are."""


def success_line(noun: str, name: str, described: Mapping[str, Any]) -> str:
    """The line for a job that has succeeded."""
    parts = [*_duration(described), *instances_of(described), *_artifacts(described), *_metrics(described)]
    return ", ".join((f"The {noun} {name} succeeded", *parts))


def duration_of(described: Mapping[str, Any]) -> float | None:
    """How many seconds a job took, where its Describe response has it."""
    seconds = described.get("TrainingTimeInSeconds")
    for member, end in described.items() if seconds is None else ():
        start = described.get(member.removesuffix(END) + START, described.get(CREATION))
        if member.endswith(END) and isinstance(end, datetime) and isinstance(start, datetime):
            return round((end - start).total_seconds(), 1)
    return seconds if isinstance(seconds, int | float) else None


def _duration(described: Mapping[str, Any]) -> Iterator[str]:
    if (seconds := duration_of(described)) is not None:
        yield f"{seconds:g} s"
    billable = described.get("BillableTimeInSeconds")
    if isinstance(billable, int | float):
        yield f"{billable:g} billable s"


def instances_of(described: Mapping[str, Any]) -> Iterator[str]:
    """What a job ran on: ``2 x ml.m5.xlarge``."""
    resources = _member(described, "ProcessingResources", "ClusterConfig")
    for config in (_member(described, "ResourceConfig"), resources, _member(described, "TransformResources")):
        groups = config.get("InstanceGroups") or [config]
        for group in groups if isinstance(groups, list) else ():
            if isinstance(group, Mapping) and (kind := group.get("InstanceType")):
                yield f"{group.get('InstanceCount', 1)} x {kind}"


def _artifacts(described: Mapping[str, Any]) -> Iterator[str]:
    outputs = _member(described, "ProcessingOutputConfig").get("Outputs")
    found = [
        _member(described, "ModelArtifacts").get("S3ModelArtifacts"),
        _member(described, "TransformOutput").get("S3OutputPath"),
        described.get("ModelPackageArn"),
        *(_member(output, "S3Output").get("S3Uri") for output in (outputs if isinstance(outputs, list) else ())),
    ]
    yield from _bounded([str(each) for each in found if each], "artifacts")


def _metrics(described: Mapping[str, Any]) -> Iterator[str]:
    best = _member(described, "BestTrainingJob", "FinalHyperParameterTuningJobObjectiveMetric")
    listed = described.get("FinalMetricDataList")
    metrics = [*(listed if isinstance(listed, list) else ()), best]
    texts = [
        f"{metric['MetricName']} = {metric['Value']!r}"
        for metric in metrics
        if isinstance(metric, Mapping) and "MetricName" in metric and "Value" in metric
    ]
    yield from _bounded(texts, "metrics")


def _bounded(texts: list[str], noun: str) -> Iterator[str]:
    yield from texts[:MAX_SHOWN]
    if len(texts) > MAX_SHOWN:
        yield f"{len(texts) - MAX_SHOWN} more {noun}"


def _member(value: Any, *names: str) -> Mapping[str, Any]:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}
