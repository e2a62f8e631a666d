"""Who may call when: the arithmetic of one queue of callers. Plain numbers, no Airflow; times are in seconds.

A caller gets a *permit*, a moment at which it may make one call. Permits are an interval apart. One whose permit would
be more than :data:`SHORT_WAIT` away gets a *turn* instead: a moment at which it asks again. So no permit is kept for
somebody who comes late, and of many who come back at once, each waits for its own permit.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

SHORT_WAIT = 5.0
"""A caller waits for so long for its permit; the turn of one that would wait longer is at least so far away."""
WIDER = 1.5
NARROWER = 0.95
"""What a throttled call and one that was taken do to the interval. One throttle in nine leaves it as it is."""
WIDEST = 60.0
IDLE = 900.0
"""After so long without a call, nothing is known any more of what AWS takes."""
MAX_TURN_SECONDS = 86_400.0


class Answer(Struct, frozen=True):
    """The answer to a caller: to call, or to ask again, in ``wait`` seconds.

    ``permit`` names a permit that was granted, for the message on what came of it; ``report`` says that a call that was
    taken is to be reported, too.
    """

    granted: bool
    wait: float
    permit: float = 0.0
    report: bool = False


class CallQueue(Struct, frozen=True):
    """The state of one queue.

    ``interval`` is what lies between two permits at present. ``permit_at`` and ``turn_at`` are the earliest times of
    the next permit and the next turn. Permits before ``learned_until`` were granted before the interval was widened
    last: that their calls are throttled is no news.
    """

    interval: float = 0.0
    permit_at: float = 0.0
    turn_at: float = 0.0
    learned_until: float = 0.0

    def ask(self, now: float, least: float, *, again: bool) -> tuple[CallQueue, Answer]:
        """The answer to one who asks, and the state after it.

        :param least: the interval that is configured
        :param again: whether this is the turn of one who has waited for it
        """
        state = self._at(now, least)
        permit = max(now, state.permit_at)
        someone_waits = state.turn_at > now
        if permit - now <= SHORT_WAIT and (again or not someone_waits):
            granted = replace(state, permit_at=permit + state.interval)
            return granted, Answer(True, permit - now, permit, report=state.interval > least)
        turn = max(now + SHORT_WAIT, permit, state.turn_at)
        return replace(state, turn_at=turn + state.interval), Answer(False, turn - now)

    def throttled(self, now: float, least: float, permit: float) -> tuple[CallQueue, Answer]:
        """AWS has throttled the call of a permit: the interval is widened, and the caller asks again."""
        state = self._at(now, least)
        if permit >= state.learned_until:
            wider = min(state.interval * WIDER, max(WIDEST, least))
            state = replace(state, interval=wider, learned_until=state.permit_at)
        # AWS has nothing left just now.
        state = replace(state, permit_at=max(state.permit_at, now + state.interval))
        return state.ask(now, least, again=True)

    def taken(self, now: float, least: float) -> CallQueue:
        """AWS has taken a call: the interval narrows."""
        state = self._at(now, least)
        return replace(state, interval=max(least, state.interval * NARROWER))

    def _at(self, now: float, least: float) -> CallQueue:
        """The state as it counts now: also where the clock was set back, or the setting has changed."""
        interval = least if now - self.permit_at > IDLE else max(self.interval, least)
        permit_at = min(self.permit_at, now + SHORT_WAIT + interval)
        turn_at = min(self.turn_at, now + MAX_TURN_SECONDS)
        return CallQueue(interval, permit_at, turn_at, min(self.learned_until, permit_at))
