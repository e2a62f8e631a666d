"""Arguments of a Dag from several places: each with where it was given, and which of two counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from airflow_sm_pipelines.definition.findings import Finding

Key: TypeAlias = "tuple[str, ...]"
"""An argument of the Dag, and its member where it is one of :data:`ADDED`."""

ADDED = frozenset({"default_args", "parameters", "params", "roles"})
"""The arguments of which a place that counts for more replaces single members, and not the whole."""

IN_BOTH = frozenset({"aws_conn_id", "deferrable", "end_date", "region_name", "start_date"})
"""The arguments that default_args may give in the place of the Dag's own, which count for more in one place."""

STEPS = "steps"


class Origin(Struct, frozen=True):
    """Where a value was given: a file, with the line, or the argument of a Python call."""

    source: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}, line {self.line}"

    def of(self, finding: Finding, path: str) -> Finding:
        """A finding of what stands there, which says so."""
        if self.line is None:
            return replace(finding, file=finding.file or self.source)
        return replace(finding, file=self.source, path=path, line=self.line, column=self.column)


class Given(Struct, frozen=True):
    """A value, and where it was given."""

    value: Any
    origin: Origin


class StepEntry(Struct, frozen=True):
    """The arguments that one place gives the steps of a pattern."""

    pattern: str
    values: Mapping[str, Given]
    origin: Origin


class Layer(Struct, frozen=True):
    """What one place gives. ``is_shared`` says that it is for several Dags, so that not all of it is for each."""

    source: str
    values: Mapping[Key, Given] = field(default_factory=dict)
    steps: tuple[StepEntry, ...] = ()
    is_shared: bool = False
    findings: tuple[Finding, ...] = ()


def layer_of(source: str, arguments: Mapping[Any, Any], *, is_shared: bool) -> Layer:
    """The arguments of a call of Python as a layer."""
    origin = Origin(source)
    values: dict[Key, Given] = {}
    steps: list[StepEntry] = []
    for name, value in arguments.items():
        if name == STEPS and _has_mappings(value):
            for pattern, own in value.items():
                steps.append(StepEntry(pattern, {key: Given(each, origin) for key, each in own.items()}, origin))
        elif name in ADDED and (value is None or isinstance(value, Mapping)):
            # What has no members adds none.
            values |= {(name, member): Given(each, origin) for member, each in (value or {}).items()}
        elif not (name == STEPS and value is None):
            values[(name,)] = Given(value, origin)
    return Layer(source, values, tuple(steps), is_shared)


def _has_mappings(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(key, str) and isinstance(own, Mapping) for key, own in value.items()
    )


class Merged(Struct, frozen=True):
    """The arguments of a Dag with the place of each; ``layers`` in the order in which a later one counts for more."""

    layers: tuple[Layer, ...] = ()
    values: Mapping[Key, Given] = field(default_factory=dict)

    @classmethod
    def of(cls, layers: Iterable[Layer]) -> Merged:
        kept = tuple(layers)
        values: dict[Key, Given] = {}
        for layer in kept:
            for key, given in layer.values.items():
                if len(key) > 1:
                    values.pop(key[:1], None)
                    if key[0] == "default_args" and key[1] in IN_BOTH and key[1:] not in layer.values:
                        values.pop(key[1:], None)
                elif key[0] in ADDED:
                    values = {other: value for other, value in values.items() if other[0] != key[0]}
                values[key] = given
        return cls(kept, values)

    @property
    def arguments(self) -> dict[str, Any]:
        """What the class is given, without the settings of steps."""
        found: dict[str, Any] = {}
        for key, given in self.values.items():
            if len(key) == 1:
                if key[0] != STEPS:
                    found[key[0]] = given.value
            else:
                found.setdefault(key[0], {})[key[1]] = given.value
        return found

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the places themselves."""
        return tuple([finding for layer in self.layers for finding in layer.findings])

    def located(self, findings: Iterable[Finding]) -> list[Finding]:
        """The same findings, those of given values with the place where they were given."""
        return [self._located(finding) for finding in findings]

    def _located(self, finding: Finding) -> Finding:
        key = finding.given
        if not key:
            return finding
        given = self.values.get(key) or self.values.get(key[:1])
        if given is None:
            return finding
        # A member of a list has its own place.
        line, column = finding.line or given.origin.line, finding.column or given.origin.column
        return replace(given.origin, line=line, column=column).of(finding, "$." + ".".join(key))
