"""The settings of single steps: which entries are for which step, and which of two counts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.findings import Finding
from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.definition.paths import render_path, shorten

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.graph import Plan
    from airflow_sm_pipelines.sidecars.layers import Given, Layer, StepEntry

TYPE = "type:"
_GLOB = frozenset("*?[")


def settings_of(step: Step, layers: Sequence[Layer]) -> dict[str, Given]:
    """What counts for a step: what a later layer gives; within a layer its name before globs before its type."""
    found: dict[str, Given] = {}
    for layer in layers:
        for entry in sorted(layer.steps, key=_weight):
            if matches(entry.pattern, step):
                found.update(entry.values)
    return found


def matches(pattern: str, step: Step) -> bool:
    if pattern.startswith(TYPE):
        return step.type == pattern.removeprefix(TYPE)
    return fnmatchcase(step.name, pattern)


def check_patterns(layers: Sequence[Layer], planned: Plan, known_types: Collection[str]) -> Iterator[Finding]:
    """A finding for each entry that no step has. One for several Dags may be for another one's, but not of no type."""
    steps = list(planned.pipeline.all_steps)
    for layer in layers:
        for entry in layer.steps:
            if any(matches(entry.pattern, step) for step in steps):
                continue
            if entry.pattern.startswith(TYPE):
                name = entry.pattern.removeprefix(TYPE)
                if name not in known_types:
                    near = nearest(name, known_types)
                    message = f"steps names the type {shorten(name)!r}, which is no step type"
                    yield _unmatched(entry, message, None if near is None else TYPE + near)
                elif not layer.is_shared:
                    yield _unmatched(entry, f"steps names the type {shorten(name)!r}, which no step here has", None)
            elif not layer.is_shared:
                near = nearest(entry.pattern, [step.name for step in steps])
                yield _unmatched(entry, f"steps names {shorten(entry.pattern)!r}, which no step is called", near)


def unmatched_in_all(dags: Sequence[tuple[Sequence[Layer], Plan | None]]) -> Iterator[Finding]:
    """A finding for each entry that several Dags have in common and no step of any of them.

    One by type may be for definitions to come. Nothing is reported of what a Dag has whose steps are not known,
    since its definition is broken: None stands for its plan.
    """
    entries: dict[tuple[str, str], StepEntry] = {}
    names: set[str] = set()
    settled: set[tuple[str, str]] = set()
    for layers, planned in dags:
        steps = () if planned is None else (*planned.pipeline.all_steps, *planned.left_out)
        names.update(step.name for step in steps)
        for layer in layers:
            for entry in layer.steps if layer.is_shared else ():
                key = (layer.source, entry.pattern)
                entries[key] = entry
                if planned is None or any(matches(entry.pattern, step) for step in steps):
                    settled.add(key)
    for key, entry in entries.items():
        if key not in settled and not entry.pattern.startswith(TYPE):
            message = f"steps names {shorten(entry.pattern)!r}, which no step of any Dag here is called"
            yield _unmatched(entry, message, nearest(entry.pattern, sorted(names)))


def _weight(entry: StepEntry) -> int:
    if entry.pattern.startswith(TYPE):
        return 0
    return 1 if _GLOB.intersection(entry.pattern) else 2


def _unmatched(entry: StepEntry, message: str, suggestion: str | None) -> Finding:
    finding = Finding(message, "$.steps", suggestion=suggestion, code="unmatched-step")
    return entry.origin.of(finding, render_path(((None, "steps"), entry.pattern)))
