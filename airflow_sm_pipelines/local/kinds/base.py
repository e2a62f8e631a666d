"""What the kinds of jobs share: Create, Describe, Stop and List, and a life planned at Create."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from airflow_sm_pipelines.local.backend import Moto
from airflow_sm_pipelines.local.errors import AwsError, invalid
from airflow_sm_pipelines.local.kinds.action import Action, Handler
from airflow_sm_pipelines.local.kinds.life import Ending, Stage
from airflow_sm_pipelines.local.kinds.listing import list_page
from airflow_sm_pipelines.local.kinds.outputs import put_file, write_lines
from airflow_sm_pipelines.local.real_jobs import NEVER
from airflow_sm_pipelines.local.scenario import JobRule
from airflow_sm_pipelines.local.state import EndpointState, Job, arn, merged
from airflow_sm_pipelines.local.timeline import Phase, Timeline


class SimulatedKind:
    """A kind of job: Create, Describe, Stop and List, with AWS's errors. Subclasses are mostly data."""

    kind: ClassVar[str]
    label: ClassVar[str]
    resource: ClassVar[str]
    noun: ClassVar[str]
    log_group: ClassVar[str] = ""
    """Where its hosts write their logs; nothing is written where there is none."""
    start_time: ClassVar[str | None] = None
    end_time: ClassVar[str]
    stages: ClassVar[tuple[Stage, ...]] = (Stage(0.0, "", ""),)
    waiting: ClassVar[Stage] = Stage(0.0, "", "")
    summary_keys: ClassVar[tuple[str, ...]] = ()
    filled_in: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """Members that Describe shows also when the request has not got them."""

    def actions(self) -> Mapping[str, Handler]:
        """The actions of this kind by name."""
        return {
            f"Create{self.label}": self.create,
            f"Describe{self.label}": self.describe,
            f"Stop{self.label}": self.stop,
            f"List{self.label}s": self.list,
        }

    # What subclasses say ------------------------------------------------------------------------------------

    def already_there(self, job: Job) -> AwsError:
        """The error for a name in use."""
        return AwsError(
            "ResourceInUse",
            "Job name must be unique within an AWS account and region, "
            f"and a job with this name already exists ({job.arn})",
        )

    def not_there(self, name: str) -> AwsError:
        """The error for a name that is not known."""
        return invalid(f"Could not find requested job with name: {name}")

    def check(self, action: Action) -> None:
        """Raise what the service finds wrong in a Create request beyond the model."""

    def details(self, _job: Job, _now: float) -> dict[str, Any]:
        """What Describe adds to the request and the common fields."""
        return {}

    def output_uri(self, _job: Job, _name: str) -> str | None:
        """Where the files of a named output go."""
        return None

    def completed(self, job: Job, moto: Moto) -> None:
        """Whatever else happens when a job completes."""

    def time_limit(self, request: Mapping[str, Any]) -> float | None:
        """Seconds a job may run."""
        limit = request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
        return None if limit is None else float(limit)

    def ending(self, rule: JobRule) -> Ending:
        """How a job ends by its rule."""
        reason = rule.failure_reason or "AlgorithmError: See job logs for more information"
        return Ending(
            rule.outcome, rule.outcome, self.message_of(rule.outcome), reason if rule.outcome == "Failed" else None
        )

    def message_of(self, outcome: str) -> str:
        """The status message of the last phase."""
        return f"{self.noun.capitalize()} {outcome.lower()}"

    def past_limit(self) -> Ending:
        """How a job ends that has run for too long."""
        return Ending("Stopped", "Stopped")

    # The actions --------------------------------------------------------------------------------------------

    def create(self, action: Action) -> dict[str, Any]:
        """Start a job."""
        name = action.parameters[f"{self.label}Name"]
        if job := action.state.find(self.kind, action.region, name, action.now):
            raise self.already_there(job)
        self.check(action)
        job = self.begin(action, name)
        return {f"{self.label}Arn": job.arn}

    def begin(self, action: Action, name: str) -> Job:
        """Add a job, simulated unless its kind says otherwise."""
        job = self.make(action, action.parameters, action.state.rule(self.kind, name) or JobRule(), action.now)
        action.state.add(job)
        return job

    def make(self, action: Action, request: dict[str, Any], rule: JobRule, created: float) -> Job:
        """A job with its whole life planned; it has not been added yet."""
        name = request[f"{self.label}Name"]
        defaults = action.state.defaults
        duration = defaults.duration if rule.duration is None else rule.duration
        started = created + (defaults.queued if rule.queued is None else rule.queued)
        ending, limit = self.ending(rule), self.time_limit(request)
        if limit is not None and duration > limit:
            ending, duration = self.past_limit(), limit
        stages = [Phase(started + s.share * duration, "InProgress", s.detail, s.message) for s in self.stages]
        waiting = [Phase(created, "InProgress", self.waiting.detail, self.waiting.message)]
        last = Phase(started + duration, ending.outcome, ending.detail, ending.message)
        return Job(
            kind=self.kind,
            name=name,
            region=action.region,
            arn=arn(action.region, f"{self.resource}/{name.lower()}"),
            request=request,
            rule=rule,
            created=created,
            started=started,
            timeline=Timeline((*waiting, *stages, last)),
            finish=self.finish,
            write=self.write,
            failure_reason=ending.failure_reason,
            tags={tag["Key"]: tag["Value"] for tag in request.get("Tags", ())},
        )

    def existing(self, action: Action) -> Job:
        """The job an action names; raises AWS's error when there is none."""
        name = action.parameters[f"{self.label}Name"]
        job = action.state.find(self.kind, action.region, name, action.now)
        if job is None:
            raise self.not_there(name)
        return job

    def describe(self, action: Action) -> dict[str, Any]:
        """The request as it was sent, what AWS adds, and what the rule lays over it."""
        job, now = self.existing(action), action.now
        request = {key: value for key, value in job.request.items() if key != "Tags"}
        common = self.status(job, now)
        return merged(merged({**self.filled_in, **request, **common}, self.details(job, now)), job.rule.describe)

    def status(self, job: Job, now: float) -> dict[str, Any]:
        """ARN, status and times."""
        current = job.timeline.current(now)
        result = {
            f"{self.label}Name": job.name,
            f"{self.label}Arn": job.arn,
            f"{self.label}Status": current.status,
            "CreationTime": job.created,
            "LastModifiedTime": max(current.at, job.modified or 0),
        }
        if self.start_time and job.started <= now and job.started <= job.timeline.end.at:
            result[self.start_time] = job.started
        if job.timeline.ended(now):
            result[self.end_time] = job.timeline.end.at
        if current.status == "Failed" and job.failure_reason:
            result["FailureReason"] = job.failure_reason
        return result

    def stop(self, action: Action) -> dict[str, Any]:
        """Begin to stop a running job; a job that is being stopped already goes on stopping."""
        job, now = self.existing(action), action.now
        current = job.timeline.current(now)
        if job.timeline.ended(now):
            raise invalid(f"The request was rejected because the {self.noun} is in status {current.status}.")
        if current.status != "Stopping":
            self.stop_at(action.state, job, now)
        return {}

    def stop_at(self, state: EndpointState, job: Job, now: float) -> None:
        """Turn a running job's future into Stopping and Stopped."""
        wait = state.defaults.stopping if job.rule.stopping is None else job.rule.stopping
        stopping = Phase(now, "Stopping", "Stopping", f"Stopping the {self.noun}")
        if state.real_jobs.stop(job):
            wait = NEVER  # it ends when its processes have
        stopped = Phase(now + wait, "Stopped", "Stopped", self.message_of("Stopped"))
        state.plan(job, job.timeline.then(now, stopping, stopped))

    def list(self, action: Action) -> dict[str, Any]:
        """A page of summaries."""
        jobs = list(action.state.all(self.kind, action.region, action.now))
        page, token = list_page(jobs, action.parameters, action.now)
        return {f"{self.label}Summaries": [self.summary(job, action.now) for job in page], **token}

    def summary(self, job: Job, now: float) -> dict[str, Any]:
        """The job as List shows it."""
        everything = self.status(job, now) | self.details(job, now)
        if self.start_time:
            everything.pop(self.start_time, None)
        keys = (*self.status(job, now), *self.summary_keys)
        return {key: everything[key] for key in keys if key in everything}

    def write(self, job: Job, moto: Moto, now: float) -> None:
        """Write the log lines that a job has come to by ``now``: they are spread evenly over its run."""
        length = job.timeline.end.at - job.started
        share = 1.0 if length <= 0 else (now - job.started) / length
        self._write(job, moto, job.rule.logs[: max(0, int(share * len(job.rule.logs)))])

    def hosts(self, _request: Mapping[str, Any]) -> int:
        """How many hosts a job has; each writes a log stream of its own."""
        return 1

    def _write(self, job: Job, moto: Moto, lines: Sequence[str]) -> None:
        write_lines(job, moto, lines, self.log_group, self.hosts(job.request))

    def finish(self, job: Job, moto: Moto) -> None:
        """What a job leaves behind at its end: log lines, and files if it completed."""
        outcome = job.timeline.end.status
        self._write(job, moto, [*job.rule.logs, f"{self.noun.capitalize()} {job.name} {outcome.lower()}"])
        if outcome != "Completed":
            return
        for name, files in job.rule.outputs.items():
            if uri := self.output_uri(job, name):
                for path, content in files.items():
                    put_file(moto, f"{uri.rstrip('/')}/{path}", content, job.region)
        self.completed(job, moto)
