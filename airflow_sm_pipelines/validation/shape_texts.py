"""Shapes of AWS's API models as short texts.

A text is the name of a structure, ``[`` and the shape of a list's elements, ``{`` and the shape of a map's values,
``*`` for any JSON, and nothing for a single value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

Shape: TypeAlias = str
Structures: TypeAlias = Mapping[str, Mapping[str, Shape]]
"""The members of each structure of a service, by its name in the API model."""

ANY = "*"
LIST = "["
MAP = "{"
SINGLE = ""


def is_structure(shape: Shape) -> bool:
    """Whether a shape is a structure, which has members of its own."""
    return shape[:1] not in (SINGLE, ANY, LIST, MAP)
