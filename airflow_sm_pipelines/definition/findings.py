"""What is wrong with a definition, as data, and the one error that carries it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from enum import Enum

from msgspec import Struct, field
from msgspec.structs import replace

MAX_GUESSES = 500
"""Findings of one document for which it is guessed what was meant."""


class Severity(Enum):
    """An error refuses the definition; a warning is told and the definition is used."""

    ERROR = "error"
    WARNING = "warning"


class Finding(Struct, frozen=True):
    """One problem of one document.

    ``path`` is a JSON path (``$.Steps[3].Arguments.HyperParameters.eta``); ``step`` the name of the step it
    stands in; ``line`` and ``column`` count from 1 and are None where the definition was given as a mapping.
    ``on_key`` tells that the last key of the path is what is wrong, and not its value.
    """

    message: str
    path: str = "$"
    step: str | None = None
    suggestion: str | None = None
    severity: Severity = Severity.ERROR
    line: int | None = None
    column: int | None = None
    on_key: bool = False

    def at(self, line: int, column: int) -> Finding:
        """The same finding with its place in the text."""
        return replace(self, line=line, column=column)

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}, line {self.line}, column {self.column}"
        step = f" (step {self.step!r})" if self.step else ""
        hint = f". Did you mean {self.suggestion!r}?" if self.suggestion else ""
        kind = "warning: " if self.severity is Severity.WARNING else ""
        return f"{place}{step}: {kind}{self.message}{hint}"


class FindingError(ValueError):
    """One finding in the form of an exception, so that a :class:`DefinitionError` can group it."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


class DefinitionError(ExceptionGroup[FindingError]):
    """A definition that cannot be used: every finding of the document at once.

    ``source`` names the document (a file's path); ``findings`` are in document order.
    """

    source: str
    findings: tuple[Finding, ...]

    def __new__(cls, source: str, findings: Sequence[Finding]) -> DefinitionError:
        errors = [FindingError(finding) for finding in findings]
        count = f"{len(errors)} finding{'s' if len(errors) != 1 else ''}"
        self = super().__new__(cls, f"{source}: {count}", errors)
        self.source = source
        self.findings = tuple(findings)
        return self

    def derive(self, excs: Sequence[FindingError]) -> DefinitionError:  # type: ignore[override] # narrower on purpose
        return DefinitionError(self.source, [error.finding for error in excs])

    def __str__(self) -> str:
        return "\n  ".join([self.message, *map(str, self.findings)])


class FindingCollector(Struct):
    """Gathers the findings of one document; the only mutable thing of the reading rooms.

    ``text`` is the document's text, where it was given as one.
    """

    findings: list[Finding] = field(default_factory=list)
    text: str | None = None

    def error(self, message: str, path: str, *, step: str | None = None, suggestion: str | None = None) -> None:
        self.findings.append(Finding(message, path, step, suggestion))

    def warning(self, message: str, path: str, *, step: str | None = None, suggestion: str | None = None) -> None:
        self.findings.append(Finding(message, path, step, suggestion, Severity.WARNING))

    def guess(self, word: str, candidates: Iterable[str]) -> str | None:
        """:func:`nearest`, for the first findings of a document: thousands of guesses would take minutes."""
        return nearest(word, candidates) if len(self.findings) < MAX_GUESSES else None

    @property
    def errors(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity is Severity.ERROR]


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that ``word`` was most likely meant to be, or None where none is near."""
    folded = {candidate.casefold(): candidate for candidate in candidates}
    matches = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return folded[matches[0]] if matches else None
