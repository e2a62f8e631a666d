"""What became of one file that a command was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.definition.findings import Severity

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_sm_pipelines.definition.findings import Finding
    from airflow_sm_pipelines.graph import Plan


class Checked(Struct, frozen=True):
    """One definition: its file as the user named it, its text, and its plan or what is wrong with it."""

    path: Path
    text: str
    dag_id: str
    plan: Plan | None
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> int:
        return sum(finding.stands_for for finding in self.findings if finding.severity is Severity.ERROR)

    @property
    def warnings(self) -> int:
        return sum(finding.stands_for for finding in self.findings) - self.errors


class Skipped(Struct, frozen=True):
    """A file that holds a JSON object, and no definition."""

    path: Path
