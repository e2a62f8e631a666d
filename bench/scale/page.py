"""The page of what was measured at scale, as Markdown."""

from __future__ import annotations

import importlib
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.scale.lines import NOTHING, Judged, Line, Told, read

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "bench" / "SCALE.md"
KEPT = ROOT / "build" / "scale"
PACKAGES = ("apache-airflow", "apache-airflow-providers-amazon", "botocore")
HEAD = """# What `make scale` has measured

Ours, and the Amazon provider's operators where they can do the same. Times are of this machine, and of whatever
else ran on it; nothing timed is asserted anywhere. What has to hold stands below each table.
"""


class Measured(Struct, frozen=True):
    """What a part has told, and when and by what; ``ended`` is whether it came to its end."""

    part: str
    size: float
    told: Sequence[Told]
    conditions: str
    ended: bool

    @classmethod
    def of(cls, part: str, size: float, into: Path, conditions: str, *, ended: bool) -> Measured:
        return cls(part, size, read(into), conditions, ended)

    @property
    def is_bad(self) -> bool:
        return not self.ended or any(isinstance(each, Judged) and not each.holds for each in self.told)

    def save(self) -> None:
        KEPT.mkdir(parents=True, exist_ok=True)
        (KEPT / f"{self.part}.json").write_bytes(msgspec.json.encode(self))


def conditions(seconds: float) -> str:
    """When, of which commit, with which versions, and on how busy a machine."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {_git('rev-parse', '--short', 'HEAD')};"
        f" Python {platform.python_version()}, {packages}; {os.cpu_count()} CPUs, load over 15 minutes"
        f" {os.getloadavg()[2]:.1f}; {seconds / 60:.1f} minutes."
    )


def page(parts: Sequence[str]) -> str:
    """All parts of which something was kept, in this order."""
    kept = [KEPT / f"{part}.json" for part in parts]
    found = [msgspec.json.decode(path.read_bytes(), type=Measured) for path in kept if path.exists()]
    return "\n".join([HEAD, *(section(measured) for measured in found)])


def section(measured: Measured) -> str:
    lines = [each for each in measured.told if isinstance(each, Line)]
    judged = [each for each in measured.told if isinstance(each, Judged)]
    size = "" if measured.size == 1 else f" (at {measured.size:g} of the size)"
    told = [f"## {importlib.import_module(f'bench.scale.parts.{measured.part}').WHAT}{size}\n", measured.conditions, ""]
    told += ["| | ours | the provider's operators |", "|---|---|---|"]
    told += [f"| {line.what} | {line.ours} | {line.provider or NOTHING} |" for line in lines]
    told += ["", *(f"- {'Holds' if each.holds else '**Does not hold**'}: {each.what}: {each.seen}." for each in judged)]
    if not measured.ended:
        told.append("- **Not measured to its end.**")
    return "\n".join([*told, ""])


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S607
