"""The arithmetic of a queue: when one is told to call, when to come back, what throttles and successes change."""

from __future__ import annotations

import heapq
import random
from itertools import pairwise

import pytest

from airflow_sm_pipelines.pace.queue import IDLE, SHORTEST_TURN, WIDER, Answer, CallQueue

NOW = 1_000_000.0


def asked(queue: CallQueue, times: int, now: float = NOW, *, again: bool = False) -> tuple[CallQueue, list[Answer]]:
    answers = []
    for _ in range(times):
        queue, answer = queue.ask(now, 1.0, again=again)
        answers.append(answer)
    return queue, answers


def test_the_first_callers_get_permits_an_interval_apart_and_the_others_turns() -> None:
    _, answers = asked(CallQueue(), 10)
    assert [answer.granted for answer in answers] == [True] * 6 + [False] * 4
    assert [answer.wait for answer in answers] == [0, 1, 2, 3, 4, 5, 20, 21, 22, 23]


def test_a_turn_is_never_sooner_than_a_deferred_task_may_come_back() -> None:
    queue, _ = asked(CallQueue(), 7)
    queue, _ = asked(queue, 6, NOW + 14)
    _, (answer,) = asked(queue, 1, NOW + 14)
    assert not answer.granted
    assert answer.wait == SHORTEST_TURN
    _, here = queue.ask(NOW + 14, 1.0, again=False, may_defer=False)
    assert (here.granted, here.wait) == (False, 7.0)


def test_before_the_first_turn_the_permits_are_for_those_who_ask_for_the_first_time() -> None:
    queue, _ = asked(CallQueue(), 12)
    granted = []
    for second in range(6, 22):
        queue, (newcomer,) = asked(queue, 1, NOW + second)
        if newcomer.granted:
            granted.append(second + newcomer.wait)
    # From 16 on, the first of those who wait could have to wait for more than five seconds.
    assert granted == list(range(6, 20))
    _, (waiting,) = asked(queue, 1, NOW + 20, again=True)
    assert (waiting.granted, waiting.wait) == (True, 0)


def test_a_gap_between_turns_is_used_too() -> None:
    queue, _ = asked(CallQueue(), 12)
    queue, (newcomer,) = asked(queue, 1, NOW + 20)
    assert newcomer.wait == SHORTEST_TURN
    for second in range(20, 26):
        queue, (waiting,) = asked(queue, 1, NOW + second, again=True)
        assert (waiting.granted, waiting.wait) == (True, 0)
    queue, answers = asked(queue, 10, NOW + 26)
    assert [answer.wait for answer in answers if answer.granted] == [0, 1, 2, 3, 4, 5]
    # One has the turn at 40 already.
    assert [answer.wait for answer in answers if not answer.granted] == [20, 21, 22, 23]


def test_who_waits_comes_before_who_asks_for_the_first_time() -> None:
    queue, answers = asked(CallQueue(), 12)
    at = NOW + answers[6].wait
    queue, (newcomer,) = asked(queue, 1, at)
    assert not newcomer.granted
    _, (waiting,) = asked(queue, 1, at, again=True)
    assert (waiting.granted, waiting.wait) == (True, 0)


def test_one_who_waits_holds_up_no_newcomer_for_whom_there_is_room() -> None:
    queue, _ = asked(CallQueue(), 7)
    queue, (newcomer,) = asked(queue, 1, NOW + 20)
    assert (newcomer.granted, newcomer.wait) == (True, 0)
    _, (waiting,) = asked(queue, 1, NOW + 20, again=True)
    assert (waiting.granted, waiting.wait) == (True, 1)


def test_a_line_of_steps_that_were_killed_holds_nobody_up() -> None:
    queue, _ = asked(CallQueue(), 1000)
    _, (soon,) = asked(queue, 1, NOW + 30)
    assert not soon.granted
    _, answers = asked(queue, 6, NOW + 60)
    assert [answer.wait for answer in answers] == [0, 1, 2, 3, 4, 5]


def test_a_clock_that_was_set_back_makes_nobody_wait_for_it() -> None:
    queue, _ = asked(CallQueue(), 10)
    _, (answer,) = asked(queue, 1, NOW - 3600, again=True)
    assert answer.wait <= SHORTEST_TURN + 5
    _, (answer,) = asked(queue, 1, NOW - 3600)
    assert answer.wait <= SHORTEST_TURN + 10


def test_of_many_who_come_back_at_once_no_two_have_one_permit() -> None:
    queue, _ = asked(CallQueue(), 40)
    _, answers = asked(queue, 20, NOW + 60, again=True)
    assert [answer.wait for answer in answers if answer.granted] == [0, 1, 2, 3, 4, 5]
    turns = [answer.wait for answer in answers if not answer.granted]
    assert all(later - sooner >= 1 for sooner, later in pairwise(turns))


def test_a_throttle_widens_the_interval_once_for_all_permits_that_were_granted_before() -> None:
    queue, answers = asked(CallQueue(), 4)
    for answer in answers:
        queue, again = queue.throttled(NOW + 4, 1.0, answer.permit)
        assert queue.interval == WIDER
        assert again.wait >= WIDER
    queue, later = queue.ask(NOW + 20, 1.0, again=True)
    assert later.report
    queue, _ = queue.throttled(NOW + 20, 1.0, later.permit)
    assert queue.interval == WIDER**2


