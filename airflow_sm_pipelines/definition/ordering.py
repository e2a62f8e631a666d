"""Findings in the order of the document."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.paths import render_path
from airflow_sm_pipelines.definition.syntax import walk_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_sm_pipelines.definition.document import Document
    from airflow_sm_pipelines.definition.findings import Finding

_LAST_KEY = re.compile(r"(\.[^.\[\]']*|\[[0-9]+\]|\['(?:[^'\\]|\\.)*'\])\Z")


def in_document_order(findings: Iterable[Finding], document: Document | None) -> list[Finding]:
    """Each finding once, in the order of the places in the document's text, equal places as they were found."""
    unique = list(dict.fromkeys(findings))
    if document is None or len(unique) < 2:
        return unique
    wanted = {_known_part: None for finding in unique for _known_part in _prefixes(finding.path)}
    order: dict[str, int] = {}
    for start, value in ((document.wrapper_path, document.wrapper or {}), (None, document.definition)):
        for path, _ in walk_json(value, start):
            text = render_path(path)
            if text in wanted:
                order.setdefault(text, len(order))
    return sorted(unique, key=lambda finding: max(order.get(part, 0) for part in _prefixes(finding.path)))


def _prefixes(path: str) -> list[str]:
    """The path and those of all that it stands in."""
    prefixes = [path]
    while (found := _LAST_KEY.search(path)) is not None:
        path = path[: found.start()]
        prefixes.append(path)
    return prefixes
