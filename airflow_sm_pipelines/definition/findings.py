"""What is wrong with a definition, as data, and the one error that carries it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

from msgspec import Struct, field
from msgspec.structs import replace

from airflow_sm_pipelines.definition.guessing import Guesser
from airflow_sm_pipelines.definition.place import WHOLE, Place
from airflow_sm_pipelines.definition.text import storable

MAX_SHOWN = 200
"""Errors, and warnings, that are shown of one document; the others are counted."""

MAX_MESSAGE_LENGTH = 1000
MAX_NAME_LENGTH = 200
"""Characters that are shown of a message, and of a step's name or what was likely meant."""


class Severity(Enum):
    """An error refuses the definition; a warning is shown and the definition is used."""

    ERROR = "error"
    WARNING = "warning"


class Finding(Struct, frozen=True):
    """One problem of one document.

    ``message`` says what is wrong, ``suggestion`` what was likely meant, ``severity`` whether it keeps the definition
    from running. ``path`` is a JSON path (``$.Steps[3].Arguments.HyperParameters.eta``), and ``step`` the name of the
    step it stands in. ``line`` and ``column`` count from 1. They are None where the definition was given as a mapping.
    ``on_key`` says that the last key of the path is what is wrong, and not its value. ``stands_for`` is the number of
    findings that it stands for. ``code`` is one of those of docs/findings.md. ``file`` is the file with settings that
    the place is in, None for the document itself. ``given`` names the argument of the Dag that is wrong, and its
    member.
    """

    message: str
    path: str = "$"
    step: str | None = None
    suggestion: str | None = None
    severity: Severity = Severity.ERROR
    line: int | None = None
    column: int | None = None
    on_key: bool = False
    stands_for: int = 1
    code: str = ""
    file: str | None = None
    given: tuple[str, ...] = ()

    def at(self, line: int, column: int) -> Finding:
        """The same finding with its place in the text."""
        return replace(self, line=line, column=column)

    def bounded(self) -> Finding:
        """The same finding with texts of a length that can be read."""
        longest = len(self.message) <= MAX_MESSAGE_LENGTH
        if longest and len(self.step or "") <= MAX_NAME_LENGTH and len(self.suggestion or "") <= MAX_NAME_LENGTH:
            return self
        return replace(
            self,
            message=_cut(self.message, MAX_MESSAGE_LENGTH),
            step=self.step and _cut(self.step, MAX_NAME_LENGTH),
            suggestion=None if len(self.suggestion or "") > MAX_NAME_LENGTH else self.suggestion,
        )

    def storable(self) -> Finding:
        """The same finding with texts that Airflow can store."""
        texts = (self.message, self.path, self.step, self.suggestion)
        message, path, step, suggestion = (text and storable(text) for text in texts)
        if (message, path, step, suggestion) == texts:
            return self
        return replace(self, message=message or "", path=path or "$", step=step, suggestion=suggestion)

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}, line {self.line}, column {self.column}"
        place = place if self.file is None else f"{self.file}: {place}"
        step = f" (step {self.step!r})" if self.step else ""
        hint = f". Did you mean {self.suggestion!r}?" if self.suggestion else ""
        kind = "warning: " if self.severity is Severity.WARNING else ""
        message = self.message.removesuffix(".") if hint else self.message
        return f"{place}{step}: {kind}{message}{hint}"


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
        # They are shown in Airflow's pages and logs, whatever they quote of a document.
        source, findings = storable(source), [finding.storable() for finding in findings]
        self = super().__new__(cls, f"{source}: {counted(findings)}", [FindingError(finding) for finding in findings])
        self.source = source
        self.findings = tuple(findings)
        return self

    def derive(self, excs: Sequence[FindingError]) -> DefinitionError:  # type: ignore[override] # narrower on purpose
        return DefinitionError(self.source, [error.finding for error in excs])

    def __str__(self) -> str:
        return "\n  ".join([self.message, *map(str, self.findings)])


class FindingCollector(Struct):
    """Gathers the findings of one document; the only mutable thing of the reading rooms.

    ``text`` is the document's text, where it was given as one; ``place`` says where in it the definition is.
    ``errors`` and ``warnings`` count what was found, of which ``findings`` holds the first of each, up to
    :data:`MAX_SHOWN`; ``steps`` counts the steps that were read.
    """

    findings: list[Finding] = field(default_factory=list)
    text: str | None = None
    place: Place = WHOLE
    errors: int = 0
    warnings: int = 0
    steps: int = 0
    guesser: Guesser = field(default_factory=Guesser)

    def add(self, finding: Finding) -> None:
        """Take up a finding."""
        if finding.severity is Severity.ERROR:
            self.errors += 1
            count = self.errors
        else:
            self.warnings += 1
            count = self.warnings
        if count <= MAX_SHOWN:
            self.findings.append(finding.bounded())

    def error(
        self, message: str, path: str, *, code: str, step: str | None = None, suggestion: str | None = None
    ) -> None:
        self.add(Finding(message, path, step, suggestion, code=code))

    def warning(
        self, message: str, path: str, *, code: str, step: str | None = None, suggestion: str | None = None
    ) -> None:
        self.add(Finding(message, path, step, suggestion, Severity.WARNING, code=code))

    def guess(self, word: str, candidates: Iterable[str]) -> str | None:
        """What ``word`` was most likely meant to be, as long as the document's budget for guesses lasts."""
        return self.guesser.nearest(word, candidates)

    def summaries(self) -> list[Finding]:
        """What stands for the findings that are only counted."""
        counts = ((self.errors, Severity.ERROR, "errors"), (self.warnings, Severity.WARNING, "warnings"))
        return [
            Finding(
                f"{count - MAX_SHOWN} more {noun} are not shown",
                severity=severity,
                stands_for=count - MAX_SHOWN,
                code="more-findings",
            )
            for count, severity, noun in counts
            if count > MAX_SHOWN
        ]


def counted(findings: Iterable[Finding]) -> str:
    """``1 finding``, ``2 findings``."""
    count = sum(finding.stands_for for finding in findings)
    return f"{count} finding{'' if count == 1 else 's'}"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"


def unexpected(source: str, error: Exception) -> DefinitionError:
    """The error of a definition that met an exception which it should not have: a fault of this package, or of the
    arguments that it was called with.
    """
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    message = f"the definition could not be made a Dag: {said}. The traceback is in the log of the Dag processor"
    failure = DefinitionError(source, [Finding(message, code="more-findings").bounded()])
    failure.__cause__ = error
    return failure
