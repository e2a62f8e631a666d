"""The limits of an API's model, and AWS's words for what breaks them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.definition.text import unstorable

if TYPE_CHECKING:
    from collections.abc import Iterator


class TextLimits(Struct, frozen=True):
    """How long a text may be (in characters), and which form it has; it is also to be one that can be stored."""

    longest: int
    shortest: int = 0
    pattern: str | None = None
    required: bool = False


def broken(place: str, text: str | None, limits: TextLimits) -> Iterator[str]:
    """What a text breaks, each as AWS says it. The text itself is left out: it may be a secret, or a megabyte."""
    if text is None:
        if limits.required:
            yield f"Value null at '{place}' failed to satisfy constraint: Member must not be null"
        return
    if len(text) > limits.longest:
        yield _said(place, f"have length less than or equal to {limits.longest}")
    elif len(text) < limits.shortest:
        yield _said(place, f"have length greater than or equal to {limits.shortest}")
    elif limits.pattern is not None and re.fullmatch(limits.pattern, text) is None:
        yield _said(place, f"satisfy regular expression pattern: {limits.pattern}")
    elif (character := unstorable(text)) is not None:
        yield _said(place, f"be text that can be stored, and it has {character}")


def too_many(place: str, most: int) -> str:
    """What a list of more than ``most`` elements breaks."""
    return _said(place, f"have length less than or equal to {most}")


def _said(place: str, must: str) -> str:
    return f"Value at '{place}' failed to satisfy constraint: Member must {must}"
