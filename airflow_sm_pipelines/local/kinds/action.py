"""One call of an action that the endpoint answers itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow_sm_pipelines.local.state import EndpointState


@dataclass(frozen=True)
class Action:
    """One call of an action: its checked parameters, when and where it was made."""

    state: EndpointState
    region: str
    now: float
    parameters: dict[str, Any]


Handler = Callable[[Action], dict[str, Any] | None]
"""Answers an action with the response's JSON object; ``None`` leaves the call to moto."""
