"""The endpoint without its HTTP side: the state, the faults, the request log, and what one can do to them."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from typing import Any

from airflow_sm_pipelines.local.backend import Moto
from airflow_sm_pipelines.local.callbacks import CallbackAnswers, queues_of
from airflow_sm_pipelines.local.clock import Clock
from airflow_sm_pipelines.local.control import EndpointControl
from airflow_sm_pipelines.local.events import Ticker
from airflow_sm_pipelines.local.faults import FaultBook, read_fault
from airflow_sm_pipelines.local.functions import Functions
from airflow_sm_pipelines.local.limits import MAX_SECONDS
from airflow_sm_pipelines.local.paused_calls import PausedCall, PausedCalls
from airflow_sm_pipelines.local.pipelines import PipelineApi
from airflow_sm_pipelines.local.rates import RateBook
from airflow_sm_pipelines.local.reader import Node
from airflow_sm_pipelines.local.records import JobRecord, LoggedRequest
from airflow_sm_pipelines.local.scenario import Scenario, read_scenario
from airflow_sm_pipelines.local.state import EndpointState

REGION = "us-east-1"
"""A region to ask for buckets, whose names are known in all of them; where the queue of callback answers is."""


class RequestLog:
    """Requests in order of arrival. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Forget everything and count from 0 again."""
        with self._lock:
            self._index = itertools.count()
            self._entries: list[LoggedRequest] = []

    def arrive(self) -> tuple[int, list[LoggedRequest]]:
        """The number of a request that has just come in, and the page to note it on once it is answered.

        A request that is under way while the log is cleared stays on the page that was thrown away.
        """
        with self._lock:
            return next(self._index), self._entries

    def find(self, service: str | None, action: str | None) -> tuple[LoggedRequest, ...]:
        """Requests of a service and action, in order of arrival."""
        with self._lock:
            found = [e for e in self._entries if service in (None, e.service) and action in (None, e.action)]
        return tuple(sorted(found, key=lambda entry: entry.index))


class Engine(EndpointControl):
    """Everything the endpoint knows. ``scenario`` is what :meth:`reset` goes back to."""

    def __init__(self, scenario: Scenario, time_scale: float) -> None:
        self.clock = Clock(time_scale)
        self.moto = Moto()
        self.state = EndpointState(self.clock, self.moto)
        self.faults = FaultBook()
        self.rates = RateBook()
        self.paused_calls = PausedCalls()
        self.functions = Functions()
        self.callbacks = CallbackAnswers(self.moto, self.state.real_jobs)
        self.log = RequestLog()
        self._ticker = Ticker(lambda: self.state.settle(self.clock.now()))
        self.pipelines: PipelineApi | None = None
        self._initial = scenario
        self._start(scenario)

    def _start(self, scenario: Scenario) -> None:
        if self.pipelines is not None:
            # Their runs stop their jobs, which are still there.
            self.pipelines.close()
        self.state.clear()
        self.clock.reset()
        self.moto.reset()
        self.functions.clear()
        self.log.clear()
        self.paused_calls.resume()
        self._follow(scenario)

    def _follow(self, scenario: Scenario) -> None:
        self.faults.replace(scenario.faults)
        self.rates.replace(scenario.rates)
        self.state.follow(scenario)
        for queue in queues_of(scenario.runner):
            self.moto.make_queue(queue, REGION)
        if scenario.events_queue is not None:
            self.moto.make_queue(scenario.events_queue, REGION)
        self.state.events.follow(scenario.events_queue)
        self._ticker.run(wanted=scenario.events_queue is not None)

    def close(self) -> None:
        """End the jobs that really run, and take their folders away."""
        self._ticker.run(wanted=False)
        self.state.real_jobs.close()

    def stop_pipelines(self) -> None:
        """Stop the runs of pipelines, which call the endpoint to stop their jobs."""
        if self.pipelines is not None:
            self.pipelines.close()

    def read_object(self, bucket: str, key: str) -> bytes | None:
        """The content of an object in S3, None where there is none."""
        return self.moto.get_object(bucket, key, REGION)

    def health(self) -> dict[str, Any]:
        """That the endpoint is there, and its clock."""
        return {"status": "ok", "time": self.clock.now(), "time_scale": self.clock.scale}

    def requests(self, service: str | None = None, action: str | None = None) -> tuple[LoggedRequest, ...]:
        return self.log.find(service, action)

    def last_lines(self) -> dict[str, str]:
        """The last line of each job's log, by the job's name."""
        with self.state.lock:
            now = self.clock.now()
            self.state.settle(now)
            lines = ((job.name, job.facts.get("last_line")) for job in self.state.all(None, None, now))
            return {name: line for name, line in lines if line}

    def jobs(self, kind: str | None = None) -> tuple[JobRecord, ...]:
        with self.state.lock:
            now = self.clock.now()
            self.state.settle(now)
            return tuple(job.record(now) for job in self.state.all(kind, None, now))

    def advance(self, seconds: float) -> None:
        self.clock.advance(Node(seconds, "$.seconds").number(0, MAX_SECONDS))
        self.state.settle(self.clock.now())

    def paused(self) -> tuple[PausedCall, ...]:
        return self.paused_calls.all()

    def resume(self, action: str = "*") -> None:
        self.paused_calls.resume(action)

    def add_raw_fault(self, fault: Node) -> None:
        """Put a fault in its JSON form in force."""
        self.faults.add(read_fault(fault))

    def _add_fault(self, fault: Mapping[str, Any]) -> None:
        self.add_raw_fault(Node(fault))

    def _load_scenario(self, scenario: Mapping[str, Any]) -> None:
        self._follow(read_scenario(scenario))

    def _reset(self, scenario: Mapping[str, Any] | None) -> None:
        self._start(self._initial if scenario is None else read_scenario(scenario))
