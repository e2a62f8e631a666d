"""The order of steps, and what keeps them from having one."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush


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
    """For each group of steps that wait for each other, a shortest cycle through the first of them.

    A cycle ``[A, B, A]`` says that A waits for B and B for A.
    """
    done: set[str] = set()
    for name in names:
        if name in done:
            continue
        cycle = _shortest_cycle(name, upstream, done)
        if cycle is not None:
            yield cycle
            done |= _group(name, upstream)
        done.add(name)


def _shortest_cycle(start: str, upstream: Mapping[str, Collection[str]], done: set[str]) -> list[str] | None:
    came_from: dict[str, str] = {}
    queue = deque([start])
    while queue:
        name = queue.popleft()
        for needed in upstream[name]:
            if needed == start:
                cycle = [start]
                while name != start:
                    cycle.append(name)
                    name = came_from[name]
                return [start, *reversed(cycle)]
            if needed not in came_from and needed not in done:
                came_from[needed] = name
                queue.append(needed)
    return None


def _group(start: str, upstream: Mapping[str, Collection[str]]) -> set[str]:
    """All that ``start`` waits for and that waits for it."""
    downstream: dict[str, list[str]] = {}
    for name, needed_names in upstream.items():
        for needed in needed_names:
            downstream.setdefault(needed, []).append(name)
    return _reachable(start, upstream) & _reachable(start, downstream)


def _reachable(start: str, edges: Mapping[str, Collection[str]]) -> set[str]:
    seen = {start}
    stack = [start]
    while stack:
        for name in edges.get(stack.pop(), ()):
            if name not in seen:
                seen.add(name)
                stack.append(name)
    return seen
