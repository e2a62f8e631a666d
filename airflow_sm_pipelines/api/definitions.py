"""Definitions as the API judges and reads them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol

from airflow_sm_pipelines.definition.findings import DefinitionError
from airflow_sm_pipelines.graph import Plan, plan
from airflow_sm_pipelines.store.model import Version
from airflow_sm_pipelines.wire.errors import ApiError

MAX_SHOWN = 20
MAX_MESSAGE_LENGTH = 4000


class Linter(Protocol):
    """Judges a describe-pipeline document as the Dag that is made of it would be."""

    def __call__(self, document: dict[str, Any]) -> None:
        """:raises DefinitionError: with all findings"""
        ...


def checked(lint: Linter, version: dict[str, Any]) -> None:
    """Judge a definition that is about to be stored.

    :raises ApiError: ValidationException with the findings
    """
    try:
        lint(version)
    except DefinitionError as error:
        findings = [str(finding) for finding in error.findings]
        more = f" (and {len(findings) - MAX_SHOWN} more)" if len(findings) > MAX_SHOWN else ""
        shown = "\n".join(findings[:MAX_SHOWN])
        message = f"The pipeline definition cannot be used: {shown}{more}"
        raise ApiError("ValidationException", message[:MAX_MESSAGE_LENGTH]) from None


def plan_of(version: Version) -> Plan:
    """The steps of a version and their order. A stored version was judged when it came, so nothing is judged again."""
    return _plan(version.name, version.number, version.definition)


@lru_cache(maxsize=64)
def _plan(name: str, number: int, definition: str) -> Plan:
    return plan(definition, source=f"{name} version {number}", values=None, unsupported_steps="placeholder")
