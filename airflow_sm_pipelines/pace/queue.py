"""Who may call when: the arithmetic of one queue of callers. Plain numbers, no Airflow; times are in seconds.

A caller gets a *permit*, a moment at which it may make one call. Permits are an interval apart. One whose permit would
be more than :data:`SHORT_WAIT` away gets a *turn* instead: a moment at which it asks again. So no permit is kept for
somebody who comes late, and of many who come back at once, each waits for its own permit.

Who waits for a turn comes before who asks for the first time. But a turn is at least :data:`SHORTEST_TURN` away. So
there can be a *gap*, in which nobody has a turn: its permits go to those who ask for the first time.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

SHORT_WAIT = 5.0
"""A caller waits for so long for its permit."""
SHORTEST_TURN = 20.0
"""A turn is at least so far away: a deferred task must not come back sooner (``jobs/deferral.py``)."""
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
    last: that their calls are throttled is no news. Between ``gap_from`` and ``gap_until`` nobody has a turn.
    """

    interval: float = 0.0
    permit_at: float = 0.0
    turn_at: float = 0.0
    learned_until: float = 0.0
    gap_from: float = 0.0
    gap_until: float = 0.0

    def ask(self, now: float, least: float, *, again: bool) -> tuple[CallQueue, Answer]:
        """The answer to one who asks, and the state after it.

        :param least: the interval that is configured
        :param again: whether this is the turn of one who has waited for it
        """
        state = self._at(now, least)
        permit = max(now, state.permit_at)
        someone_waits = state.turn_at > now
        in_gap = state.gap_from <= permit and permit + state.interval <= state.gap_until
        if permit - now <= SHORT_WAIT and (again or not someone_waits or in_gap):
            granted = replace(state, permit_at=permit + state.interval)
            return granted, Answer(True, permit - now, permit, report=state.interval > least)
        turn = max(now + SHORTEST_TURN, permit, state.turn_at)
        if turn > state.turn_at and state.gap_until <= now:
            state = replace(state, gap_from=max(state.turn_at, now), gap_until=turn)
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
        learned_until, gap_until = min(self.learned_until, permit_at), min(self.gap_until, turn_at)
        return CallQueue(interval, permit_at, turn_at, learned_until, self.gap_from, gap_until)
