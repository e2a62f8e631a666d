"""The lenient ISO-8601 durations of a step cache's ``ExpireAfter``.

Grammar, letters in either case::

    duration = ["P"] [date] ["T" time]          date and time not both empty
    date     = [n "Y"] [n "M"] [n "W"] [n "D"]
    time     = [n "H"] [n "M"] [n "S"]           n = a whole number of at most nine digits

The units come in this order, each at most once. ``M`` is months before a ``T`` and minutes after it. A ``T`` may be
left out before hours and seconds, which are plain without it (``12H``, ``12H30M``); ``30M`` alone is months.
Accepted for example: ``P30D``, ``30d``, ``T16m``, ``PT1H``, ``30dT5h``, ``P1Y2M3DT4H5M6S``.
"""

from __future__ import annotations

import re

from msgspec import Struct

_UNITS = {"Y": "years", "M": "months", "W": "weeks", "D": "days", "H": "hours", "m": "minutes", "S": "seconds"}
_ORDER = tuple(_UNITS.values())
_TOKEN = re.compile(r"(T?)([0-9]{1,9})([YMWDHS])")


class Duration(Struct, frozen=True):
    """A duration in calendar units; a week is seven days. Years and months have no fixed length."""

    years: int = 0
    months: int = 0
    days: int = 0
    hours: int = 0
    minutes: int = 0
    seconds: int = 0


def parse_duration(text: str) -> Duration:
    """The duration that ``text`` writes.

    :raises ValueError: saying what is wrong where ``text`` is no duration of the grammar above.
    """
    rest = text.upper().removeprefix("P")
    if not rest:
        raise ValueError("a duration is empty")
    amounts: dict[str, int] = {}
    in_time_part = False
    position = 0
    while position < len(rest):
        token = _TOKEN.match(rest, position)
        if token is None or (token[1] and in_time_part):
            raise ValueError(f"{rest[position : position + 60]!r} is not <number><unit>, like 30D, or T16M for minutes")
        letter = token[3]
        in_time_part = in_time_part or bool(token[1]) or letter in "HS"
        unit = _UNITS["m" if letter == "M" and in_time_part else letter]
        if in_time_part and unit not in _ORDER[4:]:
            raise ValueError(f"{unit} stand before the time of day")
        if amounts and _ORDER.index(unit) <= max(_ORDER.index(given) for given in amounts):
            raise ValueError(f"{unit} stand out of order or twice; the order is {', '.join(_ORDER)}")
        amounts[unit] = int(token[2])
        position = token.end()
    amounts["days"] = amounts.get("days", 0) + 7 * amounts.pop("weeks", 0)
    return Duration(**amounts)
