"""The violations that a check found, read from the report that its container wrote.

Model Monitor's analyzer and Clarify write a ``constraint_violations.json`` beside their other files when they were
given baseline constraints; what an entry is about has other names in each (developer guide: "Schema for Violations",
"Bias Drift Violations", "Model Feature Attribution Drift Violations").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EXIT_MESSAGE = "CompletedWithViolations"
"""How the exit message of a container that found violations begins."""
MAX_SHOWN = 20
MAX_DESCRIPTION_LENGTH = 300


class Violation(Struct, frozen=True):
    """One violation: what it is about, the check that found it, and the container's description."""

    subject: str
    check: str
    description: str

    def __str__(self) -> str:
        description = self.description
        if len(description) > MAX_DESCRIPTION_LENGTH:
            description = f"{description[:MAX_DESCRIPTION_LENGTH]}…"
        return ": ".join(part for part in (self.subject, self.check, description) if part)


def read_violations(document: object) -> tuple[Violation, ...]:
    """The violations in a report, which is read from JSON.

    :raises TypeError: for one that is not what the containers write
    """
    if not isinstance(document, dict):
        raise TypeError("it is no JSON object")
    entries = [] if document.get("violations") is None else document["violations"]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise TypeError("its violations are no list of objects")
    return tuple(_read_violation(entry) for entry in entries)


def _read_violation(entry: Mapping[str, Any]) -> Violation:
    if "facet" in entry:
        subject = f"{entry['facet']} = {entry.get('facet_value', '')}, {entry.get('metric_name', '')}"
    elif "label" in entry:
        subject = f"{entry['label']}, {entry.get('metric_name', '')}"
    else:
        subject = str(entry.get("feature_name") or entry.get("metric_name") or "")
    return Violation(subject, str(entry.get("constraint_check_type") or ""), str(entry.get("description") or ""))


def describe_violations(violations: Sequence[Violation]) -> str:
    """The violations for the person who reads a task's log, one in a line, no more than 20."""
    lines = [f"{len(violations)} violation{'s' if len(violations) != 1 else ''}:"]
    lines += [f"- {violation}" for violation in violations[:MAX_SHOWN]]
    if len(violations) > MAX_SHOWN:
        lines.append(f"- and {len(violations) - MAX_SHOWN} more")
    return "\n".join(lines)
