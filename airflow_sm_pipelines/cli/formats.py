"""Findings as text for people, as JSON, and as the annotations of GitHub's workflow log."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from airflow_sm_pipelines.cli.snippets import snippet
from airflow_sm_pipelines.definition.text import plain
from airflow_sm_pipelines.report.hidden_source import hidden_settings, hidden_source
from airflow_sm_pipelines.settings import secret_names_of_environment
from airflow_sm_pipelines.sidecars.names import is_sidecar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_sm_pipelines.cli.model import Checked
    from airflow_sm_pipelines.definition.findings import Finding


def as_text(checked: Checked) -> Iterator[str]:
    """Each finding in a line that editors can jump to, then its source, JSON path and what was likely meant."""
    hide = hidden_settings if is_sidecar(checked.path.name) else hidden_source
    lines = hide(checked.text, secret_names_of_environment(os.environ)).split("\n") if checked.findings else []
    for finding in checked.findings:
        line, column = finding.line or 1, finding.column or 1
        yield f"{plain(str(checked.path))}:{line}:{column}: {finding.severity.value}: {plain(finding.message)}"
        margin = " " * len(str(line))
        yield from (plain(part) for part in snippet(lines, line, column))
        step = f" (step {finding.step!r})" if finding.step else ""
        yield f"{margin} = at {plain(finding.path)}{step}"
        if finding.suggestion:
            yield f"{margin} = did you mean {finding.suggestion!r}?"
        yield ""


def as_json(checked: Checked) -> Iterator[dict[str, object]]:
    """Each finding as an object."""
    for finding in checked.findings:
        yield {
            "file": str(checked.path),
            "line": finding.line,
            "column": finding.column,
            "severity": finding.severity.value,
            "code": finding.code,
            "message": finding.message,
            "path": finding.path,
            "step": finding.step,
            "suggestion": finding.suggestion,
        }


def as_annotations(checked: Checked) -> Iterator[str]:
    """Each finding as a workflow command (https://docs.github.com/actions, "Workflow commands")."""
    for finding in checked.findings:
        properties = {
            "file": str(checked.path),
            "line": str(finding.line or 1),
            "col": str(finding.column or 1),
            "title": "settings" if is_sidecar(checked.path.name) else "SageMaker pipeline definition",
        }
        fields = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items())
        yield f"::{finding.severity.value} {fields}::{_escaped(_sentence(finding))}"


def _sentence(finding: Finding) -> str:
    hint = f". Did you mean {finding.suggestion!r}?" if finding.suggestion else ""
    return f"{finding.message}{hint} ({finding.path})"


def _escaped(text: str, also: str = "") -> str:
    return "".join(f"%{ord(character):02X}" if character in "%\r\n" + also else character for character in text)
