"""The two ways in which a value fails while a step runs."""

from __future__ import annotations


class UnresolvedError(Exception):
    """An expression that gives nothing to use: the step that asked for it fails, and no retry can help.

    ``expression`` is the expression as a definition writes it; the message says why it cannot be resolved.
    """

    def __init__(self, expression: str, reason: str) -> None:
        super().__init__(f"{expression} {reason}")
        self.expression = expression
        self.reason = reason


class ConditionError(Exception):
    """A condition whose operands cannot be compared: the Condition step fails."""
