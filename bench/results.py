"""The page of the figures, as Markdown."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from msgspec import Struct

from bench.measuring import Figure
from bench.rows import Row

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("apache-airflow", "apache-airflow-providers-amazon", "botocore")
HEAD = """# What `make bench` has measured

Each figure comes of things that were measured in turn, in one run. A ratio is the median of the ratios of measurements
that follow each other, with its quartiles behind it (of fewer than four: the least and the greatest). Nothing here is
asserted anywhere.
"""


class Measured(Struct, frozen=True):
    """A row's figures. ``failed`` says why there are no further ones; ``seconds`` is how long they took."""

    row: Row
    figures: Sequence[Figure]
    seconds: float
    failed: str | None = None


def page(measured: Sequence[Measured], notes: str) -> str:
    """The whole page.

    :param notes: what is known of targets that are not met, by hand
    """
    seconds = sum(each.seconds for each in measured)
    parts = [HEAD, _conditions(seconds), _missed(measured)]
    if notes:
        parts.append(notes)
    parts += [_section(each) for each in measured]
    return "\n".join(parts)


def section(measured: Measured) -> str:
    return _section(measured)


def _conditions(seconds: float) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    load = os.getloadavg()[2]
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {_commit()}; Python {platform.python_version()}, {packages};"
        f" {os.cpu_count()} CPUs, load over 15 minutes {load:.1f}; {seconds / 60:.1f} minutes.\n"
    )


def _commit() -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S607

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/RESULTS.md")
    return git("rev-parse", "--short", "HEAD") + (" with changes" if changed else "")


def _missed(measured: Sequence[Measured]) -> str:
    lines = [f"- {each.row.what}: {each.failed}" for each in measured if each.failed]
    lines += [
        f"- {each.row.what}, {figure.what}: {_value(figure)}, and not {_limit(figure)}"
        for each in measured
        for figure in each.figures
        if not figure.is_met
    ]
    judged = [figure for each in measured for figure in each.figures if figure.limit is not None]
    met = sum(figure.is_met for figure in judged)
    told = f"{met} of {len(judged)} figures with a target meet it."
    return "\n".join([f"{told} Not met:\n", *lines, ""] if lines else [told, ""])


def _section(measured: Measured) -> str:
    row = measured.row
    lines = [
        f"## {row.what}\n",
        f"Against {row.against}; target {row.target} (`bench/rows/{row.name}.py`).\n",
        "| | ours | against | figure | target | |",
        "|---|---|---|---|---|---|",
    ]
    for figure in measured.figures:
        verdict = "" if figure.limit is None else "met" if figure.is_met else "**not met**"
        spread = f"{_number(figure.value.low)} to {_number(figure.value.high)}"
        lines.append(
            f"| {figure.what} | {figure.ours} | {figure.against} | {_value(figure)} ({spread}) | {_limit(figure)} |"
            f" {verdict} |"
        )
    if measured.failed:
        lines.append(f"\n{measured.failed}")
    return "\n".join([*lines, ""])


def _value(figure: Figure) -> str:
    return f"{_number(figure.value.median)}{_unit(figure)}"


def _limit(figure: Figure) -> str:
    return "" if figure.limit is None else f"≤ {_number(figure.limit)}{_unit(figure)}"


def _unit(figure: Figure) -> str:
    return figure.unit if figure.unit == "x" else f" {figure.unit}"


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 0.1 else f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"
