"""What answers operations on pipelines, where the endpoint is given one: it runs them, and so is none of its rooms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol


class PipelineApi(Protocol):
    """Operations on pipelines, by the names and parameters of SageMaker's API. Called from several threads."""

    def serves(self, action: str, parameters: Mapping[str, Any]) -> bool:
        """Whether a call is one of these."""
        ...

    def answer(self, action: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The response's members.

        :raises airflow_sm_pipelines.wire.errors.ApiError: as AWS answers
        """
        ...

    def close(self) -> None:
        """Stop what runs, and forget all pipelines. What comes afterwards begins anew."""
        ...


MakePipelineApi = Callable[[str, Callable[[str, str], bytes | None]], PipelineApi]
"""Makes it for an endpoint: of its URL, and of what reads an object of its S3 by bucket and key."""
