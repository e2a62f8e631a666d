"""Calls of AWS operations by their names, and what the answers of failed ones mean for a job."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.aws.failures import CallError

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.exceptions import ClientError

MISSING_CODES = frozenset({"ResourceNotFound", "ResourceNotFoundException"})
MISSING_MESSAGE = re.compile(r"not found|could not find|can't find|cannot find|does not exist", re.IGNORECASE)
# What EMR says of an id of a cluster or step that it does not know.
INVALID_ID_MESSAGE = re.compile(r"\bid\b.* is not valid", re.IGNORECASE)
EXISTING_CODES = frozenset({"ResourceInUse", "ResourceInUseException", "ConflictException"})
EXISTING_MESSAGE = re.compile(r"already exist", re.IGNORECASE)


def operation(client: Any, name: str) -> Callable[..., Any]:
    """A client's method for an API operation, such as ``CreateTrainingJob``."""
    from botocore import xform_name

    method: Callable[..., Any] = getattr(client, xform_name(name))
    return method


def is_missing(error: ClientError) -> bool:
    """Whether a Describe call says that there is no such job (the codes differ between kinds)."""
    said = CallError.of(error)
    if said.code == "InvalidRequestException":
        return _matches(INVALID_ID_MESSAGE, said)
    return said.code in MISSING_CODES or (said.code == "ValidationException" and _matches(MISSING_MESSAGE, said))


def is_existing(error: ClientError) -> bool:
    """Whether a Create call says that the name is taken already."""
    said = CallError.of(error)
    return said.code in EXISTING_CODES or (said.code == "ValidationException" and _matches(EXISTING_MESSAGE, said))


def is_ended(error: ClientError) -> bool:
    """Whether a Stop call says that there is nothing left to stop."""
    return CallError.of(error).code == "ValidationException" or is_missing(error)


def _matches(pattern: re.Pattern[str], said: CallError) -> bool:
    return pattern.search(said.message) is not None
