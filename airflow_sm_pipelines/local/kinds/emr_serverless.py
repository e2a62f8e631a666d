"""EMR Serverless applications and job runs. moto's job runs have succeeded at once, and none fails."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, ClassVar

from airflow_sm_pipelines.local.errors import AwsError, invalid
from airflow_sm_pipelines.local.kinds.action import Action, Handler
from airflow_sm_pipelines.local.kinds.emr_serverless_views import application_summary, page_of, run_summary
from airflow_sm_pipelines.local.kinds.listing import moment
from airflow_sm_pipelines.local.scenario import JobRule
from airflow_sm_pipelines.local.state import Job, arn, merged
from airflow_sm_pipelines.local.timeline import Phase, Timeline

APPLICATION, JOB_RUN = "emr-serverless-application", "emr-serverless-job"
OUTCOMES = {"Completed": "SUCCESS", "Failed": "FAILED", "Stopped": "CANCELLED"}
# What an application that was there before the endpoint was made of.
EXISTING = {"name": "existing", "releaseLabel": "emr-7.0.0", "type": "SPARK"}
NO_APPLICATION = "Application {} does not exist"


class EmrServerlessKind:
    """CreateApplication, StartJobRun and their families.

    A rule for ``emr-serverless-application`` is found by the application's name: ``queued`` is how long its creation
    takes, ``stopping`` its stop. One for ``emr-serverless-job`` is found by the job run's name.
    """

    missing: ClassVar[tuple[str, ...]] = (
        *("UpdateApplication", "ListJobRunAttempts", "GetDashboardForJobRun", "TagResource", "UntagResource"),
        "ListTagsForResource",
    )

    def __init__(self) -> None:
        self._ids = itertools.count(1)

    def actions(self) -> Mapping[str, Handler]:
        """The actions by name."""
        return {
            "CreateApplication": self.create_application,
            "GetApplication": self.get_application,
            "ListApplications": self.list_applications,
            "StartApplication": self.start_application,
            "StopApplication": self.stop_application,
            "DeleteApplication": self.delete_application,
            "StartJobRun": self.start_job_run,
            "GetJobRun": self.get_job_run,
            "CancelJobRun": self.cancel_job_run,
            "ListJobRuns": self.list_job_runs,
        }

    # Applications -------------------------------------------------------------------------------------------

    def create_application(self, action: Action) -> dict[str, Any]:
        """Make an application; the same client token gives the same one."""
        job = _made_with_token(action, APPLICATION) or self._new_application(
            action, f"00{next(self._ids):014x}", action.parameters
        )
        named = {"name": job.request["name"]} if "name" in job.request else {}
        return {"applicationId": job.name, "arn": job.arn, **named}

    def _new_application(self, action: Action, name: str, request: dict[str, Any]) -> Job:
        rule = action.state.rule(APPLICATION, request.get("name", "")) or JobRule()
        wait = action.state.defaults.queued if rule.queued is None else rule.queued
        place = arn(action.region, f"/applications/{name}", "emr-serverless")
        life = Timeline((Phase(action.now, "CREATING"), Phase(action.now + wait, "CREATED")))
        job = Job(APPLICATION, name, action.region, place, request, rule, action.now, action.now, life)
        job.tags.update(request.get("tags", {}))
        action.state.add(job)
        return job

    def _application(self, action: Action) -> Job:
        name = action.parameters["applicationId"]
        job = action.state.find(APPLICATION, action.region, name, action.now)
        if job is None and action.state.exists_before(APPLICATION, name):
            job = self._new_application(action, name, EXISTING)
            job.timeline = Timeline((Phase(action.now, "STARTED"),))
        if job is None:
            raise _not_there(NO_APPLICATION.format(name))
        return job

    def get_application(self, action: Action) -> dict[str, Any]:
        """The application as its request made it, and its state."""
        job = self._application(action)
        request = {key: value for key, value in job.request.items() if key != "clientToken"}
        return {"application": merged({**request, **application_summary(job, action.now)}, job.rule.describe)}

    def list_applications(self, action: Action) -> dict[str, Any]:
        """A page of applications, the newest first."""
        wanted = action.parameters.get("states")
        found = [
            {"id": job.name, **application_summary(job, action.now)}
            for job in reversed(list(action.state.all(APPLICATION, action.region, action.now)))
            if not wanted or job.timeline.current(action.now).status in wanted
        ]
        return page_of("applications", found, action.parameters)

    def start_application(self, action: Action) -> dict[str, Any]:
        """Start an application."""
        job = self._application(action)
        self._demand(job, action.now, ("CREATED", "STOPPED", "STARTING", "STARTED"), "started")
        self._start(action, job)
        return {}

    def _start(self, action: Action, job: Job) -> None:
        if job.timeline.end.status in ("CREATED", "STOPPED"):
            ready = action.now + action.state.defaults.queued
            action.state.plan(
                job, job.timeline.then(action.now, Phase(action.now, "STARTING"), Phase(ready, "STARTED"))
            )

    def _demand(self, job: Job, now: float, states: tuple[str, ...], verb: str) -> None:
        state = job.timeline.current(now).status
        if state not in states:
            raise invalid(
                f"Application {job.name} cannot be {verb}: it must be in one of the following statuses"
                f" [{', '.join(states)}]. Current status: {state}"
            )

    def stop_application(self, action: Action) -> dict[str, Any]:
        """Begin to stop an application that runs nothing."""
        job = self._application(action)
        self._demand(job, action.now, ("CREATED", "STARTING", "STARTED", "STOPPING", "STOPPED"), "stopped")
        if any(not run.timeline.ended(action.now) for run in self._runs(action, job)):
            raise invalid(f"Application {job.name} cannot be stopped: it has active jobs.")
        if job.timeline.end.status != "STOPPED":
            wait = action.state.defaults.stopping if job.rule.stopping is None else job.rule.stopping
            phases = Phase(action.now, "STOPPING"), Phase(action.now + wait, "STOPPED")
            action.state.plan(job, job.timeline.then(action.now, *phases))
        return {}

    def delete_application(self, action: Action) -> dict[str, Any]:
        """Delete an application that is stopped or was never started, and what is known of its job runs."""
        job = self._application(action)
        self._demand(job, action.now, ("CREATED", "STOPPED"), "deleted")
        for run in self._runs(action, job):
            action.state.remove(run)
        action.state.plan(job, job.timeline.then(action.now, Phase(action.now, "TERMINATED")))
        return {}

    # Job runs -----------------------------------------------------------------------------------------------

    def _runs(self, action: Action, application: Job) -> list[Job]:
        every = action.state.all(JOB_RUN, action.region, action.now)
        return [run for run in every if run.facts["application"] is application]

    def start_job_run(self, action: Action) -> dict[str, Any]:
        """Run a job; the same client token gives the same run. By default an application starts for it."""
        application = self._application(action)
        run = _made_with_token(action, JOB_RUN)
        if run is None:
            ready: tuple[str, ...] = ("STARTING", "STARTED")
            if application.request.get("autoStartConfiguration", {}).get("enabled", True):
                ready = (*ready, "CREATED", "STOPPED")
            self._demand(application, action.now, ready, "given a job")
            self._start(action, application)
            run = self._new_run(action, application)
            action.state.add(run)
        return {"applicationId": application.name, "jobRunId": run.name, "arn": run.arn}

    def _new_run(self, action: Action, application: Job) -> Job:
        state, now = action.state, action.now
        name = f"00{next(self._ids):014x}"
        rule = state.rule(JOB_RUN, action.parameters.get("name", "")) or JobRule()
        started = now + (state.defaults.queued if rule.queued is None else rule.queued)
        end = started + (state.defaults.duration if rule.duration is None else rule.duration)
        reason = ""
        if rule.outcome == "Failed":
            reason = rule.failure_reason or "Job failed, please check complete logs in configured logging destination."
        phases = (
            Phase(now, "SUBMITTED"),
            Phase((now + started) / 2, "SCHEDULED"),
            Phase(started, "RUNNING"),
            Phase(end, OUTCOMES[rule.outcome], reason),
        )
        place = f"{application.arn}/jobruns/{name}"
        run = Job(JOB_RUN, name, action.region, place, action.parameters, rule, now, started, Timeline(phases))
        run.facts["application"] = application
        return run

    def _run(self, action: Action) -> Job:
        application = self._application(action)
        name = action.parameters["jobRunId"]
        run = next((run for run in self._runs(action, application) if run.name == name), None)
        if run is None:
            raise _not_there(f"JobRun {name} does not exist")
        return run

    def get_job_run(self, action: Action) -> dict[str, Any]:
        """The job run as its request made it, and its state."""
        run = self._run(action)
        asked = ("jobDriver", "configurationOverrides", "executionTimeoutMinutes", "tags", "mode", "retryPolicy")
        request = {key: run.request[key] for key in asked if key in run.request}
        times = {"startedAt": run.started} if run.started <= action.now else {}
        if run.timeline.ended(action.now):
            times |= {"endedAt": run.timeline.end.at}
            times |= {"totalExecutionDurationSeconds": int(max(0.0, run.timeline.end.at - run.started))}
        return {"jobRun": merged({**request, **run_summary(run, action.now), **times}, run.rule.describe)}

    def cancel_job_run(self, action: Action) -> dict[str, Any]:
        """Begin to cancel a job run."""
        run, now = self._run(action), action.now
        current = run.timeline.current(now).status
        if run.timeline.ended(now):
            raise invalid(f"Job run {run.name} is in state {current} and cannot be cancelled.")
        if current != "CANCELLING":
            wait = action.state.defaults.stopping if run.rule.stopping is None else run.rule.stopping
            phases = Phase(now, "CANCELLING"), Phase(now + wait, "CANCELLED", "Cancelled by user")
            action.state.plan(run, run.timeline.then(now, *phases))
        return {"applicationId": action.parameters["applicationId"], "jobRunId": run.name}

    def list_job_runs(self, action: Action) -> dict[str, Any]:
        """A page of an application's job runs, the newest first."""
        asked = action.parameters
        after, before = moment(asked.get("createdAtAfter"), 0.0), moment(asked.get("createdAtBefore"), float("inf"))
        found = [
            {"id": run.name, **run_summary(run, action.now)}
            for run in reversed(self._runs(action, self._application(action)))
            if after <= run.created <= before
            and (not asked.get("states") or run.timeline.current(action.now).status in asked["states"])
        ]
        return page_of("jobRuns", found, asked)


def _not_there(message: str) -> AwsError:
    return AwsError("ResourceNotFoundException", message, 404)


def _made_with_token(action: Action, kind: str) -> Job | None:
    """What an earlier call with the same client token made."""
    asked = action.parameters
    for job in action.state.all(kind, action.region, action.now):
        if job.request.get("clientToken") == asked["clientToken"] and job.timeline.end.status != "TERMINATED":
            if job.request != asked:
                raise AwsError(
                    "ConflictException", "A request with the same client token and other parameters was made.", 409
                )
            return job
    return None
