"""Findings without the secrets that the document has: a message may quote what stands at its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from airflow_sm_pipelines.definition.secrets import literal_secrets, redactor

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.secret_names import IsSecret
    from airflow_sm_pipelines.definition.syntax import Json


def hide_secrets(document: Json, collector: FindingCollector, is_secret: IsSecret) -> None:
    """Mask the document's secrets in all that has been found so far."""
    if not collector.findings:
        return
    hide = redactor(literal_secrets(document, is_secret))
    collector.findings[:] = [
        replace(
            finding,
            message=hide(finding.message),
            suggestion=None if finding.suggestion is None else hide(finding.suggestion),
        )
        for finding in collector.findings
    ]
