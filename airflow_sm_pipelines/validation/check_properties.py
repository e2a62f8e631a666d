"""Whether what a reference names can be there: each path against the response that a step's result is (semantics 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.definition.expressions import (
    Index,
    IterationOutput,
    Key,
    Member,
    PropertyReference,
    format_path,
)
from airflow_sm_pipelines.definition.findings import FindingCollector
from airflow_sm_pipelines.definition.guessing import normal
from airflow_sm_pipelines.definition.loops import OUTPUTS, SELECTED, result_within, selected_body
from airflow_sm_pipelines.step_types import for_each
from airflow_sm_pipelines.validation.meant_members import PROPERTIES
from airflow_sm_pipelines.validation.shape_texts import ANY, MAP, SINGLE, is_structure
from airflow_sm_pipelines.validation.shapes import shape_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from airflow_sm_pipelines.definition.expressions import PathToken, PropertyPath
    from airflow_sm_pipelines.definition.model import ForEachBody, Pipeline, Step
    from airflow_sm_pipelines.step_types.step_type import StepType
    from airflow_sm_pipelines.validation.shape_texts import Shape
    from airflow_sm_pipelines.validation.shapes import ShapeTable

_LISTED = 12
_MAX_MENDED = 4


class _Misfit(Struct, frozen=True):
    """What is wrong with the token at ``depth`` of a path, and the path that may have been meant."""

    depth: int
    reason: str
    meant: PropertyPath | None = None


def check_properties(pipeline: Pipeline, step_types: Mapping[str, StepType], collector: FindingCollector) -> None:
    """An error for each reference to a property that its step's type cannot have.

    Types that are not known, and those of which no response is known, are not checked.
    """
    steps: dict[str, Step] = {}
    for step in pipeline.all_steps:
        steps.setdefault(step.name, step)
    for step in pipeline.all_steps:
        for located in step.expressions:
            match located.expression:
                case PropertyReference(name, path) if path:
                    root = f"Steps.{name}"
                case IterationOutput(name, path) if path:
                    root = f"IterationOutput.{name}"
                case _:
                    continue
            target = steps.get(name)
            misfit = None if target is None else _misfit_of(target, path, step_types, collector)
            if target is not None and misfit is not None:
                place = f"{root}{format_path(path[: misfit.depth])}"
                right = _mended(target, misfit, step_types, collector)
                meant = None if right is None else f"{root}{format_path(right)}"
                collector.error(
                    f"{place} {misfit.reason}", located.path, step=step.name, suggestion=meant, code="unknown-property"
                )


def misfit_in_words(
    target: Step, path: PropertyPath, step_types: Mapping[str, StepType]
) -> tuple[str, str | None] | None:
    """What is wrong with a path into the result of a step, and the one that may have been meant; None for nothing.

    A name is right in whichever form of the two.
    """
    collector = FindingCollector()
    misfit = _misfit_of(target, path, step_types, collector) if path else None
    if misfit is None:
        return None
    right = _mended(target, misfit, step_types, collector)
    if right is not None and [*map(_plain, right)] == [*map(_plain, path)]:
        return None
    problem = f"{target.name}{format_path(path[: misfit.depth])} {misfit.reason}"
    return problem, None if right is None else f"{target.name}{format_path(right)}"


def _plain(token: PathToken) -> str | int:
    return token.position if isinstance(token, Index) else token.name


def _mended(
    target: Step, misfit: _Misfit, step_types: Mapping[str, StepType], collector: FindingCollector
) -> PropertyPath | None:
    """The path that was meant, all of it mended; None where something of it is still wrong."""
    for _ in range(_MAX_MENDED):
        if misfit.meant is None:
            return None
        following = _misfit_of(target, misfit.meant, step_types, collector)
        if following is None:
            return misfit.meant
        misfit = following
    return None


def _misfit_of(
    step: Step, path: PropertyPath, step_types: Mapping[str, StepType], collector: FindingCollector
) -> _Misfit | None:
    if step.for_each is not None:
        return _misfit_of_loop(step, step.for_each, path, step_types, collector)
    known = step_types.get(step.type)
    return None if known is None else _misfit(known.used_with(step.arguments), path, collector)


def _misfit_of_loop(
    step: Step,
    loop: ForEachBody,
    path: PropertyPath,
    step_types: Mapping[str, StepType],
    collector: FindingCollector,
) -> _Misfit | None:
    """What is wrong with a property of a ForEach step (semantics 2.17)."""
    bodies = {body.name: body for body in loop.body}

    def fits(name: str, rest: PropertyPath) -> bool:
        return not rest or _misfit_of(bodies[name], rest, step_types, collector) is None

    found = result_within(loop, path)
    if found is not None:
        body, depth = found
        inner = _misfit_of(body, path[depth:], step_types, collector) if path[depth:] else None
        if inner is None:
            return None
        named = _named(path[1:2], bodies)
        if path[0] == Member(SELECTED) and named is not None and fits(named, path[2:]):
            meant = (path[0], *path[2:]) if named == body.name else None
            reason = f"is the result of {body.name!r}, which the Selector names: it has no step's name"
            return _Misfit(1, reason, meant)
        return _Misfit(
            depth + inner.depth, inner.reason, None if inner.meant is None else (*path[:depth], *inner.meant)
        )
    match path:
        case (Member(name), *_) if name == SELECTED:
            # Where a Selector names no step of the body, it has a finding of its own.
            without = selected_body(loop) is None
            return _Misfit(0, f"has no {name!r}, since {step.name} has no Selector") if without else None
        case (Member(name), *_) if name in (OUTPUTS, for_each.DRAFT_OUTPUTS):
            return _not_an_output(path, bodies, fits)
    known = step_types.get(step.type)
    return None if known is None else _misfit(known, path, collector)


def _not_an_output(
    path: PropertyPath, bodies: Mapping[str, Step], fits: Callable[[str, PropertyPath], bool]
) -> _Misfit:
    """What is wrong with a path that leads to the outputs of the iterations, and to none of them."""
    index: PathToken = Index(0)
    rest = path[1:]
    is_draft = path[0] != Member(OUTPUTS)
    if rest and isinstance(rest[0], Index):
        index, rest = rest[0], rest[1:]
        depth, reason = 2, f"has {_listed(bodies)}: name one of these steps"
    elif rest:
        depth, reason = 1, f"is a list, its elements are read by [<index>] and not by {format_path(rest[:1])}"
    else:
        depth, reason = 1, "is a list, and one of its elements is read by [<index>]"
    if is_draft:
        depth, reason = 0, f"has no {for_each.DRAFT_OUTPUTS!r}, which is of a draft of ForEach that was never released"
    named = _named(rest, bodies)
    possible = [name for name in bodies if fits(name, rest)] if named is None else [named]
    if len(possible) != 1:
        return _Misfit(depth, reason)
    inside = rest if named is not None else (Member(possible[0]), *rest)
    return _Misfit(depth, reason, (Member(OUTPUTS), index, *inside))


def _named(path: Sequence[PathToken], bodies: Mapping[str, Step]) -> str | None:
    """The step of a body that a path begins with."""
    first = path[0] if path else None
    return first.name if isinstance(first, Member | Key) and first.name in bodies else None


def _misfit(step_type: StepType, path: PropertyPath, collector: FindingCollector) -> _Misfit | None:
    if step_type.properties is None:
        return _check_extra(step_type, path, collector) if step_type.extra_properties else None
    match path[0]:
        case Member(name) | Key(name) if name in step_type.extra_properties:
            return None
    table = shape_table()
    shape = table.response(step_type.properties)
    return None if shape is None else _Walk(table, step_type, collector).follow(shape, path)


def _check_extra(step_type: StepType, path: PropertyPath, collector: FindingCollector) -> _Misfit | None:
    names = step_type.extra_properties
    match path[0]:
        case Member(name) | Key(name) if name in names:
            return None
    reason = f"has no {format_path(path[:1])!r}: {_article(step_type.name)} step has {_listed(names)}"
    return _Misfit(0, reason, _renamed(path, 0, names, collector))


class _Walk(Struct, frozen=True):
    """A walk along a path through the shapes of one step type's response."""

    table: ShapeTable
    step_type: StepType
    collector: FindingCollector

    @property
    def service(self) -> str:
        assert self.step_type.properties is not None
        return self.step_type.properties.service

    def follow(self, shape: Shape, path: PropertyPath) -> _Misfit | None:
        for depth, token in enumerate(path):
            if shape == ANY:
                return None
            if shape == SINGLE:
                return _Misfit(depth, "is a single value, nothing can be read from it", path[:depth])
            if is_structure(shape):
                member = None if isinstance(token, Index) else self.table.member(self.service, shape, token.name)
                if member is None:
                    return self._not_in_structure(shape, path, depth)
                shape = member
            elif not _fits(shape, token):
                return self._wrong_container(shape, path, depth)
            else:
                shape = shape[1:]
        return None

    def _wrong_container(self, shape: Shape, path: PropertyPath, depth: int) -> _Misfit:
        token = path[depth]
        if shape[0] == MAP:
            return _Misfit(depth, f"is a map, its values are read by ['<key>'] and not by {format_path((token,))}")
        meant = None
        if isinstance(token, Member):
            inside = (*path[:depth], Index(0), *path[depth:])
            by_name = (*path[:depth], Key(token.name), *path[depth + 1 :])
            meant = inside if self.follow(shape[1:], path[depth:]) is None else by_name
            if meant is by_name and self.follow(shape, by_name[depth:]) is not None:
                meant = None
        by = "[0] or ['<name>']" if is_structure(shape[1:]) else "[0]"
        return _Misfit(depth, f"is a list, its elements are read by {by} and not by {format_path((token,))}", meant)

    def _not_in_structure(self, shape: Shape, path: PropertyPath, depth: int) -> _Misfit:
        members = self.table.members(self.service, shape)
        token = path[depth]
        if isinstance(token, Index):
            return _Misfit(depth, f"is no list, it has no {format_path((token,))}; it has {_listed(members)}")
        name = token.name
        known = [*members, *(self.step_type.extra_properties if depth == 0 else ())]
        if len(known) <= _LISTED:
            reason = f"has no {name!r}, it has {_listed(known)}"
        elif depth == 0 and self.step_type.properties is not None:
            reason = f"has no {name!r}: its properties are those of {self.step_type.properties.operation}"
        else:
            reason = f"has no {name!r}"
        rest = path[depth + 1 :]
        if depth == 0 and normal(name) == "properties" and rest:
            # The SDK's attribute: step.properties.ModelArtifacts is Steps.<step>.ModelArtifacts.
            return _Misfit(depth, reason, rest)
        if (other := PROPERTIES.get(normal(name))) is not None and other.split(".")[0] in members:
            return _Misfit(depth, reason, (*path[:depth], *map(Member, other.split(".")), *rest))
        for outer, inner in members.items():
            if is_structure(inner) and name in self.table.members(self.service, inner):
                return _Misfit(depth, reason, (*path[:depth], Member(outer), *path[depth:]))
        return _Misfit(depth, reason, _renamed(path, depth, known, self.collector))


def _fits(shape: Shape, token: PathToken) -> bool:
    """Whether a token reads a list or a map. A quoted key finds an element of a list by its name."""
    if shape[0] == MAP:
        return not isinstance(token, Index)
    named = isinstance(token, Key) and (shape[1:] == ANY or is_structure(shape[1:]))
    return named or isinstance(token, Index)


def _renamed(path: PropertyPath, depth: int, known: Iterable[str], collector: FindingCollector) -> PropertyPath | None:
    """The path with the name at ``depth`` replaced by the nearest that is known."""
    token: PathToken = path[depth]
    near = None if isinstance(token, Index) else collector.guess(token.name, known)
    return None if near is None else (*path[:depth], Member(near), *path[depth + 1 :])


def _listed(names: Iterable[str]) -> str:
    listed: Sequence[str] = sorted(names)
    shown = ", ".join(listed[:_LISTED])
    return f"{shown}, …" if len(listed) > _LISTED else shown or "nothing"


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
