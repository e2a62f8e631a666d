"""The page of all finding codes: ``python -m airflow_sm_pipelines.report.findings_page``."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_sm_pipelines.definition.codes import CODES

HEAD = """# Findings

Made by `python -m airflow_sm_pipelines.report.findings_page > docs/findings.md`.

```console
$ sm-pipelines lint --format json score.json
{
...
  "findings": [
    {
      "file": "score.json",
      "line": 6,
      "column": 29,
      "severity": "error",
      "code": "unknown-parameter",
      "message": "the parameter 'Dta' is not declared",
      "path": "$.Steps[0].Arguments.data",
      "step": "Score",
      "suggestion": "Parameters.Data"
    }
  ]
}
```

Every finding of `lint` and of `DefinitionError.findings` has one of the codes below. `lint` shows it with
`--format json`.

| code | what it says |
|---|---|"""


def page() -> Iterator[str]:
    """The lines of the page."""
    yield HEAD
    yield from (f"| `{code}` | {text} |" for code, text in CODES.items())


if __name__ == "__main__":
    print("\n".join(page()))
