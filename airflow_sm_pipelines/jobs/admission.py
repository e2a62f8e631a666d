"""When a step makes the call that begins something: at its permit, and again after AWS has throttled it.

A wait of more than a few seconds is a :class:`Pause`, which holds no worker. None of this counts for a retry policy,
until ``throttle_patience`` is over.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Self

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from airflow_sm_pipelines.jobs.deferral import SETTLED_SECONDS
from airflow_sm_pipelines.jobs.enrich_request import account_in
from airflow_sm_pipelines.observing.metrics import PACE_WAITS
from airflow_sm_pipelines.pace.asking import NoPermits, PacedCall, PaceMessage, Permits, is_paceable
from airflow_sm_pipelines.pace.queue import SHORT_WAIT
from airflow_sm_pipelines.pace.rates import read_rates

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_sm_pipelines.aws.failures import StepFailure
    from airflow_sm_pipelines.jobs.job_run import StepJobRun
    from airflow_sm_pipelines.jobs.step_run import StepRun
    from airflow_sm_pipelines.pace.queue import Answer

MAX_PAUSE_SECONDS = 60.0


class Held(Struct, frozen=True):
    """What a try keeps over its pauses: whether it has waited for its turn, how often AWS has throttled its call, and
    since when (epoch seconds), moved on by what :meth:`in_line` does not count.
    """

    again: bool = False
    throttles: int = 0
    throttled_since: float | None = None

    def in_line(self, seconds: float) -> Held:
        """The same before a turn that is so far away.

        What goes beyond :data:`MAX_PAUSE_SECONDS` does not count for the patience: our own steps make a long line. A
        call that is alone in it never waits for longer at a time.
        """
        if self.throttled_since is None:
            return replace(self, again=True)
        uncounted = max(0.0, seconds - MAX_PAUSE_SECONDS)
        return replace(self, again=True, throttled_since=self.throttled_since + uncounted)

    def to_json(self) -> dict[str, Any]:
        stored: dict[str, Any] = msgspec.to_builtins(self)
        return stored

    @classmethod
    def from_json(cls, stored: Any) -> Held:
        return msgspec.convert(stored, cls)


class Pause(Struct, frozen=True):
    """The step goes on at ``until`` (epoch seconds)."""

    until: float
    held: Held


class Admission:
    """Lets the calls of one try pass.

    :param account: gives the account in which a call is made, where that is known
    :param may_pause: whether a long wait is a pause; else it is waited for here
    :param jitter: gives a random number between two
    """

    def __init__(
        self,
        run: StepRun,
        permits: Permits | None = None,
        *,
        account: Callable[[], str | None] = lambda: None,
        may_pause: bool = False,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._run = run
        self._permits = permits or NoPermits()
        self._account = account
        self._may_pause = may_pause
        self._jitter = jitter
        self._granted: Answer | None = None
        self.held = Held()

    @classmethod
    def of_job(cls, run: StepJobRun, permits: Permits | None = None, **more: Any) -> Self:
        """For a call that creates a job, in the account of its role."""
        return cls(run, permits, account=lambda: account_in(run, run.request), **more)

    def admit(self, api: str) -> Pause | None:
        """Wait for the permit of a call; the pause, where that takes long."""
        call = self._paced(api)
        if call is None:
            return None
        return self._wait_for(
            call, self._permits.say(PaceMessage.ASK_AGAIN if self.held.again else PaceMessage.ASK, call)
        )

    def taken(self, api: str) -> None:
        """AWS has taken the call."""
        call = self._paced(api)
        if call is not None and self._granted is not None and self._granted.report:
            self._permits.say(PaceMessage.TAKEN, call)

    def throttled(self, api: str, failure: StepFailure) -> Pause | None:
        """Wait until a call that AWS has throttled is to be made again; the pause, where that takes long.

        :raises StepFailure: the failure, where the patience with throttling is over
        """
        run, patience = self._run, self._run.settings.throttle_patience
        call, now = self._paced(api), self._run.clock.time()
        granted = None if call is None else self._granted
        since = now if self.held.throttled_since is None else self.held.throttled_since
        is_over = patience <= 0 or now - since > patience
        answer = None
        if call is not None and granted is not None:
            message = PaceMessage.GIVEN_UP if is_over else PaceMessage.THROTTLED
            answer = self._permits.say(message, call, granted.permit)
        pause = self._length(self._pause_of_its_own() if answer is None else answer.wait)
        if is_over or now + min(pause, MAX_PAUSE_SECONDS) - since > patience:
            raise failure
        self.held = Held(again=True, throttles=self.held.throttles + 1, throttled_since=since)
        text = "%s was throttled, and is made again in %.1f s; no retry policy counts that within %g s"
        run.log.warning(text, api, pause, patience)
        if call is not None and answer is not None:
            return self._wait_for(call, answer)
        return self._rest(pause)

    def _wait_for(self, call: PacedCall, answer: Answer | None) -> Pause | None:
        self._measure(call, answer)
        while answer is not None and not answer.granted:
            self._run.log.info("%s: its turn is in %.1f s", call, self._length(answer.wait))
            self.held = self.held.in_line(answer.wait)
            if self._may_pause:
                return self._pause(answer.wait)
            self._rest(answer.wait)
            answer = self._permits.say(PaceMessage.ASK_AGAIN, call)
            self._measure(call, answer)
        self._granted = answer
        return None if answer is None else self._rest(min(answer.wait, SHORT_WAIT))

    @staticmethod
    def _measure(call: PacedCall, answer: Answer | None) -> None:
        if answer is not None and answer.wait > 0:
            PACE_WAITS.record(answer.wait, operation=call.api)

    def _rest(self, seconds: float) -> Pause | None:
        """Wait here, or give the pause."""
        run = self._run
        if self._is_pause(seconds):
            return self._pause(seconds)
        if seconds > 0:
            run.clock.sleep(seconds)
            run.check_alive()
        return None

    def _pause(self, seconds: float) -> Pause:
        return Pause(self._run.clock.time() + max(seconds, SETTLED_SECONDS), self.held)

    def _is_pause(self, seconds: float) -> bool:
        """Whether the worker is given back for so long a wait."""
        return seconds > SHORT_WAIT and self._may_pause

    def _length(self, seconds: float) -> float:
        """How long a wait becomes: a task that is deferred does not come back at once."""
        return max(seconds, SETTLED_SECONDS) if self._is_pause(seconds) else seconds

    def _pause_of_its_own(self) -> float:
        """Doubles with each throttle. Of many who were throttled at once, each comes at another time."""
        longest = min(2.0 ** min(self.held.throttles + 1, 64), MAX_PAUSE_SECONDS)
        return self._jitter(longest / 2, longest)

    def _paced(self, api: str) -> PacedCall | None:
        """The call, where it has a pace."""
        run = self._run
        if api not in read_rates(run.settings.pace):
            return None
        call = PacedCall(api, self._account() or "", run.aws.region)
        return call if is_paceable(call) else None
