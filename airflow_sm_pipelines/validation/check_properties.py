"""Whether what a reference names can be there: each path against the response that a step's result is (semantics 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.definition.expressions import (
    ChildOutput,
    Index,
    Key,
    Member,
    PropertyReference,
    format_path,
)
from airflow_sm_pipelines.step_types import for_each
from airflow_sm_pipelines.validation.shape_texts import ANY, MAP, SINGLE, is_structure
from airflow_sm_pipelines.validation.shapes import shape_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_sm_pipelines.definition.expressions import PathToken, PropertyPath
    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.model import Pipeline, Step
    from airflow_sm_pipelines.step_types.step_type import StepType
    from airflow_sm_pipelines.validation.shape_texts import Shape
    from airflow_sm_pipelines.validation.shapes import ShapeTable

_LISTED = 12


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
    for step in pipeline.walk():
        steps.setdefault(step.name, step)
    for step in pipeline.walk():
        for located in step.expressions:
            match located.expression:
                case PropertyReference(name, path) if path:
                    root = f"Steps.{name}"
                case ChildOutput(name, path) if path:
                    root = f"ChildOutput.{name}"
                case _:
                    continue
            target = steps.get(name)
            misfit = None if target is None else _misfit_of(target, path, step_types, collector)
            if misfit is not None:
                place = f"{root}{format_path(path[: misfit.depth])}"
                meant = None if misfit.meant is None else f"{root}{format_path(misfit.meant)}"
                collector.error(
                    f"{place} {misfit.reason}", located.path, step=step.name, suggestion=meant, code="unknown-property"
                )


def _misfit_of(
    step: Step, path: PropertyPath, step_types: Mapping[str, StepType], collector: FindingCollector
) -> _Misfit | None:
    known = step_types.get(step.type)
    misfit = None if known is None else _misfit(known.used_with(step.arguments), path, collector)
    if misfit is not None or step.for_each is None or len(step.for_each.body) != 1:
        return misfit
    body, depth = step.for_each.body[0], 1
    match path:
        case (Member(for_each.SELECTED), *_) if step.for_each.selector is None:
            return _Misfit(0, f"has no {for_each.SELECTED!r}, since {step.name} has no Selector")
        case (Member(for_each.SELECTED), *_):
            depth = 1
        case (Member(for_each.CHILD_OUTPUTS), Index(), *_):
            depth = 2
        case (Member(for_each.CHILD_OUTPUTS), token, *_):
            inside = (path[0], Index(0), *path[1:])
            return _Misfit(1, f"is a list, its elements are read by [0] and not by {format_path((token,))}", inside)
        case _:
            return None
    inner = _misfit_of(body, path[depth:], step_types, collector) if path[depth:] else None
    if inner is None:
        return None
    meant = None if inner.meant is None else (*path[:depth], *inner.meant)
    return _Misfit(depth + inner.depth, inner.reason, meant)


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
            meant = inside if self.follow(shape[1:], path[depth:]) is None else None
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
