"""What a part tells: lines of its table, and what has to hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

NOTHING = "-"


class Line(Struct, frozen=True, tag="line"):
    """A line of a part's table: the same figure of ours and of the provider's operators, in words with units."""

    what: str
    ours: str
    provider: str = NOTHING


class Judged(Struct, frozen=True, tag="judged"):
    """Something that has to hold, and what was seen."""

    what: str
    holds: bool
    seen: str


Told = Line | Judged


class Part(Protocol):
    """A module of ``bench.scale.parts``."""

    WHAT: str

    def measure(self, size: float) -> Iterator[Told]:
        """Measure at this share of the full size, and tell each thing once it is known."""


def scaled(full: float, size: float) -> int:
    """A number at this share of the full size, 1 at least."""
    return max(round(full * size), 1)


def write(told: Told, into: Path) -> None:
    with into.open("ab") as file:
        file.write(msgspec.json.encode(told) + b"\n")


def read(path: Path) -> list[Told]:
    return [msgspec.json.decode(line, type=Told) for line in path.read_bytes().splitlines()]


def seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.3g} ms"


def size_of(count: float) -> str:
    """Bytes in words."""
    for unit, least in (("MB", 1e6), ("KB", 1e3)):
        if count >= least:
            return f"{count / least:.3g} {unit}"
    return f"{count:.0f} B"
