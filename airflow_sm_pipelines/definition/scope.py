"""Where the reader stands, what it found so far, and the questions that every part of it asks of a JSON value."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct, field

from airflow_sm_pipelines.definition.findings import Finding, Severity
from airflow_sm_pipelines.definition.guessing import normal
from airflow_sm_pipelines.definition.paths import describe, listed, render_path, shorten

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.expressions import LocatedExpression
    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.definition.step_types import KnownType, StepSyntax
    from airflow_sm_pipelines.definition.syntax import Json

_NONE: Mapping[str, str] = MappingProxyType({})
UnsupportedKeys: TypeAlias = Literal["warn", "error"]
UnsupportedSteps: TypeAlias = Literal["error", "placeholder"]


class Options(Struct, frozen=True):
    """How strictly to read; see :func:`airflow_sm_pipelines.definition.reader.read_definition`."""

    step_types: Mapping[str, KnownType] | None = None
    unsupported_keys: UnsupportedKeys = "warn"
    unsupported_steps: UnsupportedSteps = "error"

    @property
    def severity_of_keys(self) -> Severity:
        """How grave a key is that is not known."""
        return Severity.ERROR if self.unsupported_keys == "error" else Severity.WARNING

    def is_known(self, step_type: str) -> bool:
        """Whether a step of this type is read without a finding."""
        return self.step_types is None or step_type in self.step_types

    def syntax_of(self, step_type: str) -> StepSyntax | None:
        """What stands beside Arguments in the steps of a type; None where anything may, or nothing is known of it."""
        return (
            None if self.step_types is None or step_type not in self.step_types else self.step_types[step_type].syntax
        )


class Scope(Struct):
    """The step that is being read, or the document's top level where ``step`` is None."""

    collector: FindingCollector
    options: Options
    step: str | None = None
    step_type: str | None = None
    in_for_each: bool = False
    in_selector: bool = False
    expressions: list[LocatedExpression] = field(default_factory=list)

    def error(self, message: str, path: JsonPath, suggestion: str | None = None, *, code: str) -> None:
        self.collector.error(message, render_path(path), code=code, step=self.step, suggestion=suggestion)

    def warning(self, message: str, path: JsonPath, suggestion: str | None = None, *, code: str) -> None:
        self.collector.warning(message, render_path(path), code=code, step=self.step, suggestion=suggestion)

    def wrong_type(self, expected: str, found: Json, path: JsonPath) -> None:
        self.error(f"expected {expected}, found {describe(found)}", path, code="wrong-type")

    def check_keys(self, value: dict[str, Json], known: Set[str], path: JsonPath, what: str) -> None:
        """A finding for each key that is none of ``known``; what stands under such a key is not read."""
        if value.keys() <= known:
            return
        severity = self.options.severity_of_keys
        unused = sorted(known - value.keys())
        for key in value:
            if key not in known:
                near = self.guess(key, unused)
                message = f"unknown key {shorten(key)!r} of {what}, it is ignored"
                place = render_path((path, key))
                self.collector.add(Finding(message, place, self.step, near, severity, on_key=True, code="unknown-key"))

    def guess(self, word: str, candidates: Iterable[str]) -> str | None:
        """What ``word`` was most likely meant to be."""
        return self.collector.guess(word, candidates)

    def object(self, value: Json, path: JsonPath, expected: str = "an object") -> dict[str, Json] | None:
        if isinstance(value, dict):
            return value
        self.wrong_type(expected, value, path)
        return None

    def array(self, value: Json, path: JsonPath, expected: str = "an array") -> list[Json] | None:
        if isinstance(value, list):
            return value
        self.wrong_type(expected, value, path)
        return None

    def respelled(
        self,
        value: dict[str, Json],
        known: Set[str],
        required: Collection[str],
        path: JsonPath,
        what: str,
        synonyms: Mapping[str, str] = _NONE,
    ) -> dict[str, Json]:
        """The object with its keys as they are written in a definition, where a required one is written otherwise.

        That is an error, so that the rest is read only to report what else is wrong. ``synonyms`` are other names
        of keys, in their normal form.
        """
        if all(key in value for key in required):
            return value
        right = {normal(key): key for key in known if key not in value}
        right |= {other: key for other, key in synonyms.items() if key in right.values()}
        meant = {key: right[normal(key)] for key in value if key not in known and normal(key) in right}
        if not any(key in required for key in meant.values()):
            return value
        for key, wanted in meant.items():
            severity = Severity.ERROR if wanted in required else self.options.severity_of_keys
            message = f"unknown key {shorten(key)!r} of {what}"
            code = "unknown-key"
            if wanted in required:
                message, code = f"{what} needs the key {wanted!r}, found {shorten(key)!r}", "missing-key"
            place = render_path((path, key))
            self.collector.add(Finding(message, place, self.step, wanted, severity, on_key=True, code=code))
        return {meant.get(key, key): member for key, member in value.items()}

    def require(self, value: dict[str, Json], key: str, path: JsonPath, what: str) -> bool:
        """Whether the key is there; a finding where it is not."""
        if key in value:
            return True
        self.error(f"{what} needs the key {key!r}", path, code="missing-key")
        return False

    def text(
        self, value: dict[str, Json], key: str, path: JsonPath, *, limit: int | None = None, empty: bool = True
    ) -> str | None:
        """The text at a key, or None where the key is absent, null or (with a finding) no text."""
        found = value.get(key)
        if found is None:
            return None
        if not isinstance(found, str):
            self.wrong_type("a text", found, (path, key))
            return None
        if not empty and not found:
            self.error("expected a text that is not empty", (path, key), code="empty-text")
        if limit is not None and len(found) > limit:
            self.error(f"at most {limit} characters are allowed, found {len(found)}", (path, key), code="too-long")
        return found

    def required_text(self, value: dict[str, Json], key: str, path: JsonPath, what: str) -> str | None:
        """The text at a key that has to be there."""
        if not self.require(value, key, path, what):
            return None
        if value[key] is None:
            self.wrong_type("a text", None, (path, key))
        return self.text(value, key, path, empty=False)

    def choice(self, found: str, allowed: Collection[str], path: JsonPath, what: str, meant: str | None = None) -> bool:
        """Whether a text is one of ``allowed``; a finding with ``meant`` or the nearest of them where it is not."""
        if found in allowed:
            return True
        message = f"{shorten(found)!r} is no {what}; expected one of {listed(allowed)}"
        self.error(message, path, meant or self.guess(found, allowed), code="unknown-choice")
        return False
