"""The page of all finding codes: ``python -m airflow_sm_pipelines.report.findings_page``."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_sm_pipelines.definition.codes import CODES

HEAD = """# Findings

Made by `python -m airflow_sm_pipelines.report.findings_page > docs/findings.md`.

Every finding of `lint` (`--format json` has it as `code`) and of `DefinitionError.findings` has one of these codes.

| code | what it says |
|---|---|"""


def page() -> Iterator[str]:
    """The lines of the page."""
    yield HEAD
    yield from (f"| `{code}` | {text} |" for code, text in CODES.items())


if __name__ == "__main__":
    print("\n".join(page()))
