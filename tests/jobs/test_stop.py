"""The one procedure that stops a job or an application, with both kinds of clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_sm_pipelines.jobs.stop import StopLimits, StopOutcome, Stopped, astop, is_settled, stop
from airflow_sm_pipelines.step_types import model, training
from airflow_sm_pipelines.step_types.stop_target import ApplicationTarget, JobTarget
from tests.jobs.doubles import FakeAws, Fault, Job, client_error

Stop = Callable[..., Stopped]
TARGET = JobTarget(training.KIND, "ours", {})
APPLICATION = ApplicationTarget("00a", {})


def stop_in_loop(*arguments: Any, **named: Any) -> Stopped:
    return asyncio.run(astop(*arguments, **named))


@pytest.fixture(params=[stop, stop_in_loop], ids=["boto3", "aiobotocore"])
def stop_it(request: pytest.FixtureRequest) -> Stop:
    found: Stop = request.param
    return found


def aws_with(*jobs: Job) -> FakeAws:
    aws = FakeAws()
    aws.jobs = {job.name: job for job in jobs}
    return aws


def test_a_running_job_is_asked_to_stop(stop_it: Stop) -> None:
    aws = aws_with(Job("ours"))
    assert stop_it(TARGET, aws).outcome is StopOutcome.ASKED
    assert aws.calls == [("StopTrainingJob", "ours")]


@pytest.mark.parametrize("jobs", [(), (Job("ours", "Completed"),)], ids=["none", "ended"])
@pytest.mark.parametrize("ask_first", [False, True])
def test_what_is_over_is_left(stop_it: Stop, jobs: tuple[Job, ...], ask_first: bool) -> None:
    assert stop_it(TARGET, aws_with(*jobs), ask_first=ask_first).outcome is StopOutcome.ENDED


def test_who_asks_first_asks_a_job_to_stop_once(stop_it: Stop) -> None:
    aws = aws_with(Job("ours"))
    outcomes = [stop_it(TARGET, aws, ask_first=True).outcome for _ in range(3)]
    assert outcomes == [StopOutcome.ASKED, StopOutcome.UNDER_WAY, StopOutcome.UNDER_WAY]
    assert aws.count("StopTrainingJob") == 1


@pytest.mark.parametrize("operation", ["DescribeTrainingJob", "StopTrainingJob"])
def test_what_aws_refuses_is_raised(stop_it: Stop, operation: str) -> None:
    aws = aws_with(Job("ours"))
    aws.faults.plan(operation, Fault.DENIED)
    with pytest.raises(ClientError):
        stop_it(TARGET, aws, ask_first=True)


def test_what_has_no_call_that_stops_it_goes_on(stop_it: Stop) -> None:
    aws = aws_with()
    assert stop_it(JobTarget(model.KIND, "m", {}), aws, ask_first=True).outcome is StopOutcome.NO_CALL
    assert aws.calls == []


@pytest.mark.parametrize(
    ("outcome", "settled"),
    [
        # Whether it heeds the stop is still to be seen.
        (StopOutcome.ASKED, False),
        (StopOutcome.UNDER_WAY, False),
        (StopOutcome.ENDED, True),
        (StopOutcome.NO_CALL, True),
    ],
)
def test_what_is_settled_by_a_stop(outcome: StopOutcome, settled: bool) -> None:
    assert is_settled(TARGET, outcome) is settled
    assert is_settled(APPLICATION, outcome) is settled


def test_what_cannot_be_described_is_asked_to_stop_once() -> None:
    """An EMR cluster whose step is not known, say."""
    unseen = JobTarget(training.KIND.bound(stop_params={"ClusterId": "j-1"}), "ours", {})
    assert is_settled(unseen, StopOutcome.ASKED)
    assert not is_settled(unseen, StopOutcome.UNDER_WAY)


class Applications:
    """EMR Serverless with one application and one job run in it, which take a look each to go on to the next state."""

    def __init__(self, state: str = "STARTED", run: str | None = "RUNNING") -> None:
        self.state, self.run = state, run
        self.calls: list[str] = []
        self.fails: dict[str, list[ClientError]] = {}

    def client(self, service: str) -> Applications:
        assert service == "emr-serverless"
        return self

    def async_client(self, service: str) -> Any:
        from contextlib import asynccontextmanager

        applications = self

        class Awaited:
            def __getattr__(self, name: str) -> Any:
                async def call(**request: Any) -> Any:
                    return getattr(applications, name)(**request)

                return call

        @asynccontextmanager
        async def opened() -> Any:
            yield Awaited()

        return opened()

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.fails.get(name):
            raise self.fails[name].pop(0)

    def get_application(self, *, applicationId: str) -> Any:  # noqa: N803 # the API's
        self._called("GetApplication")
        if self.state == "gone":
            raise client_error("ResourceNotFoundException", "no such application", "GetApplication")
        state = self.state
        self.state = {"STOPPING": "STOPPED"}.get(state, state)
        return {"application": {"state": state}}

    def list_job_runs(self, *, applicationId: str) -> Any:  # noqa: N803 # the API's
        self._called("ListJobRuns")
        run = self.run
        self.run = {"CANCELLING": "CANCELLED"}.get(str(run), run)
        return {"jobRuns": [] if run is None else [{"id": "r", "state": run}]}

    def cancel_job_run(self, *, applicationId: str, jobRunId: str) -> None:  # noqa: N803 # the API's
        self._called("CancelJobRun")
        self.run = "CANCELLING"

    def stop_application(self, *, applicationId: str) -> None:  # noqa: N803 # the API's
        self._called("StopApplication")
        self.state = "STOPPING"

    def delete_application(self, *, applicationId: str) -> None:  # noqa: N803 # the API's
        self._called("DeleteApplication")
        self.state = "gone"


LIMITS = StopLimits(0.0, 60.0)


@pytest.mark.parametrize("state", ["CREATED", "STARTING", "STARTED", "STOPPING", "STOPPED", "TERMINATED", "gone"])
@pytest.mark.parametrize("run", [None, "RUNNING", "CANCELLING", "SUCCESS"])
def test_an_application_goes_whatever_it_is_at(stop_it: Stop, state: str, run: str | None) -> None:
    applications = Applications(state, run)
    assert stop_it(APPLICATION, applications, limits=LIMITS).outcome is StopOutcome.ENDED
    assert applications.state in ("gone", "TERMINATED")


def test_without_time_each_stop_takes_the_next_step(stop_it: Stop) -> None:
    applications = Applications()
    outcomes: list[StopOutcome] = []
    while not outcomes or outcomes[-1] is not StopOutcome.ENDED:
        outcomes.append(stop_it(APPLICATION, applications).outcome)
    assert set(outcomes[:-1]) == {StopOutcome.UNDER_WAY}
    assert [call for call in applications.calls if call not in ("GetApplication", "ListJobRuns")] == [
        "CancelJobRun",
        "StopApplication",
        "DeleteApplication",
    ]


@pytest.mark.parametrize("code", ["ValidationException", "ConflictException", "InternalServerException"])
def test_what_passes_is_waited_out(stop_it: Stop, code: str) -> None:
    applications = Applications()
    applications.fails["StopApplication"] = [client_error(code, "not now", "StopApplication", 500)]
    assert stop_it(APPLICATION, applications, limits=LIMITS).outcome is StopOutcome.ENDED


def test_what_does_not_pass_is_raised(stop_it: Stop) -> None:
    applications = Applications()
    applications.fails["StopApplication"] = [client_error("AccessDeniedException", "no", "StopApplication", 403)]
    with pytest.raises(ClientError):
        stop_it(APPLICATION, applications, limits=LIMITS)
