"""What an observer sees of the endpoint: logged requests and jobs. Plain data, the same in process and over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class LoggedRequest:
    """One request as it arrived and how it was answered.

    ``time`` is the endpoint's clock (epoch seconds), ``parameters`` are as sent, ``status`` is the HTTP code, 0
    when a fault dropped the connection (then ``error_code`` is ``ConnectionDropped``).
    """

    index: int
    time: float
    service: str
    action: str
    parameters: dict[str, Any]
    status: int
    error_code: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The record as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> LoggedRequest:
        """Read back what :meth:`to_json` wrote."""
        return cls(**value)


@dataclass(frozen=True)
class JobRecord:
    """A resource of SageMaker's as the endpoint knows it now; times are epoch seconds of the endpoint's clock."""

    kind: str
    name: str
    arn: str
    status: str
    detail: str
    created: float
    ended: float | None
    failure_reason: str | None
    request: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The record as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> JobRecord:
        """Read back what :meth:`to_json` wrote."""
        return cls(**value)
