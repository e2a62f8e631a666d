"""The setting ``pace``: how many calls of an API are made in a second, at most."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

API = re.compile(r"[A-Z][A-Za-z0-9]{2,99}")
MIN_RATE, MAX_RATE = 0.001, 1000.0


def read_rates(given: Iterable[str]) -> Mapping[str, float]:
    """The calls a second by the API's name, of entries such as ``CreateTrainingJob=1``.

    :raises ValueError: for an entry that is none; the message says why
    """
    rates: dict[str, float] = {}
    for entry in given:
        api, equals, text = (part.strip() for part in entry.partition("="))
        if not equals or not API.fullmatch(api):
            raise ValueError(f"{entry!r} is no rate such as CreateTrainingJob=1")
        if api in rates:
            raise ValueError(f"{api} has two rates")
        try:
            rates[api] = float(text)
        except ValueError:
            raise ValueError(f"{entry!r}: {text!r} is no number of calls a second") from None
        if not MIN_RATE <= rates[api] <= MAX_RATE or math.isnan(rates[api]):
            raise ValueError(
                f"{entry!r} is not between {MIN_RATE:g} and {MAX_RATE:g} calls a second; without it, no pace"
            )
    return rates
