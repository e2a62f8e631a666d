"""What keeps a command from doing what it was asked for."""

from __future__ import annotations

USAGE_ERROR = 2


class CommandError(Exception):
    """Wrong usage, or a file that cannot be read: exit status 2."""
