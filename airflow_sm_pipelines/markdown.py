"""Texts of a definition on Airflow's pages, which read documentation as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from airflow_sm_pipelines.definition.findings import Finding

NAMED_PAGE = re.compile(r"\bdocs/([\w/-]+)\.md(#[\w-]+)?")

MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+!|~-])")

MAX_LIST_LENGTH = 100_000
"""Characters of findings that a page shows."""

MAX_CELL_LENGTH = 120


def linked(text: str) -> str:
    """A text for a page of ``docs``: where it names another page, ``docs/schedule.md``, it has a link to it."""
    return NAMED_PAGE.sub(lambda named: f"[{named[1].rpartition('/')[2]}]({named[1]}.md{named[2] or ''})", text)


def escaped(text: str) -> str:
    """A text in which nothing is taken for markup."""
    return MARKUP.sub(r"\\\1", text)


def documentation(paragraphs: Iterable[str]) -> str:
    """Paragraphs as the ``doc_md`` of a Dag or task."""
    # Airflow takes a text that ends in ".md" for the path of a file, and opens it.
    return "\n\n".join(paragraphs) + "\n"


def cell(text: str, longest: int = MAX_CELL_LENGTH) -> str:
    """A text as one line of a table or list, cut where it is long."""
    line = " ".join(text.split())
    return escaped(line if len(line) <= longest else f"{line[: longest - 1]}…")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; its cells are Markdown."""
    names = [*head]
    lines = (names, ["---"] * len(names), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def bullets(findings: Iterable[Finding]) -> list[str]:
    """The findings as a list, as many as a page can show."""
    lines: list[str] = []
    left, more = MAX_LIST_LENGTH, 0
    for finding in findings:
        line = f"- {escaped(str(finding))}"
        left -= len(line)
        if left >= 0:
            lines.append(line)
        else:
            more += finding.stands_for
    return [*lines, f"- {more} more are in the task's log"] if more else lines
