"""Numbers that Airflow's processes and its database cannot hand on as numbers.

The messages between Airflow's processes are msgpack, whose integers have 64 bits, with or without a sign. PostgreSQL's
JSON gives a float from 1e16 up back as an integer, so the limits hold for floats as well.
"""

from __future__ import annotations

from typing import Final

MIN_NUMBER: Final = -(2**63)
MAX_NUMBER: Final = 2**64 - 1
"""The range of the integers that a message holds."""


def fits(number: float) -> bool:
    """Whether a number, an integer or a float, can be handed on as a number."""
    return MIN_NUMBER <= number <= MAX_NUMBER
