"""Who calls the API: the request as it came, and what authentication makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Literal, Protocol

from msgspec import Struct

Action = Literal["read", "start", "write"]
"""read: Describe… and List…; start: executions (start, stop, retry, update); write: pipelines and their tags."""


class SignedRequest(Struct, frozen=True):
    """A request as it arrived. ``path`` and ``query`` are as they stood in the request line, ``headers`` have names
    in lower case, and of a header that came twice both values, joined by a comma.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class Caller(Struct, frozen=True):
    """An access key and what it may do: ``actions`` on the pipelines whose names match one of the ``patterns``
    (globs, in upper or lower case). ``user`` is the name of the Airflow user that the key is bound to.
    """

    access_key_id: str
    user: str
    patterns: tuple[str, ...] = ()
    actions: frozenset[Action] = frozenset()

    def allows(self, action: Action, pipeline_name: str) -> bool:
        """Whether the caller may do that with the pipeline of this name."""
        name = pipeline_name.lower()
        return action in self.actions and any(fnmatchcase(name, pattern.lower()) for pattern in self.patterns)

    def allowed(self, action: Action, pipeline_names: Sequence[str]) -> list[str]:
        """Those of these pipelines with which the caller may do that."""
        return [name for name in pipeline_names if self.allows(action, name)]


class Authenticator(Protocol):
    """Finds who has sent a request."""

    def authenticate(self, request: SignedRequest) -> Caller:
        """The caller.

        :raises airflow_sm_pipelines.wire.errors.ApiError: as AWS answers a request that is not signed, signed
            wrongly, or too old
        """
        ...
