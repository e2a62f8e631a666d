"""``python -m tests.fuzz``: take wild inputs the whole way, for a time or by number, and tell what came of them.

Every input follows from its seed, its way and its number, so a find can be had again:
``python -m tests.fuzz --way parsing --seed 1 --first 4711 --count 1``.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import logging
import random
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.fuzz.shrinking import kind_of, shrunk
from tests.fuzz.site import database, prepare

if TYPE_CHECKING:
    from tests.fuzz.ways import Way


class Kind(NamedTuple):
    """A way's class, its share of the time, how many inputs a short round has of it, and whether it uses PostgreSQL."""

    name: str
    share: int
    short: int
    postgres: bool = True


WAYS = {
    "reading": Kind("Reading", 3, 1000, postgres=False),
    "parsing": Kind("Parsing", 3, 15, postgres=False),
    "meeting": Kind("Meeting", 1, 100, postgres=False),
    "storing": Kind("Storing", 3, 4),
    "configuring": Kind("Configuring", 2, 80),
    "answering": Kind("Answering", 2, 40),
}
SHOWN = 3000
SHORT_SEED = "short"


@dataclass
class Tally:
    """What came of one way's inputs."""

    way: str
    seed: str
    counted: int = 0
    seconds: float = 0.0
    slowest: tuple[float, int] = (0.0, 0)
    came: Counter[str] = field(default_factory=Counter)
    finds: dict[str, str] = field(default_factory=dict)

    def line(self) -> str:
        came = ", ".join(f"{count} {what}" for what, count in self.came.most_common())
        return (
            f"{self.way:12} {self.counted:>9,} in {self.seconds:7.1f} s, slowest input {self.slowest[0]:.2f} s"
            f" (number {self.slowest[1]}): {came or 'nothing'}; {len(self.finds)} kinds of unexpected exceptions"
        )


def run(name: str, seed: str, numbers: range, seconds: float) -> Tally:
    """Take the inputs of these numbers a way, or as many of them as the time allows."""
    way: Way = getattr(importlib.import_module(f"tests.fuzz.ways.{name}"), WAYS[name].name)()
    tally = Tally(name, seed)
    began = time.monotonic()
    for number in numbers:
        given = way.make(random.Random(f"{seed}:{name}:{number}"))
        started = time.monotonic()
        try:
            tally.came[way.take(given)] += 1
        except Exception as error:  # noqa: BLE001 # whatever is raised is a find
            tally.came["unexpected"] += 1
            kind = kind_of(error)
            if kind not in tally.finds:
                tally.finds[kind] = _told(name, seed, number, error, shrunk(given, way.take))
        tally.counted += way.counted
        ended = time.monotonic()
        if number > numbers.start:  # the first one loads what all of them use
            tally.slowest = max(tally.slowest, (ended - started, number))
        if ended - began > seconds:
            break
    tally.seconds = time.monotonic() - began
    return tally


def _told(name: str, seed: str, number: int, error: Exception, given: Any) -> str:
    shown = repr(given)
    shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}… ({len(shown)} characters)"
    again = f"python -m tests.fuzz --way {name} --seed {seed} --first {number} --count 1"
    return f"{again}\n{''.join(traceback.format_exception(error))[-SHOWN:]}\nat least: {shown}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("--way", action="append", choices=[*WAYS], help="only this one (may be given again)")
    parser.add_argument("--seed", default=str(int(time.time())), help="by default another one at each time")
    parser.add_argument("--first", type=int, default=0, help="the number of the first input")
    parser.add_argument("--count", type=int, help="how many inputs a way")
    parser.add_argument("--short", action="store_true", help="a few inputs each, always the same ones: what CI takes")
    parser.add_argument("--seconds", type=float, help="for how long, all ways together (60, if no number is given)")
    chosen = parser.parse_args(arguments)
    names = chosen.way or [*WAYS]
    seed = SHORT_SEED if chosen.short else chosen.seed
    numbered = chosen.short or chosen.count is not None
    seconds = chosen.seconds if chosen.seconds is not None else float("inf") if numbered else 60.0
    shares = sum(WAYS[name].share for name in names)
    prepare()
    logging.disable(logging.CRITICAL)
    tallies = []
    with database() if any(WAYS[name].postgres for name in names) else contextlib.nullcontext():
        for name in names:
            count = WAYS[name].short if chosen.short else sys.maxsize if chosen.count is None else chosen.count
            numbers = range(chosen.first, chosen.first + count)
            tallies.append(run(name, seed, numbers, seconds * WAYS[name].share / shares))
            print(tallies[-1].line(), flush=True)
    # A find may hold what cannot be written as UTF-8.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # of a stream that is a file
    finds = [(kind, told) for tally in tallies for kind, told in tally.finds.items()]
    for kind, told in finds:
        print(f"\n=== {kind}\n{told}")
    inputs = sum(tally.counted for tally in tallies)
    print(f"\nseed {seed}: {inputs:,} inputs, {len(finds)} kinds of unexpected exceptions")
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main())
