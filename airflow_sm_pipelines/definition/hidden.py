"""Findings without the secrets that the document has: a message may quote what stands at its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from airflow_sm_pipelines.definition.paths import MAX_SHOWN
from airflow_sm_pipelines.definition.secrets import literal_secrets, redactor

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.secret_names import IsSecret
    from airflow_sm_pipelines.definition.syntax import Json


def hide_secrets(document: Json, collector: FindingCollector, is_secret: IsSecret) -> None:
    """Mask the document's secrets in all that has been found so far."""
    if not collector.findings:
        return
    secrets = list(literal_secrets(document, is_secret))
    # A message quotes the beginning of a long text.
    hide = redactor([*secrets, *(secret[:MAX_SHOWN] for secret in secrets if len(secret) > MAX_SHOWN)])
    collector.findings[:] = [
        replace(
            finding,
            message=hide(finding.message),
            suggestion=None if finding.suggestion is None else hide(finding.suggestion),
        )
        for finding in collector.findings
    ]
