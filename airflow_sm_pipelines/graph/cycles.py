"""The order of steps, and what keeps them from having one."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush

MAX_CYCLES = 20
"""How many cycles are shown of one document: enough to act on, and few enough to find in a tangle of thousands."""


def topological_order(names: Sequence[str], upstream: Mapping[str, Collection[str]]) -> list[str]:
    """The names, each after all of its upstream; what could come at the same time keeps the order of ``names``.

    What stands on a cycle, or waits for one, is missing from the result.
    """
    position = {name: index for index, name in enumerate(names)}
    downstream: dict[str, list[str]] = {name: [] for name in names}
    waiting = {name: len(upstream[name]) for name in names}
    for name in names:
        for needed in upstream[name]:
            downstream[needed].append(name)
    ready = [position[name] for name in names if not waiting[name]]
    heapify(ready)
    order = []
    while ready:
        name = names[heappop(ready)]
        order.append(name)
        for follower in downstream[name]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heappush(ready, position[follower])
    return order


def find_cycles(names: Sequence[str], upstream: Mapping[str, Collection[str]]) -> Iterator[list[str]]:
    """Cycles that keep the names from having an order, at most :data:`MAX_CYCLES`.

    Each is a shortest one through its first step, and that step is on none of those that follow. A cycle ``[A, B, A]``
    says that A waits for B and B for A.
    """
    position = {name: index for index, name in enumerate(names)}
    left = list(names)
    for _ in range(MAX_CYCLES):
        inside = frozenset(left)
        edges = {name: [needed for needed in upstream[name] if needed in inside] for name in left}
        ordered = frozenset(topological_order(left, edges))
        left = [name for name in left if name not in ordered]
        if not left:
            return
        start = min(_some_cycle(left[0], edges, ordered), key=position.__getitem__)
        yield _shortest_cycle(start, edges)
        left.remove(start)


def _some_cycle(name: str, upstream: Mapping[str, Collection[str]], ordered: Collection[str]) -> list[str]:
    """The steps of a cycle that ``name`` is on or waits for: what has no order waits for another that has none."""
    walked: dict[str, int] = {}
    while name not in walked:
        walked[name] = len(walked)
        name = next(needed for needed in upstream[name] if needed not in ordered)
    return list(walked)[walked[name] :]


def _shortest_cycle(start: str, upstream: Mapping[str, Collection[str]]) -> list[str]:
    came_from: dict[str, str] = {}
    queue = deque([start])
    while start not in came_from:
        name = queue.popleft()
        for needed in upstream[name]:
            if needed not in came_from:
                came_from[needed] = name
                queue.append(needed)
    cycle = [start]
    while len(cycle) == 1 or cycle[-1] != start:
        cycle.append(came_from[cycle[-1]])
    return cycle[::-1]
