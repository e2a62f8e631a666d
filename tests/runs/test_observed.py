"""What a run sends to a StatsD server by Airflow's own stats, and which spans it makes."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.jobs.lifecycle import JobWait
from airflow_sm_pipelines.jobs.trigger import JobTrigger
from airflow_sm_pipelines.observing import spans as our_spans
from airflow_sm_pipelines.pace.trigger import PauseTrigger
from airflow_sm_pipelines.step_types.training import KIND
from tests.documentation.blocks import block_of
from tests.jobs.doubles import Fault, Task, WorkerDied
from tests.runs.harness import Airflow, Run, pipeline, training
from tests.runs.lost_tries import change_task
from tests.runs.statsd import StatsD
from tests.runs.test_lambda import function

CACHED = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P30D"}}


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
    shown = Counter(block_of("docs/metrics.md", "airflow.sm_pipelines").text.splitlines())
    names = {line: line.removeprefix("airflow.").removesuffix(":1|c") for line in shown}
    assert dict(shown) == {line: received[name] for line, name in names.items()}
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


def test_the_jobs_in_flight_are_those_that_triggers_wait_for(airflow: Airflow, statsd: StatsD) -> None:
    from airflow.models.trigger import Trigger
    from airflow.triggers.base import BaseTrigger
    from airflow.utils.session import create_session

    from airflow_sm_pipelines.server.orphan_jobs import stop_orphans

    def defer(trigger: BaseTrigger) -> Run:
        run = airflow.run(pipeline(training("Train")))
        with create_session(scoped=False) as session:
            row = Trigger.from_object(trigger)
            session.add(row)
            session.flush()
            number = row.id
        change_task(run.run_id, state="deferred", trigger_id=number)
        return run

    access = AwsAccess("aws_default", "us-east-1", None, None).to_json()
    first, second = [defer(JobTrigger(KIND.to_json(), name, access, 30.0, 300.0, None)) for name in ("one", "two")]
    paused = defer(PauseTrigger(0.0, {}))

    stop_orphans()
    assert statsd.received()["sm_pipelines.jobs.in_flight"] == 2
    change_task(first.run_id, state="running")
    stop_orphans()
    assert statsd.received()["sm_pipelines.jobs.in_flight"] == 1
    for run in (first, second, paused):
        change_task(run.run_id, state="success", trigger_id=None)


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


def test_the_span_of_a_step_that_runs_no_job_says_whose_it_is(airflow: Airflow) -> None:
    """Airflow's own span of a try is the current one while it runs."""
    airflow.endpoint.put_function("compute", lambda event: event)
    with TracerProvider().get_tracer(__name__).start_as_current_span("worker.Compute") as span:
        assert airflow.run(pipeline(function("Compute"))).state == "success"
    assert isinstance(span, ReadableSpan)
    assert dict(span.attributes or {}) == {
        "sm_pipelines.pipeline": "pipeline",
        "sm_pipelines.step": "Compute",
        "sm_pipelines.attempt": 1,
    }
