"""The page of metrics, spans and log fields: ``python -m airflow_sm_pipelines.report.metrics_page``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from airflow_sm_pipelines.observing.log_fields import FIELDS
from airflow_sm_pipelines.observing.metrics import METRICS, TAGS, Metric
from airflow_sm_pipelines.observing.spans import ATTRIBUTES, SPANS

HEAD = """# Metrics, spans and log fields

Made by `python -m airflow_sm_pipelines.report.metrics_page > docs/metrics.md`.

A Training step loses its first job to a lack of capacity. Its retry policy grants a second job, which succeeds. A
StatsD server then receives, among others:

```text
airflow.sm_pipelines.jobs.begun,step_type=Training:1|c
airflow.sm_pipelines.jobs.ended,step_type=Training,end=failed:1|c
airflow.sm_pipelines.retries,exception_type=SageMaker.CAPACITY_ERROR:1|c
airflow.sm_pipelines.jobs.begun,step_type=Training:1|c
airflow.sm_pipelines.jobs.ended,step_type=Training,end=succeeded:1|c
```

## Metrics

Metrics go where Airflow's own go: StatsD, Datadog or OpenTelemetry, as the section `[metrics]` of Airflow's
configuration says, with its prefix (`airflow.` by default). Nothing has to be set for this package. Where metrics are
off, none is made.

Workers, triggerers and the API server each send their own metrics, so `[metrics]` has to be set in all of them. The
lines above have tags (`statsd_influxdb_enabled`). StatsD without tags adds up all series of a name. To keep them
apart, set that option, or use Datadog or OpenTelemetry.

| metric | kind | tags | what it says | what to alert on |
|---|---|---|---|---|"""
TAGS_HEAD = """
| tag | what it is |
|---|---|"""
SPANS_HEAD = """
## Spans

Where Airflow's tracing is on (`[traces] otel_on`), its span of a try (`worker.<task id>`) and of a trigger
(`trigger.<task id>`) have these attributes, the job's name where a step runs a job. The others
are as Airflow makes them.

| attribute | what it is |
|---|---|"""
OWN_SPANS = """
Below the span of a try:

| span | what takes the time |
|---|---|"""
FIELDS_HEAD = """
## Log fields

Airflow gives each line of a task's log `dag_id`, `task_id`, `run_id`, `try_number` and `map_index`. Lines of a step
have `pipeline`, `step` and `attempt` besides, whatever its type is, from where its try begins in the worker. Lines of
the trigger that waits for the step have them too. A step that runs a job has `job` in both. They are
seen where logs are JSON (`[logging] json_logs`, and the files of task logs).

| field | what it is |
|---|---|"""


def page() -> Iterator[str]:
    """The lines of the page."""
    yield HEAD
    yield from map(_row, METRICS)
    yield TAGS_HEAD
    yield from _rows(TAGS)
    yield SPANS_HEAD
    yield from _rows(ATTRIBUTES)
    yield OWN_SPANS
    yield from _rows(SPANS)
    yield FIELDS_HEAD
    yield from _rows(FIELDS)


def _row(metric: Metric) -> str:
    tags = ", ".join(f"`{tag}`" for tag in metric.tags)
    return f"| `{metric.name}` | {metric.kind} | {tags} | {metric.meaning} | {metric.alert} |"


def _rows(meanings: Mapping[str, str]) -> Iterator[str]:
    yield from (f"| `{name}` | {meaning} |" for name, meaning in meanings.items())


if __name__ == "__main__":
    print("\n".join(page()))
