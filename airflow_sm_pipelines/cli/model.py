"""What became of one definition in a file that a command was given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from airflow_sm_pipelines.definition.findings import Severity
from airflow_sm_pipelines.sidecars.layers import Merged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_sm_pipelines.dag_ids import Claim
    from airflow_sm_pipelines.definition.findings import Finding
    from airflow_sm_pipelines.graph import Plan


class Checked(Struct, frozen=True):
    """One definition: its file as the user named it, its text, and its plan or what is wrong with it.

    ``name`` is the file, and which of its pipelines where it is a template. ``instance`` is the name of the Dag's
    instance, and ``given`` what files of settings say of the Dag. ``claim`` is that to the dag id.
    """

    path: Path
    text: str
    dag_id: str
    plan: Plan | None
    findings: tuple[Finding, ...]
    name: str
    instance: str | None = None
    given: Merged = Merged()
    claim: Claim | None = None

    @property
    def errors(self) -> int:
        return sum(finding.stands_for for finding in self.findings if finding.severity is Severity.ERROR)

    @property
    def warnings(self) -> int:
        return sum(finding.stands_for for finding in self.findings) - self.errors

    def with_findings(self, findings: Iterable[Finding]) -> Checked:
        return replace(self, findings=tuple(findings))

    def by_file(self) -> Iterator[Checked]:
        """Itself with the findings of the definition, then one for each file of settings that has others."""
        files = dict.fromkeys(finding.file for finding in self.findings)
        yield self.with_findings(finding for finding in self.findings if finding.file is None)
        for file in files:
            if file is not None:
                yield of_settings(Path(file), self.findings)


def of_settings(file: Path, findings: Iterable[Finding]) -> Checked:
    """A file of settings with those of some findings that are its."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace").removeprefix("\ufeff")
    except OSError:
        text = ""
    own = tuple([finding for finding in findings if finding.file == str(file)])
    return Checked(file, text, file.name, None, own, str(file))
