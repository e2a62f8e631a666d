"""What becomes of a step's secrets where others can look, as the life of a step asks it. It holds no Airflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from airflow_sm_pipelines.expressions.long_texts import NO_BOUND, TextBound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.expressions.stringify import Json


class Published(Struct, frozen=True):
    """A step's result as it is shown, and sealed as it is, where that differs and a later step may need it."""

    shown: dict[str, Json]
    sealed: str | None = None


class StepSecrets:
    """Where nothing is secret."""

    def hide(self, text: str) -> str:
        """A text as it may be shown."""
        return text

    def is_secret(self, name: str, /) -> bool:  # noqa: ARG002 # of the interface
        """Whether a value of this name is a secret."""
        return False

    def learn(self, value: Any) -> None:
        """Hide from now on what is secret in a JSON value, wherever else it stands."""

    def publish(
        self,
        result: Mapping[str, Any],
        *,
        readable_again: bool,  # noqa: ARG002 # of the interface
        bound: TextBound = NO_BOUND,
    ) -> Published:
        """Leave a result for the steps that need it.

        :param readable_again: whether it is what the Describe call of the step's job answers
        :param bound: what is left of its long texts
        """
        return Published(bound.of(dict(result)))

    def republish(self, published: Published) -> None:
        """Leave a result that an earlier run has published."""

    def to_store(self, value: Any) -> Any:
        """A JSON value as it may be stored where Airflow shows what it stores."""
        return value

    def from_store(self, stored: Any) -> Any:
        """The value again, None where it cannot be read."""
        return stored
