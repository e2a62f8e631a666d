"""The page of all settings, from the registration: ``python -m airflow_sm_pipelines.report.settings_page``."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_sm_pipelines.markdown import linked
from airflow_sm_pipelines.options import OPTIONS, Option

HEAD = """# Settings

Made by `python -m airflow_sm_pipelines.report.settings_page > docs/settings.md`.

```ini
[sagemaker_pipelines]
region_name = eu-west-1
poll_interval = 60
```

These are options of the section `[sagemaker_pipelines]` of Airflow's configuration. An environment variable
`AIRFLOW__SAGEMAKER_PIPELINES__<OPTION>` gives the same, such as `AIRFLOW__SAGEMAKER_PIPELINES__POLL_INTERVAL`. An
argument of `SageMakerPipelineDag` of the same name wins. An option that does not exist, or a value that cannot be used,
is an error that names it: nothing is ignored.

| option | type | default | what it is |
|---|---|---|---|"""


def page() -> Iterator[str]:
    """The lines of the page."""
    yield HEAD
    for name, option in OPTIONS.items():
        yield f"| `{name}` | {option.type} | {option.default or ''} | {_words(option)} |"


def _words(option: Option) -> str:
    least = f" At least {option.minimum:g}." if option.minimum else ""
    if option.least_but_zero is not None:
        least = f" 0, or at least {option.least_but_zero:g}."
    old = f" Formerly `{option.old_name}`, which is still read." if option.old_name else ""
    return f"{linked(option.description)}{least}{old}"


if __name__ == "__main__":
    print("\n".join(page()))
