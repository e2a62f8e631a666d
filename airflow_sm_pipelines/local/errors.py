"""Errors as AWS answers them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorShape:
    """What a caller sees of an AWS error: its code, its message and the HTTP status."""

    code: str
    message: str
    status: int = 400


class AwsError(Exception):
    """Raised by an action; the application renders it in the caller's protocol."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.shape = ErrorShape(code, message, status)


def invalid(message: str) -> AwsError:
    """SageMaker's answer to most wrong requests, missing resources included."""
    return AwsError("ValidationException", message)


class MotoMissingError(RuntimeError):
    """What the endpoint is made of is not installed."""

    def __init__(self, cause: ImportError) -> None:
        super().__init__(f"the local AWS endpoint needs moto: install this package with the extra 'local' ({cause})")
