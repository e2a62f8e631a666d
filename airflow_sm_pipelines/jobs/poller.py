"""The poller: looks at many jobs of one kind by few calls.

A List call shows which jobs have changed since a moment; only those are described. So the number of calls goes with the
number of changes, not with the number of jobs. What is listed only decides when a job is described, so an answer that
is late or incomplete costs time and never a wrong end.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import CallError, ExceptionType, is_transient, type_of_call_error
from airflow_sm_pipelines.jobs.aws_clock import AwsClock
from airflow_sm_pipelines.jobs.job_lists import Ask, Glimpse, TooManyPagesError, changed_since, glimpse_of
from airflow_sm_pipelines.jobs.poll_schedule import PollPace, PollSchedule
from airflow_sm_pipelines.jobs.shared_pace import SharedPace
from airflow_sm_pipelines.jobs.spread import first_pause, place_of, spread_pause
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.list_calls import ListCall

log = logging.getLogger(__name__)

MARGIN_SECONDS = 60.0
"""How far a List call looks back behind what is known: for clocks of AWS that differ, and lists that lag behind."""
MAX_UNSEEN_SECONDS = 1800.0
"""After which a job is described though no list has named it."""
REFUSED_SECONDS = 3600.0
"""How long no list is asked for after a refusal: a permission may have been given since."""
HINTED_SECONDS = (0.0, 2.0, 6.0)
"""When a job is described after a hint that it has ended: Describe may lag behind what the hint is of."""
CROWDED_ROUNDS = 10
"""For how many intervals none is asked for where others' jobs make it too long."""


class Memory:
    """What is remembered of lists that were of no use, also while there is no poller."""

    def __init__(self) -> None:
        self.logged: set[str] = set()
        """What has been told already: codes of AWS's errors, and names of other faults."""
        self.no_list_before = float("-inf")


class Member(PollSchedule):
    """One job of a poller, and when it is looked at."""

    def __init__(self, poller: Poller, kind: JobKind, name: str, pace: PollPace) -> None:
        self._poller = poller
        self._kind = kind
        self.name = name
        self.pace = pace
        self.looked_at: float | None = None
        """When it was described last, in the event loop's time."""
        self.known_until = 0.0
        """Until when it is known whether it has changed, in AWS's time."""
        self.seen: Glimpse | None = None
        self._listed: Glimpse | None = None
        self._listed_at = 0.0
        self._hinted: tuple[float, ...] = ()
        self.woken = asyncio.Event()

    @property
    def has_news(self) -> bool:
        """Whether a list shows a change that is newer than the last description."""
        return self._listed is not None and self.seen is not None and self._listed.is_news_to(self.seen)

    def is_listed(self, seen: Glimpse) -> None:
        """Take up what a list says."""
        self._listed, self._listed_at = seen, asyncio.get_running_loop().time()
        if self.has_news:
            self.woken.set()

    def hint(self) -> None:
        """Take a hint that it may have ended. A hint may be wrong, and may come often."""
        if not self._hinted:
            now = asyncio.get_running_loop().time()
            self._hinted = tuple(now + seconds for seconds in HINTED_SECONDS)
            self.woken.set()

    @override
    async def first(self, at_most: float | None) -> None:
        pause = first_pause(self.name, self.pace.interval)
        due = asyncio.get_running_loop().time() + (pause if at_most is None else min(pause, at_most))
        while await self._woken_before(due):
            pass

    @override
    def looked(self, described: Mapping[str, Any], began: float) -> None:
        self.looked_at = began
        self._hinted = tuple(due for due in self._hinted if due > began)
        self.seen = glimpse_of(described, self._kind.status_of(described))
        self._poller.answered(described)
        self.known_until = self._poller.clock.at(began)
        if self._listed_at <= began:
            # It was described because of that, and may still be described as it was before.
            self._listed = None

    @override
    async def following(self, at_most: float | None) -> None:
        loop = asyncio.get_running_loop()
        until = None if at_most is None else loop.time() + at_most
        while not self.has_news:
            due = self._poller.due(self)
            if not await self._woken_before(due if until is None else min(due, until)):
                return

    async def _woken_before(self, due: float) -> bool:
        """Wait until it is woken; False when a look is due, be it by a hint."""
        remaining = min((due, *self._hinted)) - asyncio.get_running_loop().time()
        if remaining <= 0:
            return False
        self.woken.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.woken.wait(), remaining)
        return True

    @override
    def pause_after(self, error: Exception, errors: int) -> float:
        pause = self.pace.after(errors)
        if is_throttle(error):
            # Who meets the limit does not wait for longer than the others.
            pause = self._poller.throttled(self.pace)
        return spread_pause(self.name, errors, pause)