def test_calls_that_are_taken_narrow_it_again() -> None:
    queue, (answer,) = asked(CallQueue(), 1)
    queue, _ = queue.throttled(NOW, 1.0, answer.permit)
    widths = []
    for _ in range(20):
        queue = queue.taken(NOW + 1, 1.0)
        widths.append(queue.interval)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == 1.0
    assert not queue.ask(NOW + 10, 1.0, again=False)[1].report


def test_after_a_long_silence_it_begins_anew() -> None:
    queue, (answer,) = asked(CallQueue(), 1)
    queue, _ = queue.throttled(NOW, 1.0, answer.permit)
    assert asked(queue, 1, NOW + IDLE + 60)[0].interval == 1.0


@pytest.mark.parametrize("queue", [CallQueue(1, 1e18, 1e18, 1e18), CallQueue(1e9, 0, 0, 0)])
def test_no_state_makes_a_caller_wait_for_ever(queue: CallQueue) -> None:
    _, answer = queue.ask(NOW, 1.0, again=False)
    assert answer.wait <= 100_000


def test_another_setting_counts_at_once() -> None:
    queue, _ = asked(CallQueue(), 3)
    _, slower = queue.ask(NOW + 3, 10.0, again=True)
    assert slower.granted
    assert queue.ask(NOW + 3, 10.0, again=True)[0].interval == 10.0


class Crowd:
    """Callers against an AWS that takes ``rate`` calls a second; each comes back late, by a random time."""

    def __init__(self, callers: int, rate: float, latency: float, apart: float = 0.02) -> None:
        self.random = random.Random(7)
        self.rate, self.latency = rate, latency
        self.queue = CallQueue()
        self.throttled = self.answers = 0
        self.taken: list[float] = []
        self._tokens, self._filled_at = 1.0, 0.0
        # When somebody does what: ask (no permit yet), or call.
        self._due: list[tuple[float, int, str, float]] = []
        for number in range(callers):
            heapq.heappush(self._due, (number * apart, number, "ask", 0.0))

    def run(self, least: float = 1.0) -> None:
        while self._due:
            now, number, what, permit = heapq.heappop(self._due)
            if what == "call" and self._is_taken(now):
                self.taken.append(now)
                self.queue = self.queue.taken(now, least)
                continue
            self.answers += 1
            if what == "call":
                self.throttled += 1
                self.queue, answer = self.queue.throttled(now, least, permit)
            else:
                self.queue, answer = self.queue.ask(now, least, again=what == "again")
            late = self.random.uniform(0, self.latency) if not answer.granted else 0.0
            due = "call" if answer.granted else "again"
            heapq.heappush(self._due, (now + answer.wait + late + 0.01, number, due, answer.permit))

    def _is_taken(self, now: float) -> bool:
        self._tokens = min(1.0, self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now
        if self._tokens < 0.99:
            return False
        self._tokens -= 1
        return True


@pytest.mark.parametrize("callers", [50, 100, 300])
@pytest.mark.parametrize("latency", [0.0, 8.0])
def test_a_crowd_is_through_in_about_a_second_for_each(callers: int, latency: float) -> None:
    crowd = Crowd(callers, rate=1.0, latency=latency)
    crowd.run()
    assert len(crowd.taken) == callers
    assert crowd.throttled <= callers * 0.05
    assert callers - 1 <= max(crowd.taken) <= callers * 1.25 + SHORTEST_TURN + 2 * latency
    assert crowd.answers <= callers * 3


@pytest.mark.parametrize("apart", [0.7, 0.9, 1.0, 1.1])
@pytest.mark.parametrize("latency", [0.0, 8.0])
def test_about_as_many_callers_as_permits_leave_few_permits_unused(apart: float, latency: float) -> None:
    crowd = Crowd(400, rate=1.0, latency=latency, apart=apart)
    crowd.run()
    assert len(crowd.taken) == 400
    assert max(crowd.taken) <= 400 * max(1.0, apart) * 1.1 + SHORTEST_TURN + 2 * latency


def test_where_aws_takes_less_than_is_configured_the_pace_learns_it() -> None:
    crowd = Crowd(200, rate=0.4, latency=5.0)
    crowd.run()
    assert len(crowd.taken) == 200
    assert max(crowd.taken) <= 200 / 0.4 * 1.5 + SHORTEST_TURN
    assert crowd.throttled <= 100


@pytest.mark.parametrize(("load", "mean"), [(0.5, 1.5), (0.6, 2.0), (0.7, 3.0), (0.8, 6.0)])
@pytest.mark.parametrize("burst", [0, 20, 300])
def test_below_the_pace_few_have_to_wait_long(load: float, mean: float, burst: int) -> None:
    """Steps that begin now and then, also after a fan-out: the line comes to its end."""
    chance, queue, due = random.Random(1), CallQueue(), []
    came: dict[int, float] = {}
    at = NOW
    for number in range(burst + 3000):
        at += 0.02 if number < burst else chance.expovariate(load)
        came[number] = at
        due.append((at, number, False))
    waits: dict[int, float] = {}
    heapq.heapify(due)
    while due:
        now, number, again = heapq.heappop(due)
        queue, answer = queue.ask(now, 1.0, again=again)
        if answer.granted:
            waits[number] = now + answer.wait - came[number]
        else:
            heapq.heappush(due, (now + answer.wait + chance.uniform(0, 4), number, True))
    later = [wait for number, wait in waits.items() if number >= burst + 1500]
    assert sum(later) / len(later) <= mean
