"""The poller as a plain object: what it asks of AWS, and that no end is missed, in virtual time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from airflow_sm_pipelines.jobs.aws_clock import AwsClock
from airflow_sm_pipelines.jobs.poll_schedule import PollPace
from airflow_sm_pipelines.jobs.poller import MAX_UNSEEN_SECONDS, REFUSED_SECONDS, Member, Memory, Poller
from airflow_sm_pipelines.step_types.list_calls import list_call_of
from airflow_sm_pipelines.step_types.training import KIND
from tests.jobs.virtual_time import run

INTERVAL = 30.0
PACE = PollPace(INTERVAL, 300.0)
CALL = list_call_of(KIND)
EPOCH = 1_800_000_000.0
DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}, "ListTrainingJobs")
FAULTY = ClientError({"Error": {"Code": "InternalFailure", "Message": "oops"}}, "ListTrainingJobs")
THROTTLED = ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "ListTrainingJobs")


class SageMaker:
    """Training jobs with the times of their last changes, on a clock that is ``ahead`` of the machine's."""

    def __init__(self, ahead: float = 0.0, page: int = 100) -> None:
        self._ahead = ahead
        self._page = page
        self._jobs: dict[str, tuple[float, str]] = {}
        self.calls: list[tuple[float, str, str]] = []
        self.list_fails: Exception | None = None
        self.describe_fails: Exception | None = None
        self.before_page: Callable[[int], None] = lambda _number: None

    @property
    def now(self) -> float:
        return EPOCH + self._ahead + asyncio.get_running_loop().time()

    def set(self, name: str, status: str) -> None:
        self._jobs[name] = (self.now, status)

    def delete(self, name: str) -> None:
        del self._jobs[name]

    async def list(self, request: dict[str, Any]) -> Mapping[str, Any]:
        start = int(request.get("NextToken", "0"))
        self._note("List", str(start))
        self.before_page(start // self._page)
        if self.list_fails is not None:
            raise self.list_fails
        since = request["LastModifiedTimeAfter"].timestamp()
        found = [name for name, (modified, _) in self._jobs.items() if modified >= since]
        told = [self._shown(name) for name in found[start : start + self._page]]
        more = {"NextToken": str(start + self._page)} if len(found) > start + self._page else {}
        return {"TrainingJobSummaries": told, **more, **self._answer()}

    async def describe(self, name: str) -> Mapping[str, Any]:
        self._note("Describe", name)
        if self.describe_fails is not None:
            raise self.describe_fails
        return self._shown(name) | self._answer()

    def count(self, operation: str, begin: float = 0.0, end: float = float("inf")) -> int:
        return sum(1 for at, said, _ in self.calls if said == operation and begin <= at < end)

    def _note(self, operation: str, what: str) -> None:
        self.calls.append((asyncio.get_running_loop().time(), operation, what))

    def _shown(self, name: str) -> dict[str, Any]:
        modified, status = self._jobs[name]
        return {
            "TrainingJobName": name,
            "TrainingJobStatus": status,
            "LastModifiedTime": datetime.fromtimestamp(modified, UTC),
        }

    def _answer(self) -> dict[str, Any]:
        return {"ResponseMetadata": {"HTTPHeaders": {"date": formatdate(self.now, usegmt=True)}}}


class Scene:
    """A poller and those who wait by it; ``ended`` tells when each has seen the end of its job."""

    def __init__(self, aws: SageMaker, *, memory: Memory | None = None, wall: float = EPOCH) -> None:
        self.aws = aws
        self.loop = asyncio.get_running_loop()
        clock = AwsClock(self.loop.time, lambda: wall + self.loop.time())
        self.poller = Poller(CALL, aws.list, clock, memory or Memory(), jitter=lambda: 1.0)
        self.ended: dict[str, float] = {}
        self.waiting: dict[str, asyncio.Task[None]] = {}
        self.members: dict[str, Member] = {}
        self._lists: asyncio.Task[None] | None = None

    def start(self, *names: str, pace: PollPace = PACE) -> None:
        for name in names:
            self.aws.set(name, "InProgress")
            self.waiting[name] = asyncio.create_task(self._wait(name, pace))
        self._lists = self._lists or asyncio.create_task(self.poller.run())

    async def _wait(self, name: str, pace: PollPace) -> None:
        member = self.members[name] = self.poller.join(KIND, name, pace)
        errors = 0
        try:
            await member.first(None)
            while True:
                began = self.loop.time()
                try:
                    described = await self.aws.describe(name)
                except ClientError as error:
                    errors += 1
                    await asyncio.sleep(member.pause_after(error, errors))
                    continue
                errors = 0
                member.looked(described, began)
                if described["TrainingJobStatus"] != "InProgress":
                    self.ended[name] = self.loop.time()
                    return
                await member.following(None)
        finally:
            self.poller.leave(member)

    def close(self) -> None:
        for task in (*self.waiting.values(), self._lists):
            if task is not None:
                task.cancel()


@contextmanager
def polled(scene: Scene) -> Iterator[Scene]:
    try:
        yield scene
    finally:
        scene.close()


def names(count: int) -> list[str]:
    return [f"job-{number}" for number in range(count)]


@pytest.mark.parametrize("count", [2, 30, 300])
def test_the_calls_of_an_interval_do_not_grow_with_the_jobs(count: int) -> None:
    async def scene() -> None:
        aws = SageMaker()
        with polled(Scene(aws)) as waiting:
            waiting.start(*names(count))
            await asyncio.sleep(10 * INTERVAL + 1)
            # In the first interval each is looked at. The lists of the next two have three pages: all were created.
            assert aws.count("Describe", 0, INTERVAL) == count
            assert (aws.count("List"), aws.count("Describe", 2 * INTERVAL)) == (10 + (count > 100) * 6, 0)

    run(scene())


def test_a_job_that_is_alone_is_described() -> None:
    async def scene() -> None:
        aws = SageMaker()
        with polled(Scene(aws)) as waiting:
            waiting.start("alone")
            await asyncio.sleep(10 * INTERVAL)
            assert (aws.count("List"), aws.count("Describe")) == (0, 10)

    run(scene())


@pytest.mark.parametrize("ahead", [0.0, 3600.0, -3600.0])
def test_each_end_is_seen_within_an_interval_whatever_the_machines_clock_says(ahead: float) -> None:
    async def scene() -> None:
        aws = SageMaker(ahead)
        with polled(Scene(aws)) as waiting:
            waiting.start(*names(60))
            ends = {name: 95 + 7.3 * number for number, name in enumerate(names(60))}
            for name, at in ends.items():
                asyncio.get_running_loop().call_later(at, aws.set, name, "Completed")
            await asyncio.sleep(700)
            late = {name: waiting.ended[name] - ends[name] for name in ends}
            assert max(late.values()) <= INTERVAL
            assert aws.count("Describe", 100) <= 60 + 2

    run(scene())


def test_jobs_that_change_or_vanish_between_pages_are_seen_all_the_same() -> None:
    async def scene() -> None:
        aws = SageMaker(page=10)
        with polled(Scene(aws)) as waiting:
            waiting.start(*names(40))
            others = [f"other-{number}" for number in range(20)]
            for other in others:
                aws.set(other, "InProgress")
            await asyncio.sleep(5 * INTERVAL + 1)
            listed_then = aws.count("List")

            def meanwhile(page: int) -> None:
                if page == 1:
                    # Of the page that was read, and one whose deletion moves the others to pages that were read.
                    aws.set("job-3", "Completed")
                    aws.delete(others.pop())

            for name in names(40)[10:35]:
                aws.set(name, "Stopping")
            for other in others:
                aws.set(other, "Stopping")
            aws.set("job-20", "Completed")
            aws.before_page = meanwhile
            ended = asyncio.get_running_loop().time()
            await asyncio.sleep(2 * INTERVAL + 1)
            assert aws.count("List") > listed_then + 2
            assert max(waiting.ended[name] - ended for name in ("job-3", "job-20")) <= 2 * INTERVAL

    run(scene())


def test_where_lists_are_denied_each_job_is_described_which_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        aws, memory = SageMaker(), Memory()
        aws.list_fails = DENIED
        for _ in range(2):
            with polled(Scene(aws, memory=memory)) as waiting:
                waiting.start("one", "other")
                await asyncio.sleep(10 * INTERVAL)
        assert (aws.count("List"), aws.count("Describe")) == (1, 40)
        with polled(Scene(aws, memory=memory)) as waiting:
            waiting.start("one", "other")
            await asyncio.sleep(REFUSED_SECONDS)
            assert aws.count("List") == 2

    with caplog.at_level(logging.WARNING):
        run(scene())
    (record,) = caplog.records
    assert record.getMessage() == (
        "ListTrainingJobs failed (AccessDeniedException: not authorized):"
        " each job is described until it is tried again, in 60 min, which takes more calls"
    )


def test_a_fault_that_passes_does_not_keep_a_later_refusal_from_being_told(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        aws = SageMaker()
        aws.list_fails = FAULTY
        with polled(Scene(aws)) as waiting:
            waiting.start("one", "other")
            await asyncio.sleep(3 * INTERVAL)
            aws.list_fails = DENIED
            await asyncio.sleep(3 * INTERVAL)

    with caplog.at_level(logging.WARNING):
        run(scene())
    passing, refusal = (record.getMessage() for record in caplog.records)
    assert passing.startswith("ListTrainingJobs failed (InternalFailure: oops): each job is described until it answers")
    assert refusal.startswith("ListTrainingJobs failed (AccessDeniedException: not authorized): each job is described")


def test_where_others_jobs_fill_more_pages_than_there_are_jobs_each_is_described(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        aws = SageMaker()

        async def crowd() -> None:
            while True:
                for number in range(500):
                    aws.set(f"other-{number}", "InProgress")
                await asyncio.sleep(INTERVAL)

        with polled(Scene(aws)) as waiting:
            crowding = asyncio.create_task(crowd())
            waiting.start("one", "other")
            await asyncio.sleep(20 * INTERVAL)
            aws.set("one", "Completed")
            ended = asyncio.get_running_loop().time()
            await asyncio.sleep(INTERVAL)
            crowding.cancel()
            assert waiting.ended["one"] - ended <= INTERVAL
            # Two pages are read of a list that is given up, and that in every tenth interval.
            assert aws.count("List") <= 6
            assert aws.count("Describe") >= 40

    with caplog.at_level(logging.WARNING):
        run(scene())
    assert len(caplog.records) == 1
    assert "more pages than there are jobs to describe" in caplog.text


def test_lists_that_fail_for_a_while_are_replaced_by_descriptions_and_taken_up_again() -> None:
    async def scene() -> None:
        aws = SageMaker()
        with polled(Scene(aws)) as waiting:
            waiting.start(*names(10))
            await asyncio.sleep(4 * INTERVAL + 1)
            aws.list_fails = EndpointConnectionError(endpoint_url="https://sagemaker")
            aws.set("job-1", "Completed")
            began = asyncio.get_running_loop().time()
            await asyncio.sleep(3 * INTERVAL)
            assert waiting.ended["job-1"] - began <= 2 * INTERVAL
            aws.list_fails = None
            await asyncio.sleep(3 * INTERVAL)
            quiet = asyncio.get_running_loop().time()
            await asyncio.sleep(5 * INTERVAL)
            assert (aws.count("List", quiet), aws.count("Describe", quiet)) == (5, 0)

    run(scene())


def test_under_throttling_the_interval_widens_and_narrows_again() -> None:
    async def scene() -> None:
        aws = SageMaker()
        with polled(Scene(aws)) as waiting:
            waiting.start(*names(10))
            await asyncio.sleep(4 * INTERVAL + 1)
            aws.list_fails = THROTTLED
            began = asyncio.get_running_loop().time()
            await asyncio.sleep(20 * INTERVAL)
            assert aws.count("List", began) <= 6
            assert aws.count("Describe", began) == 0
            aws.list_fails = None
            await asyncio.sleep(60 * INTERVAL)
            quiet = asyncio.get_running_loop().time()
            await asyncio.sleep(5 * INTERVAL)
            assert aws.count("List", quiet) == 5

    run(scene())


def test_descriptions_that_are_throttled_slow_all_jobs_alike() -> None:
    async def scene() -> None:
        aws = SageMaker()
        aws.list_fails, aws.describe_fails = DENIED, THROTTLED
        with polled(Scene(aws)) as waiting:
            waiting.start(*names(20))
            await asyncio.sleep(40 * INTERVAL)
            counts = [sum(1 for _, _, said in aws.calls if said == name) for name in names(20)]
            assert max(counts) - min(counts) <= 1
            assert max(counts) <= 12
            aws.describe_fails = None
            for name in names(20):
                aws.set(name, "Completed")
            await asyncio.sleep(PACE.longest + INTERVAL)
            assert len(waiting.ended) == 20

    run(scene())


def test_a_job_that_no_list_tells_of_is_described_from_time_to_time() -> None:
    async def scene() -> None:
        aws = SageMaker()
        with polled(Scene(aws)) as waiting:
            waiting.start("one", "other")
            await asyncio.sleep(4 * INTERVAL + 1)
            aws._jobs["one"] = (EPOCH - 86400, "Completed")
            ended = asyncio.get_running_loop().time()
            await asyncio.sleep(MAX_UNSEEN_SECONDS + INTERVAL)
            assert waiting.ended["one"] - ended <= MAX_UNSEEN_SECONDS

    run(scene())


def test_one_who_is_cancelled_leaves_the_others_their_lists() -> None:
    async def scene() -> None:
        aws = SageMaker()
        with polled(Scene(aws)) as waiting:
            waiting.start(*names(3))
            await asyncio.sleep(4 * INTERVAL + 1)
            waiting.waiting["job-0"].cancel()
            aws.set("job-1", "Completed")
            ended = asyncio.get_running_loop().time()
            await asyncio.sleep(INTERVAL)
            assert waiting.ended["job-1"] - ended <= INTERVAL
            # The last one is alone: it is described.
            began = asyncio.get_running_loop().time()
            await asyncio.sleep(4 * INTERVAL)
            assert (aws.count("List", began), waiting.poller.lists) == (0, False)
            assert aws.count("Describe", began) in (3, 4, 5)

    run(scene())


def test_a_job_with_a_shorter_interval_does_not_wait_for_those_with_longer_ones() -> None:
    async def scene() -> None:
        aws = SageMaker()
        with polled(Scene(aws)) as waiting:
            waiting.start(*names(3), pace=PollPace(300.0, 300.0))
            await asyncio.sleep(910)
            waiting.start("quick", pace=PollPace(5.0, 300.0))
            await asyncio.sleep(20)
            aws.set("quick", "Completed")
            ended = asyncio.get_running_loop().time()
            await asyncio.sleep(10)
            assert waiting.ended["quick"] - ended <= 5.0

    run(scene())


def tenths(aws: SageMaker, begin: float) -> list[int]:
    """How many descriptions are made in each tenth of the interval that begins then."""
    tenth = INTERVAL / 10
    return [aws.count("Describe", begin + number * tenth, begin + (number + 1) * tenth) for number in range(10)]


def test_looks_are_spread_over_the_interval_also_after_a_restart_and_where_lists_end() -> None:
    def are_spread(counts: list[int]) -> bool:
        return sum(counts) == 300 and min(counts) >= 15 and max(counts) <= 45

    async def scene() -> None:
        for _ in range(2):
            aws = SageMaker()
            # The event loop's time goes on over a restart of the triggerer.
            started = asyncio.get_running_loop().time()
            with polled(Scene(aws)) as waiting:
                waiting.start(*names(300))
                await asyncio.sleep(4 * INTERVAL + 1)
                assert are_spread(tenths(aws, started))
                assert sum(tenths(aws, started + 3 * INTERVAL)) == 0
                aws.list_fails = DENIED
                # The next list is refused; from then on each is described.
                await asyncio.sleep(3 * INTERVAL)
                for number in (5, 6):
                    assert are_spread(tenths(aws, started + number * INTERVAL))

    run(scene())


# Hints ------------------------------------------------------------------------------------------------------


def test_a_hint_makes_a_job_be_described_at_once_and_no_other_one() -> None:
    async def scene() -> None:
        aws = SageMaker()
        with polled(Scene(aws)) as told:
            told.start("a", "b", "c")
            await asyncio.sleep(100)
            before = told.loop.time(), len(aws.calls)
            aws.set("b", "Completed")
            told.members["b"].hint()
            await asyncio.sleep(0.1)
            assert told.ended == {"b": before[0]}
            assert [call[1:] for call in aws.calls[before[1] :]] == [("Describe", "b")]

    run(scene())


def test_a_hint_that_comes_before_the_first_look_makes_it() -> None:
    async def scene() -> None:
        aws = SageMaker()
        with polled(Scene(aws)) as told:
            told.start("a", pace=PollPace(3600.0, 3600.0))
            await asyncio.sleep(0.1)
            assert aws.calls == []
            aws.set("a", "Failed")
            told.members["a"].hint()
            await asyncio.sleep(0.1)
            assert told.ended == {"a": 0.1}

    run(scene())


def test_of_hints_that_are_wrong_and_many_a_job_is_described_three_times_in_six_seconds() -> None:
    async def scene() -> None:
        aws = SageMaker()
        with polled(Scene(aws)) as told:
            told.start("a", pace=PollPace(3600.0, 3600.0))
            await asyncio.sleep(0)
            for _ in range(59):
                told.members["a"].hint()
                await asyncio.sleep(0.1)
            assert [at for at, *_ in aws.calls] == pytest.approx([0.0, 2.0])
            await asyncio.sleep(1000)
            assert [at for at, *_ in aws.calls] == pytest.approx([0.0, 2.0, 6.0])
            aws.set("a", "Completed")
            await asyncio.sleep(4000)
            assert told.ended.keys() == {"a"}

    run(scene())


def test_a_hint_is_not_lost_where_the_description_lags_behind() -> None:
    async def scene() -> None:
        aws = SageMaker()
        with polled(Scene(aws)) as told:
            told.start("a", "b", pace=PollPace(3600.0, 3600.0))
            await asyncio.sleep(0)
            told.members["a"].hint()
            await asyncio.sleep(1)
            aws.set("a", "Completed")
            await asyncio.sleep(1.5)
            assert told.ended == pytest.approx({"a": 2.0})

    run(scene())
