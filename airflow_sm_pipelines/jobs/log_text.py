"""Long texts in a task's log: Airflow's page does not wrap them, and what is beyond its edge goes unread."""

from __future__ import annotations

import textwrap

WIDTH = 96
"""Characters of a message that a window of 1440 pixels shows beside the list of tasks."""


def in_lines(text: str) -> str:
    """A text as one message of the log, broken where it would be cut. What has no space stays whole.

    Its secrets are hidden before: one that is broken in two would not be found any more.
    """
    return "\n".join(textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)) or text
