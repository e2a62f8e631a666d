"""Texts of a definition on Airflow's pages, which read documentation as Markdown."""

from __future__ import annotations

import re

MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+!|~-])")


def escaped(text: str) -> str:
    """A text in which nothing is taken for markup."""
    return MARKUP.sub(r"\\\1", text)
