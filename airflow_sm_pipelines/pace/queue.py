"""Who may call when: the arithmetic of one queue of callers. Plain numbers, no Airflow; times are in seconds.

A caller gets a *permit*, a moment at which it may make one call. Permits are an interval apart. One whose permit would
be more than :data:`SHORT_WAIT` away gets a *turn* instead: a moment at which it asks again. So no permit is kept for
somebody who comes late, and of many who come back at once, each waits for its own permit.

Who waits for a turn comes before who asks for the first time. But a turn is at least :data:`SHORTEST_TURN` away, and so
there are *gaps* between turns. Who asks for the first time gets a permit if those whose turn comes within a short wait
still get theirs within one.
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
DEAD_LINE = 2 * SHORTEST_TURN
"""After so long, or three intervals, without a permit those who have turns do not come: their steps were killed."""
MAX_TURN_SECONDS = 86_400.0
MAX_GAPS = 32


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
    last: that their calls are throttled is no news. ``gaps`` are the times to come, from and until, before ``turn_at``
    in which nobody has a turn.
    """

    interval: float = 0.0
    permit_at: float = 0.0
    turn_at: float = 0.0
    learned_until: float = 0.0
    gaps: tuple[tuple[float, float], ...] = ()

    def ask(self, now: float, least: float, *, again: bool, may_defer: bool = True) -> tuple[CallQueue, Answer]:
        """The answer to one who asks, and the state after it.

        :param least: the interval that is configured
        :param again: whether this is the turn of one who has waited for it
        :param may_defer: whether the caller waits in a trigger; else it holds its worker, and its turn may be sooner
        """
        state = self._at(now, least)
        permit = max(now, state.permit_at)
        booked = 0.0 if again else state._booked(now)
        if permit - now <= SHORT_WAIT - (booked + state.interval if booked else 0.0):
            granted = replace(state, permit_at=permit + state.interval)
            return granted, Answer(True, permit - now, permit, report=state.interval > least)
        line_end = max(state.turn_at, now)
        turn = max(now + (SHORTEST_TURN if may_defer else SHORT_WAIT), permit, line_end)
        gaps = (*state.gaps, (line_end, turn))[-MAX_GAPS:] if turn > line_end else state.gaps
        return replace(state, turn_at=turn + state.interval, gaps=gaps), Answer(False, turn - now)

    def _booked(self, now: float) -> float:
        """In how many of the next seconds, up to a short wait, somebody has a turn."""
        end = min(now + SHORT_WAIT, self.turn_at)
        free = sum(max(0.0, min(until, end) - max(since, now)) for since, until in self.gaps)
        return max(0.0, end - now - free)

    def throttled(self, now: float, least: float, permit: float, *, may_defer: bool = True) -> tuple[CallQueue, Answer]:
        """AWS has throttled the call of a permit: the interval is widened, and the caller asks again."""
        return self.widened(now, least, permit).ask(now, least, again=True, may_defer=may_defer)

    def widened(self, now: float, least: float, permit: float) -> CallQueue:
        """The state after AWS has throttled the call of a permit."""
        state = self._at(now, least)
        if permit >= state.learned_until:
            wider = min(state.interval * WIDER, max(WIDEST, least))
            state = replace(state, interval=wider, learned_until=state.permit_at)
        # AWS has nothing left just now.
        return replace(state, permit_at=max(state.permit_at, now + state.interval))

    def taken(self, now: float, least: float) -> CallQueue:
        """AWS has taken a call: the interval narrows."""
        state = self._at(now, least)
        return replace(state, interval=max(least, state.interval * NARROWER))

    def _at(self, now: float, least: float) -> CallQueue:
        """The state as it counts now: also where the clock was set back, or the setting has changed."""
        interval = least if now - self.permit_at > IDLE else max(self.interval, least)
        permit_at = min(self.permit_at, now + SHORT_WAIT + interval)
        # No permit is given for later: by so much was the clock set back.
        turn_at = min(self.turn_at - (self.permit_at - permit_at), now + MAX_TURN_SECONDS)
        if now - permit_at > max(DEAD_LINE, 3 * interval):
            turn_at = min(turn_at, now)
        gaps = tuple((since, until) for since, until in self.gaps if now < until <= turn_at)
        return CallQueue(interval, permit_at, turn_at, min(self.learned_until, permit_at), gaps)
