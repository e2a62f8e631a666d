"""Errors as AWS answers them."""

from __future__ import annotations


class ApiError(Exception):
    """An error of an API: its code, its words and its HTTP status, which is 400 for SageMaker's own errors."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