class Poller:
    """Those who wait for jobs of one kind with equal access in one event loop.

    With one member, without a List call or where it is refused, each job is described once in its interval.

    :param call: the List call of the kind, or None
    :param ask: makes it
    :param memory: what outlives the poller
    :param jitter: shares of an interval, so that the pollers of several triggerers do not keep step
    """

    def __init__(
        self,
        call: ListCall | None,
        ask: Ask,
        clock: AwsClock,
        memory: Memory,
        jitter: Callable[[], float] = lambda: random.uniform(0.9, 1.0),  # noqa: S311 # no secret
    ) -> None:
        self.clock = clock
        self.lists = False
        """Whether a list has shown lately what has changed."""
        self._call = call
        self._ask = ask
        self._jitter = jitter
        self._pace = SharedPace()
        self._members: dict[int, Member] = {}
        self._described_since = float("-inf")
        self._memory = memory
        self._hurry = asyncio.Event()

    # The members --------------------------------------------------------------------------------------------

    def join(self, kind: JobKind, name: str, pace: PollPace) -> Member:
        """A job that is waited for from now on."""
        if self.lists and pace.interval < self._interval:
            self._hurry.set()
        member = Member(self, kind, name, pace)
        self._members[id(member)] = member
        return member

    def leave(self, member: Member) -> None:
        """The job is waited for no longer."""
        del self._members[id(member)]
        if not self.is_worth_listing:
            self._describe()

    @property
    def is_worth_listing(self) -> bool:
        """Whether a list may save calls."""
        return self._call is not None and len(self._members) > 1

    @property
    def is_empty(self) -> bool:
        """Whether nobody is left."""
        return not self._members

    def due(self, member: Member) -> float:
        """When a job is described though nothing is known to have changed, in the event loop's time."""
        now = asyncio.get_running_loop().time()
        looked_at = now if member.looked_at is None else member.looked_at
        interval = self._paced(member.pace)
        if self.lists:
            return looked_at + max(MAX_UNSEEN_SECONDS, interval)
        # Where lists have just ended, all would be due at once.
        return max(looked_at + interval, self._described_since + place_of(member.name) * interval)

    # The pace -----------------------------------------------------------------------------------------------

    def answered(self, answer: Mapping[str, Any]) -> None:
        """AWS has answered a call."""
        self.clock.heard(answer)
        self._pace.answered(asyncio.get_running_loop().time(), self._interval)

    def throttled(self, pace: PollPace) -> float:
        """AWS has throttled a call; the pause that this makes."""
        self._pace.throttled(asyncio.get_running_loop().time(), self._interval, self._longest)
        return self._paced(pace)

    def _paced(self, pace: PollPace) -> float:
        return min(pace.interval * self._pace.factor, max(pace.longest, pace.interval))

    @property
    def _interval(self) -> float:
        return min((member.pace.interval for member in self._members.values()), default=1.0)

    @property
    def _longest(self) -> float:
        return max((member.pace.longest for member in self._members.values()), default=1.0)

    # The lists ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Ask for lists until cancelled."""
        while True:
            self._hurry.clear()
            pause = self._interval * self._pace.factor * self._jitter()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), pause)
            members = [member for member in self._members.values() if member.looked_at is not None]
            now = asyncio.get_running_loop().time()
            if self._call is not None and len(members) > 1 and now >= self._memory.no_list_before:
                await self._round(self._call, members)

    async def _round(self, call: ListCall, members: list[Member]) -> None:
        try:
            await self._look(call, members)
        except TooManyPagesError:
            reason = f"{call.operation} has more pages than there are jobs to describe"
            until = f"until the list is tried again, after {CROWDED_ROUNDS} intervals"
            self._describe_instead(reason, "crowded", until, self._interval * CROWDED_ROUNDS)
        except Exception as error:  # noqa: BLE001 # whatever it is, the jobs are to be looked at
            if is_throttle(error):
                # To describe all in its place would be more of the same.
                self.throttled(members[0].pace)
                return
            said = CallError("", repr(error))
            if isinstance(error, ClientError | BotoCoreError):
                said = CallError.of(error)
            pause, until = 0.0, "until it answers again"
            if not is_transient(error):
                pause, until = REFUSED_SECONDS, f"until it is tried again, in {REFUSED_SECONDS / 60:g} min"
            # A fault that passes must not silence a refusal: both may be of one class.
            what = said.code or type(error).__name__
            self._describe_instead(f"{call.operation} failed ({said})", what, until, pause)

    async def _look(self, call: ListCall, members: list[Member]) -> None:
        began = self.clock.at(asyncio.get_running_loop().time())
        since = min(member.known_until for member in members) - max(MARGIN_SECONDS, self._interval)

        async def ask(request: dict[str, Any]) -> Mapping[str, Any]:
            answer = await self._ask(request)
            self.answered(answer)
            return answer

        changed = await changed_since(ask, call, since, len(self._members))
        for member in members:
            # A change after the list had begun may not be in it: the next one looks back so far.
            member.known_until = max(member.known_until, began)
            if member.name in changed:
                member.is_listed(changed[member.name])
        self.lists = self.is_worth_listing

    def _describe_instead(self, reason: str, what: str, until: str, pause: float) -> None:
        self._describe()
        self._memory.no_list_before = asyncio.get_running_loop().time() + pause
        if what not in self._memory.logged:
            self._memory.logged.add(what)
            log.warning("%s: each job is described %s, which takes more calls", reason, until)

    def _describe(self) -> None:
        """From now on each job is described in its interval."""
        if self.lists:
            self.lists = False
            self._described_since = asyncio.get_running_loop().time()
            for member in self._members.values():
                member.woken.set()


def is_throttle(error: Exception) -> bool:
    """Whether AWS refused a call because there are too many."""
    return isinstance(error, ClientError) and type_of_call_error(error) is ExceptionType.THROTTLING
