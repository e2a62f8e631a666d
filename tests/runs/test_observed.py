"""What a run sends to a StatsD server by Airflow's own stats, and which spans it makes."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from airflow_sm_pipelines.jobs.lifecycle import JobWait
from airflow_sm_pipelines.observing import spans as our_spans
from airflow_sm_pipelines.observing import stats as our_stats
from tests.jobs.doubles import Fault, Task, WorkerDied
from tests.runs.harness import Airflow, pipeline, training
from tests.system.processes import missing

CACHED = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P30D"}}
LINE = re.compile(r"airflow\.(?P<name>sm_pipelines\..*):(?P<value>[-0-9.]+)\|(?P<kind>c|g)")


@dataclass(frozen=True)
class StatsD:
    """A StatsD server."""

    listener: socket.socket

    def received(self) -> Counter[str]:
        """What has come since the last time: sums of our counters, last values of our gauges, by name with tags."""
        found: Counter[str] = Counter()
        with contextlib.suppress(BlockingIOError):
            while True:
                for line in self.listener.recv(65536).decode().splitlines():
                    if (sent := LINE.fullmatch(line)) is not None:
                        before = found[sent["name"]] if sent["kind"] == "c" else 0
                        found[sent["name"]] = before + int(float(sent["value"]))
        return found


def set_up_stats() -> None:
    """Set Airflow's stats up as each of its processes does when it starts."""
    from airflow.sdk.observability import stats
    from airflow.sdk.observability.metrics import stats_utils

    stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=True)
    our_stats.airflows_stats.cache_clear()


@pytest.fixture
def statsd(monkeypatch: pytest.MonkeyPatch) -> Iterator[StatsD]:
    if importlib.util.find_spec("statsd") is None:
        missing("no statsd")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        with monkeypatch.context() as patch:
            for name, value in {
                "STATSD_ON": "True",
                "STATSD_HOST": "127.0.0.1",
                "STATSD_PORT": str(listener.getsockname()[1]),
                "STATSD_INFLUXDB_ENABLED": "True",
            }.items():
                patch.setenv(f"AIRFLOW__METRICS__{name}", value)
            set_up_stats()
            yield StatsD(listener)
        set_up_stats()


@pytest.mark.parametrize("deferrable", [True, False], ids=["deferrable", "synchronous"])
def test_a_run_that_is_throttled_retried_and_cached(airflow: Airflow, statsd: StatsD, deferrable: bool) -> None:
    reason = "CapacityError: no instance is left"
    airflow.endpoint.load_scenario(
        {
            "defaults": {"duration": 0.3},
            "jobs": [{"kind": "training", "outcome": "Failed", "failure_reason": reason, "times": 1}],
            "faults": [
                {"action": "DescribeTrainingJob", "error": {"code": "ThrottlingException", "status": 400}, "times": 3}
            ],
        }
    )
    policy = [{"ExceptionType": ["SageMaker.CAPACITY_ERROR"], "IntervalSeconds": 1, "MaxAttempts": 2}]
    definition = pipeline(training("Train", RetryPolicies=policy, **CACHED))

    assert airflow.run(definition, deferrable=deferrable).state == "success"

    received = statsd.received()
    call = "service=sagemaker,operation=DescribeTrainingJob"
    describes = airflow.endpoint.requests("sagemaker", "DescribeTrainingJob")
    answered = [request for request in describes if request.error_code is None]
    expected = {
        "sm_pipelines.jobs.begun,step_type=Training": len(airflow.created("CreateTrainingJob")),
        "sm_pipelines.jobs.ended,step_type=Training,end=failed": 1,
        "sm_pipelines.jobs.ended,step_type=Training,end=succeeded": 1,
        "sm_pipelines.retries,exception_type=SageMaker.CAPACITY_ERROR": 1,
        "sm_pipelines.cache.misses,step_type=Training": 1,
        f"sm_pipelines.aws_calls,{call},outcome=ok": len(answered),
        f"sm_pipelines.aws_calls,{call},outcome=throttled": 3,
        f"sm_pipelines.throttles,{call}": 3,
    }
    assert {name: received[name] for name in expected} == expected
    assert received["sm_pipelines.jobs.begun,step_type=Training"] == 2
    assert received["sm_pipelines.polls,operation=DescribeTrainingJob"] > 0

    assert airflow.run(definition, deferrable=deferrable).state == "success"

    received = statsd.received()
    assert received["sm_pipelines.cache.hits,step_type=Training"] == 1
    assert "sm_pipelines.jobs.begun,step_type=Training" not in received


def test_a_try_whose_worker_died_is_counted_once_by_the_try_that_follows(statsd: StatsD) -> None:
    task = Task()
    task.aws.faults.plan("CreateTrainingJob", Fault.DEATH_BEFORE)
    with pytest.raises(WorkerDied):
        task.begun().submit_or_adopt()
    assert "sm_pipelines.retries,exception_type=lost" not in statsd.received()

    task.try_number = 2
    assert isinstance(task.begun().submit_or_adopt(), JobWait)
    assert statsd.received()["sm_pipelines.retries,exception_type=lost"] == 1
    # The same try, back from its trigger.
    task.begun().submit_or_adopt()
    assert "sm_pipelines.retries,exception_type=lost" not in statsd.received()


def test_a_failure_for_good_and_the_jobs_in_flight(airflow: Airflow, statsd: StatsD) -> None:
    from airflow_sm_pipelines.server.orphan_jobs import stop_orphans

    airflow.endpoint.load_scenario(
        {"jobs": [{"kind": "training", "outcome": "Failed", "failure_reason": "AlgorithmError: exit code 1"}]}
    )

    assert airflow.run(pipeline(training("Train"))).state == "failed"
    stop_orphans()

    received = statsd.received()
    assert received["sm_pipelines.failures,exception_type=none"] == 1
    assert received["sm_pipelines.jobs.in_flight"] == 0
    assert "sm_pipelines.jobs.in_flight" in received
    assert "sm_pipelines.orphans_stopped" not in received


def test_the_spans_of_a_run(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    ours = SimpleNamespace(get_tracer=provider.get_tracer, get_current_span=trace.get_current_span)
    monkeypatch.setattr(our_spans, "opentelemetry_trace", lambda: ours)

    assert airflow.run(pipeline(training("Train")), deferrable=True).state == "success"
    assert airflow.run(pipeline(training("Train")), deferrable=False).state == "success"

    spans = exporter.get_finished_spans()
    order = ["sm_pipelines.resolve", "sm_pipelines.submit"]
    # Back from the trigger, Airflow renders the fields once more.
    assert [span.name for span in spans] == [
        *order,
        "sm_pipelines.resolve",
        "sm_pipelines.finish",
        *order,
        "sm_pipelines.wait",
    ]
    (job, *_) = airflow.endpoint.jobs("training")
    attributes = dict(spans[0].attributes or {})
    assert attributes == {
        "sm_pipelines.pipeline": "pipeline",
        "sm_pipelines.step": "Train",
        "sm_pipelines.job": job.name,
        "sm_pipelines.attempt": 1,
    }
