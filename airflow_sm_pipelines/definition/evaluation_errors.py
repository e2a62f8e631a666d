"""The two ways in which a value fails while a step runs."""

from __future__ import annotations

MAX_NAME_LENGTH = 500
"""As many characters of an expression as a message names it by: a Join can have thousands of parts."""


def shortened_name(expression: str) -> str:
    """An expression in a message."""
    return expression if len(expression) <= MAX_NAME_LENGTH else f"{expression[:MAX_NAME_LENGTH]}…"


class UnresolvedError(Exception):
    """An expression that gives nothing to use: the step that asked for it fails, and no retry can help.

    ``expression`` is the expression as a definition writes it; the message says why it cannot be resolved.
    """

    def __init__(self, expression: str, reason: str) -> None:
        super().__init__(f"{shortened_name(expression)} {reason}")
        self.expression = expression
        self.reason = reason


class ConditionError(Exception):
    """A condition whose operands cannot be compared: the Condition step fails."""
