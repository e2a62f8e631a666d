"""What a Cleanup step may name, checked at load (semantics 2.18)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from airflow_sm_pipelines.definition.expressions import PropertyFileReference, PropertyReference
from airflow_sm_pipelines.step_types.cleanup import NAME, RESOURCES, S3, SOURCES, STEP_NAME, URIS
from airflow_sm_pipelines.step_types.cleanup_places import fault_of_form, is_below
from airflow_sm_pipelines.step_types.member_paths import EACH, member_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.model import Pipeline, Step

_Fault: TypeAlias = "tuple[str, str] | tuple[str, str, tuple[str, Iterable[str]]]"
"""A path in Arguments, what is wrong there, and a word to guess for with what it may have been meant to be."""


def check_cleanup(pipeline: Pipeline, collector: FindingCollector) -> None:
    """A finding for what a Cleanup step cannot clean up, and for each reference to one: it has no properties."""
    steps: dict[str, Step] = {}
    inside: set[str] = set()
    for step in pipeline.all_steps:
        steps.setdefault(step.name, step)
        if step.for_each is not None:
            inside.update(body.name for body in step.for_each.body)
    cleanups = {name for name, step in steps.items() if step.type == NAME}
    for step in pipeline.all_steps if cleanups else ():
        if step.type == NAME:
            if step.name in inside:
                message = "a Cleanup step cannot stand in the body of a ForEach step: put it after the loop"
                collector.error(message, f"{step.path}.Type", step=step.name, code="cleanup")
            for path, message, *meant in _faults(step, steps, inside):
                near = collector.guess(*meant[0]) if meant else None
                place = f"{step.path}.Arguments{path}"
                collector.error(message, place, step=step.name, code="cleanup", suggestion=near)
        for located in step.expressions:
            expression = located.expression
            if isinstance(expression, PropertyReference | PropertyFileReference) and expression.step in cleanups:
                message = f"the Cleanup step {expression.step!r} has no properties, so nothing can refer to it"
                collector.error(message, located.path, step=step.name, code="unknown-property")


def _faults(step: Step, steps: Mapping[str, Step], inside: set[str]) -> Iterator[_Fault]:
    resources = step.arguments.get(RESOURCES)
    place = f".{RESOURCES}"
    yield from _unknown("", "member", step.arguments, (RESOURCES,))
    if not isinstance(resources, Mapping):
        yield place, 'expected an object with the sources to clean up: {"S3": [{"StepName": ...}]}'
        return
    # What is there beside S3 would be left alone without a word.
    yield from _unknown(place, "kind of resource", resources, (S3,))
    entries = resources.get(S3)
    place = f"{place}.{S3}"
    if not isinstance(entries, tuple) or not entries:
        yield place, "expected an array of at least one source"
        return
    for index, entry in enumerate(entries):
        yield from _faults_of_source(f"{place}[{index}]", entry, step, steps, inside)


def _faults_of_source(
    place: str, entry: Value, step: Step, steps: Mapping[str, Step], inside: set[str]
) -> Iterator[_Fault]:
    if not isinstance(entry, Mapping):
        yield place, 'expected an object: {"StepName": ..., "S3Uris": [...]}'
        return
    yield from _unknown(place, "member", entry, (STEP_NAME, URIS))
    name, uris = entry.get(STEP_NAME), entry.get(URIS)
    source = steps.get(name) if isinstance(name, str) and name != step.name else None
    if uris is not None and (not isinstance(uris, tuple) or not uris):
        yield f"{place}.{URIS}", "expected an array of at least one S3 URI"
    for index, uri in enumerate(uris if isinstance(uris, tuple) else ()):
        if uri is None or isinstance(uri, bool | int | float | tuple | Mapping):
            yield f"{place}.{URIS}[{index}]", "expected an S3 URI, or an expression for one"
        elif isinstance(uri, str) and (why := _refused_always(uri, source)) is not None:
            yield f"{place}.{URIS}[{index}]", f"no run can delete this: {why}"
    place = f"{place}.{STEP_NAME}"
    if not isinstance(name, str):
        yield place, "expected the name of a step"
        return
    if source is None:
        # What is meant is a step that can be a source.
        others = [other for other, each in steps.items() if each.type in SOURCES and other not in inside]
        yield place, f"there is no other step {name!r}", (name, others)
    elif name in inside:
        yield place, f"the step {name!r} stands in the body of a ForEach step, and its outputs cannot be cleaned up"
    elif (kind := SOURCES.get(source.type)) is None:
        kinds = ", ".join(SOURCES)
        yield place, f"the outputs of {source.type} steps cannot be cleaned up, only those of {kinds} steps"
    elif kind.vpc is not None and member_at(source.arguments, kind.vpc) is not None:
        yield place, f"the step {name!r} has a VpcConfig, and such a step cannot be cleaned up"
    elif uris is None and not kind.own_folder:
        yield place, f"the objects of the {source.type} step {name!r} have to be named by S3Uris"


def _unknown(place: str, what: str, given: Iterable[str], known: tuple[str, ...]) -> Iterator[_Fault]:
    for name in given:
        if name not in known:
            yield f"{place}.{name}", f"unknown {what} {name!r}", (name, known)


def _refused_always(uri: str, source: Step | None) -> str | None:
    """Why a literal URI is refused in every run, None where that depends on the run."""
    if (why := fault_of_form(uri)) is not None:
        return why.removesuffix(".")
    if source is None or (kind := SOURCES.get(source.type)) is None:
        return None
    places = [*_places(source.arguments, kind.outputs)]
    declared = [place for place in places if isinstance(place, str)]
    if not places or len(declared) < len(places) or any(is_below(uri, place) for place in declared):
        return None
    return f"it is not below an output that the step {source.name!r} declares ({', '.join(declared)})"


def _places(value: Value, path: str) -> Iterator[Value]:
    """Where a step says that it writes; an expression on the way there in place of what it stands for.

    ``members_at`` passes over such an expression: here it means that the place is known in the run alone.
    """
    if not path or not isinstance(value, Mapping):
        yield value
        return
    name, _, rest = path.partition(".")
    member = value.get(name.removesuffix(EACH))
    for one in member if name.endswith(EACH) and isinstance(member, tuple) else (member,):
        if one is not None:
            yield from _places(one, rest)
