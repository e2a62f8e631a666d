"""The table of metrics, and what is sent of it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.aws.counted_calls import count_call
from airflow_sm_pipelines.observing import metrics
from airflow_sm_pipelines.observing.metrics import METRICS, TAGS, Counter, Gauge, Metric, Timer

PACKAGE = Path(__file__).parents[2] / "airflow_sm_pipelines"


class Received:
    """A backend of Airflow's stats."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def incr(self, name: str, count: int, *, tags: dict[str, str]) -> None:
        self.calls.append((name, count, tags))

    def gauge(self, name: str, value: float, *, tags: dict[str, str]) -> None:
        self.calls.append((name, value, tags))

    def timing(self, name: str, milliseconds: float, *, tags: dict[str, str]) -> None:
        self.calls.append((name, milliseconds, tags))


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Received:
    backend = Received()
    monkeypatch.setattr(metrics, "stats", lambda: backend)
    return backend


def test_each_kind_is_sent_with_its_tags(received: Received) -> None:
    Counter("sm_pipelines.c", "", tags=("step_type",)).add(2, step_type="Training")
    Gauge("sm_pipelines.g", "").set(3)
    Timer("sm_pipelines.t", "").record(1.5)
    assert received.calls == [
        ("sm_pipelines.c", 2, {"step_type": "Training"}),
        ("sm_pipelines.g", 3, {}),
        ("sm_pipelines.t", 1500, {}),
    ]


def test_other_tags_than_the_tables_are_refused(received: Received) -> None:
    with pytest.raises(TypeError, match="has the tags"):
        metrics.JOBS_BEGUN.add(type="Training")


def test_nothing_is_sent_where_metrics_are_off(received: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "stats", lambda: None)
    metrics.JOBS_BEGUN.add(step_type="Training")
    assert received.calls == []


def test_the_table_is_whole() -> None:
    defined = [value for value in vars(metrics).values() if isinstance(value, Metric)]
    assert list(METRICS) == defined
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert all(metric.name.startswith("sm_pipelines.") and metric.kind and metric.meaning for metric in METRICS)
    assert {tag for metric in METRICS for tag in metric.tags} == set(TAGS)


def test_every_metric_is_sent_by_someone() -> None:
    names = {name for name, value in vars(metrics).items() if isinstance(value, Metric)}
    used = {
        node.id if isinstance(node, ast.Name) else node.attr
        for file in PACKAGE.rglob("*.py")
        if file != PACKAGE / "observing" / "metrics.py"
        for text in [file.read_text()]
        if any(name in text for name in names)  # only these are parsed
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Name | ast.Attribute)
    }
    assert names - used == set()


def response(status: int, code: str | None = None) -> dict[str, Any]:
    error = {} if code is None else {"Error": {"Code": code, "Message": ""}}
    return {"ResponseMetadata": {"HTTPStatusCode": status}, **error}


@pytest.mark.parametrize(
    ("parsed", "exception", "outcome"),
    [
        (response(200), None, "ok"),
        (response(200, "a member of the response"), None, "ok"),
        (response(400, "ThrottlingException"), None, "throttled"),
        (response(400, "ValidationException"), None, "error"),
        (None, OSError("reset"), "lost"),
    ],
)
def test_a_call_has_an_outcome(received: Received, parsed: Any, exception: Any, outcome: str) -> None:
    count_call("response-received.sagemaker.DescribeTrainingJob", parsed_response=parsed, exception=exception)
    call = {"service": "sagemaker", "operation": "DescribeTrainingJob"}
    calls = [("sm_pipelines.aws_calls", 1, {**call, "outcome": outcome})]
    if outcome == "throttled":
        calls.append(("sm_pipelines.throttles", 1, call))
    assert received.calls == calls
