"""All SageMaker resources the endpoint holds, and their passing through time."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_sm_pipelines.local.backend import ACCOUNT, Moto
from airflow_sm_pipelines.local.clock import Clock
from airflow_sm_pipelines.local.events import JobEvents
from airflow_sm_pipelines.local.real_jobs import RealJobs
from airflow_sm_pipelines.local.records import JobRecord
from airflow_sm_pipelines.local.scenario import Defaults, JobRule, Scenario
from airflow_sm_pipelines.local.timeline import Timeline


@dataclass(eq=False)
class Job:
    """A resource: its request, its planned life, and what its kind keeps about it in ``facts``.

    ``started`` is when it begins to run; ``finish`` is called once, when the last phase has begun. Jobs are only
    read and changed under the state's lock.
    """

    kind: str
    name: str
    region: str
    arn: str
    request: dict[str, Any]
    rule: JobRule
    created: float
    started: float
    timeline: Timeline
    finish: Callable[[Job, Moto], None] | None = None
    write: Callable[[Job, Moto, float], None] | None = None
    failure_reason: str | None = None
    modified: float | None = None
    tags: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    order: int = 0

    def record(self, now: float) -> JobRecord:
        """The job as an observer sees it at ``now``."""
        phase = self.timeline.current(now)
        return JobRecord(
            kind=self.kind,
            name=self.name,
            arn=self.arn,
            status=phase.status,
            detail=phase.detail,
            created=self.created,
            ended=self.timeline.end.at if self.timeline.ended(now) else None,
            failure_reason=self.failure_reason if phase.status == "Failed" else None,
            request=self.request,
        )


class EndpointState:
    """The resources, by region, kind and name. Take ``lock`` around every use."""

    def __init__(self, clock: Clock, moto: Moto) -> None:
        self.clock = clock
        self.moto = moto
        self.events = JobEvents(moto)
        self.lock = threading.RLock()
        self._order = itertools.count()
        self._jobs: dict[tuple[str, str, str], Job] = {}
        self._due: list[tuple[float, int, Job]] = []
        self._writing: list[Job] = []
        self._scenario = Scenario()
        self._used: dict[int, int] = {}
        self.real_jobs = RealJobs(self)

    @property
    def defaults(self) -> Defaults:
        """The scenario's defaults."""
        return self._scenario.defaults

    def follow(self, scenario: Scenario) -> None:
        """Use the rules of ``scenario`` for jobs to come, and put its S3 objects."""
        with self.lock:
            self.real_jobs.follow(scenario.runner)
            self._scenario, self._used = scenario, {}
        for bucket, files in scenario.s3.items():
            for key, content in files.items():
                self.moto.put_object(bucket, key, content, "us-east-1")

    def exists_before(self, kind: str, name: str) -> bool:
        """Whether the scenario has such a resource from the start."""
        return name in self._scenario.existing.get(kind, ())

    def clear(self) -> None:
        """Forget all resources, and end the jobs that really run."""
        self.real_jobs.end_all()
        with self.lock:
            self._jobs.clear()
            self._due.clear()
            self._writing.clear()
            self.real_jobs.begin_anew()

    def rule(self, kind: str, name: str) -> JobRule | None:
        """The rule for a new job, counted as used; ``None`` when no rule of the scenario is about it."""
        for index, rule in enumerate(self._scenario.jobs):
            used = self._used.get(index, 0)
            if rule.matches(kind, name) and (rule.times is None or used < rule.times):
                self._used[index] = used + 1
                return rule
        return None

    def add(self, job: Job) -> None:
        """Take in a new resource."""
        job.order = next(self._order)
        self._jobs[job.region, job.kind, job.name] = job
        if job.rule.logs and job.write is not None:
            self._writing.append(job)
        self.plan(job, job.timeline)
        self.events.send(job, job.timeline.current(job.created).status, job.created)

    def plan(self, job: Job, timeline: Timeline) -> None:
        """Give a job another future."""
        job.timeline = timeline
        heapq.heappush(self._due, (timeline.end.at, job.order, job))

    def remove(self, job: Job) -> None:
        """Forget a resource; its name is free again."""
        del self._jobs[job.region, job.kind, job.name]

    def find(self, kind: str, region: str, name: str, now: float) -> Job | None:
        """The resource of that name, if it has been created by ``now``."""
        job = self._jobs.get((region, kind, name)) or self._find_in_any_case(kind, region, name)
        return job if job is not None and job.created <= now else None

    def _find_in_any_case(self, kind: str, region: str, name: str) -> Job | None:
        """By a name that was taken from an ARN, where AWS writes it in lower case."""
        key = (region, kind, name.lower())
        return next((job for job in self._jobs.values() if (*_key(job)[:2], job.name.lower()) == key), None)

    def find_arn(self, arn: str, now: float) -> Job | None:
        """The resource of that ARN."""
        return next((job for job in self._jobs.values() if job.arn.lower() == arn.lower() and job.created <= now), None)

    def all(self, kind: str | None, region: str | None, now: float) -> Iterator[Job]:
        """Resources of a kind and region in order of creation."""
        found = (
            job
            for job in self._jobs.values()
            if kind in (None, job.kind) and region in (None, job.region) and job.created <= now
        )
        return iter(sorted(found, key=lambda job: (job.created, job.order)))

    def settle(self, now: float) -> None:
        """Let everything happen that is due by ``now``, in order of time, each thing once."""
        with self.lock:
            while self._due and self._due[0][0] <= now:
                at, _, job = heapq.heappop(self._due)
                finish = job.finish
                # A stopped or removed job leaves its first plan behind in the heap.
                if finish is None or at != job.timeline.end.at or self._jobs.get(_key(job)) is not job:
                    continue
                job.finish = None
                finish(job, self.moto)
                self.events.send(job, job.timeline.end.status, at)
            self._writing = [job for job in self._writing if job.finish and self._jobs.get(_key(job)) is job]
            for job in self._writing:
                if job.write is not None:
                    job.write(job, self.moto, now)


def _key(job: Job) -> tuple[str, str, str]:
    return job.region, job.kind, job.name


def arn(region: str, resource: str, service: str = "sagemaker") -> str:
    """An ARN in the endpoint's account, by default SageMaker's; ``resource`` is like ``model/name``."""
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return f"arn:{partition}:{service}:{region}:{ACCOUNT}:{resource}"


def merged(base: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``extra`` laid over it, object by object."""
    result = dict(base)
    for key, value in extra.items():
        below = result.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            result[key] = merged(below, value)
        else:
            result[key] = value
    return result
